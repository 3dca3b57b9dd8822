// prefix.c: address prefixes of allow lists and the egress guard.

#include "poison.h"

#include <weir/endpoint.h>
#include <weir/uri.h>

static void bits_clear(uint8_t address[16], unsigned from)
{
	for (unsigned bit = from; bit < 128; bit++)
		address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

bool prefix_parse(struct span text, struct prefix *prefix)
{
	struct endpoint address;
	size_t slash = 0;
	uint64_t length;

	while (slash < text.length && text.octets[slash] != '/')
		slash++;
	if (!endpoint_parse_address(span_of(text.octets, slash), &address))
		return false;
	unsigned limit = address.family == ENDPOINT_V4 ? 32 : 128;

	if (slash == text.length)
		length = limit;
	else if (!number_parse(
			 span_of(text.octets + slash + 1, text.length - slash - 1), limit, &length))
		return false;
	// Equal prefixes have equal octets, however the operator wrote them.
	bits_clear(address.address, (unsigned)length);
	memcpy(prefix->address, address.address, sizeof(prefix->address));
	prefix->family = address.family;
	prefix->length = (uint8_t)length;
	return true;
}
