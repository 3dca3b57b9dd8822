// base64url.h: RFC 4648 section 5 without padding; the one canonical text of an octet string, and nothing else, decodes.

#pragma once

#include <weir/span.h>

// Octets of text for n octets.
static inline size_t base64url_length(size_t octets)
{
	return (octets * 4 + 2) / 3;
}

// Returns the length of the text; out holds base64url_length(length) octets.
size_t base64url_encode(uint8_t *out, const uint8_t *octets, size_t length);
// Returns the number of octets, or 0 if text is empty, has an octet outside the alphabet, non-zero slack bits, an impossible
// length, or does not fit.
[[nodiscard]] size_t base64url_decode(uint8_t *out, size_t capacity, struct span text);
