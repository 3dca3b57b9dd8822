// octet.c: the table of octet classes and the few walks that need more than it.

#include "octet.h"

#include "poison.h"

// What several octets share.
enum {
	UNRESERVED = OCTET_USER | OCTET_PASSWORD | OCTET_URI_PARAMETER | OCTET_URI_HEADER
		| OCTET_URI | OCTET_VALUE,
	ALPHANUM = OCTET_TOKEN | OCTET_HOST | UNRESERVED,
	LETTER = ALPHANUM | OCTET_ALPHA,
	BRACKET = OCTET_URI_PARAMETER | OCTET_URI_HEADER | OCTET_URI | OCTET_VALUE,
};

const uint16_t octet_classes[256] = {
	['\t' ... '\n'] = OCTET_SPACE,
	['\r'] = OCTET_SPACE,
	[' '] = OCTET_SPACE,
	['!'] = OCTET_TOKEN | UNRESERVED,
	['"'] = OCTET_DIVIDER,
	['#'] = OCTET_VALUE,
	['$'] = UNRESERVED,
	['%'] = OCTET_TOKEN | OCTET_VALUE,
	['&'] = UNRESERVED,
	['\''] = OCTET_TOKEN | UNRESERVED,
	['(' ... ')'] = UNRESERVED,
	['*' ... '+'] = OCTET_TOKEN | UNRESERVED,
	[','] = OCTET_USER | OCTET_PASSWORD | OCTET_URI | OCTET_DIVIDER,
	['-' ... '.'] = ALPHANUM,
	['/'] = OCTET_USER | OCTET_PASSWORD | BRACKET,
	['0' ... '9'] = ALPHANUM | OCTET_DIGIT | OCTET_HEX,
	[':'] = OCTET_PASSWORD | BRACKET,
	[';'] = OCTET_USER | OCTET_PASSWORD | OCTET_URI,
	['<'] = OCTET_DIVIDER,
	['='] = OCTET_USER | OCTET_PASSWORD | OCTET_URI_HEADER | OCTET_URI | OCTET_VALUE,
	['?'] = OCTET_USER | OCTET_PASSWORD | OCTET_URI_HEADER | OCTET_URI | OCTET_VALUE,
	['@'] = OCTET_URI | OCTET_VALUE,
	['A' ... 'F'] = LETTER | OCTET_HEX,
	['G' ... 'Z'] = LETTER,
	['['] = BRACKET,
	[']'] = BRACKET,
	['^'] = OCTET_VALUE,
	['_'] = ALPHANUM,
	['`'] = OCTET_TOKEN | OCTET_VALUE,
	['a' ... 'f'] = LETTER | OCTET_HEX,
	['g' ... 'z'] = LETTER,
	['{' ... '}'] = OCTET_VALUE,
	['~'] = OCTET_TOKEN | UNRESERVED,
	[0x80 ... 0xff] = OCTET_VALUE,
};

int octet_hex_value(uint8_t octet)
{
	if (octet >= '0' && octet <= '9')
		return octet - '0';
	octet = octet_lower(octet);
	return octet >= 'a' && octet <= 'f' ? octet - 'a' + 10 : -1;
}

uint32_t octets_skip_escaped(const uint8_t *base, uint32_t at, uint32_t end, unsigned classes)
{
	for (;;) {
		while (at < end && base[at] != '%' && octet_is(base[at], classes))
			at++;
		if (end - at < 3 || base[at] != '%' || !octet_is(base[at + 1], OCTET_HEX)
			|| !octet_is(base[at + 2], OCTET_HEX))
			return at;
		at += 3;
	}
}

uint32_t octets_skip_quoted(const uint8_t *base, uint32_t at, uint32_t end)
{
	for (at++; at < end; at++) {
		if (base[at] == '"')
			return at + 1;
		// A backslash takes the next octet with it, but never the line break of a fold.
		if (base[at] == '\\' && ++at < end && (base[at] == '\r' || base[at] == '\n'))
			return 0;
	}
	return 0;
}
