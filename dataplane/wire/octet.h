// octet.h: what an octet may be part of, one table for every grammar of RFC 3261 section 25.1 that is read here.

#pragma once

#include <weir/span.h>

#include <stdbool.h>
#include <stdint.h>

enum octet_class {
	OCTET_TOKEN = 1 << 0, // token: methods, header names, parameter names
	// SP, HTAB, and CR and LF, which inside a value are the line break of a fold.
	OCTET_SPACE = 1 << 1,
	// Letters, digits, '-' and '.', and '_', which names of machines have whatever RFC 1123 says.
	OCTET_HOST = 1 << 2,
	OCTET_USER = 1 << 3, // user, less %-escapes
	// Password, less %-escapes. ':' and '/' too: the first ':' ends the user, whatever follows it.
	OCTET_PASSWORD = 1 << 4,
	OCTET_URI_PARAMETER = 1 << 5, // paramchar, less %-escapes
	OCTET_URI_HEADER = 1 << 6, // hname and hvalue with '=' and '&' between them, less %-escapes
	OCTET_URI = 1 << 7, // URIs of any scheme: uric, less %-escapes (RFC 2396)
	// Parameter values without quotes; wider than the grammar, since peers write '=' and '@' there.
	OCTET_VALUE = 1 << 8,
	OCTET_ALPHA = 1 << 9,
	OCTET_DIGIT = 1 << 10,
	OCTET_HEX = 1 << 11,
	OCTET_DIVIDER = 1 << 12, // what ends a value of a comma list, or hides the comma that does
};

extern const uint16_t octet_classes[256];

static inline bool octet_is(uint8_t octet, unsigned classes)
{
	return (octet_classes[octet] & classes) != 0;
}

// The first octet from `at` on that is of none of the classes, or end.
static inline uint32_t octets_skip(const uint8_t *base, uint32_t at, uint32_t end, unsigned classes)
{
	// Four at a time: tokens and URIs are long enough for it.
	for (; at + 4 <= end; at += 4) {
		if (!octet_is(base[at], classes))
			return at;
		if (!octet_is(base[at + 1], classes))
			return at + 1;
		if (!octet_is(base[at + 2], classes))
			return at + 2;
		if (!octet_is(base[at + 3], classes))
			return at + 3;
	}
	while (at < end && octet_is(base[at], classes))
		at++;
	return at;
}

// As octets_skip(), and "%" with two hex digits passes too. A bad escape stops it.
uint32_t octets_skip_escaped(const uint8_t *base, uint32_t at, uint32_t end, unsigned classes);

// From the opening quote to behind the closing one (RFC 3261 section 25.1, quoted-string), or 0 if it is not closed.
uint32_t octets_skip_quoted(const uint8_t *base, uint32_t at, uint32_t end);

// 0 to 15, or -1.
int octet_hex_value(uint8_t octet);

static inline uint32_t slice_end(struct slice slice)
{
	return (uint32_t)slice.offset + slice.length;
}

static inline struct slice slice_between(uint32_t begin, uint32_t end)
{
	return (struct slice){(uint16_t)begin, (uint16_t)(end - begin)};
}

// Without white space at both ends.
static inline struct slice slice_trim(const uint8_t *base, uint32_t begin, uint32_t end)
{
	begin = octets_skip(base, begin, end, OCTET_SPACE);
	while (end > begin && octet_is(base[end - 1], OCTET_SPACE))
		end--;
	return slice_between(begin, end);
}
