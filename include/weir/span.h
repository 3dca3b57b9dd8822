// span.h: octets that somebody else owns, and 16-bit slices of a datagram.
//
// Everything that comes from outside is handled in one of these two shapes; nothing from outside is ever a C string.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Borrowed octets. Never owns, never ends in NUL.
struct span {
	const uint8_t *octets;
	size_t length;
};

// A part of a message, relative to the message's first octet. A UDP datagram is shorter than 65,536 octets.
struct slice {
	uint16_t offset;
	uint16_t length;
};

// The octets of a string literal.
#define SPAN(literal) ((struct span){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline struct span span_of(const void *octets, size_t length)
{
	return (struct span){octets, length};
}

static inline struct span slice_span(const uint8_t *base, struct slice slice)
{
	return (struct span){base + slice.offset, slice.length};
}

static inline uint8_t octet_lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.octets, b.octets, a.length) == 0);
}

// Equal when the case of ASCII letters is ignored.
static inline bool span_equal_nocase(struct span a, struct span b)
{
	if (a.length != b.length)
		return false;
	for (size_t i = 0; i < a.length; i++)
		if (octet_lower(a.octets[i]) != octet_lower(b.octets[i]))
			return false;
	return true;
}
