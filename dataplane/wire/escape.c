// escape.c: see escape.h.

#include "escape.h"

#include "octet.h"
#include "poison.h"

static bool octet_is_reserved(unsigned octet)
{
	switch (octet) {
	case ';':
	case '/':
	case '?':
	case ':':
	case '@':
	case '&':
	case '=':
	case '+':
	case '$':
	case ',':
		return true;
	default:
		return false;
	}
}

// The next octet of the text, and the text shortened by it. An escaped reserved octet comes out as one that no plain octet
// is.
static unsigned octet_next(struct span *text, bool nocase)
{
	unsigned octet = text->octets[0];
	size_t step = 1;

	if (octet == '%' && text->length >= 3 && octet_is(text->octets[1], OCTET_HEX)
		&& octet_is(text->octets[2], OCTET_HEX)) {
		octet = (unsigned)octet_hex_value(text->octets[1]) << 4
			| (unsigned)octet_hex_value(text->octets[2]);
		step = 3;
	}
	*text = span_of(text->octets + step, text->length - step);
	if (step == 3 && octet_is_reserved(octet))
		return 0x100 | octet;
	return nocase ? octet_lower((uint8_t)octet) : octet;
}

static bool texts_equal(struct span a, struct span b, bool nocase)
{
	while (a.length > 0 && b.length > 0)
		if (octet_next(&a, nocase) != octet_next(&b, nocase))
			return false;
	return a.length == b.length;
}

bool escaped_equal(struct span a, struct span b)
{
	return texts_equal(a, b, false);
}

bool escaped_equal_nocase(struct span a, struct span b)
{
	return texts_equal(a, b, true);
}
