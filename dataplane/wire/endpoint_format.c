// endpoint_format.c: writes addresses as they stand in SIP URIs and Vias.

#include "poison.h"

#include <weir/endpoint.h>

static uint8_t *decimal_write(uint8_t *out, unsigned number)
{
	uint8_t digits[5];
	unsigned count = 0;

	do {
		digits[count++] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (count > 0)
		*out++ = digits[--count];
	return out;
}

static uint8_t *ipv4_write(uint8_t *out, const uint8_t *address)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			*out++ = '.';
		out = decimal_write(out, address[i]);
	}
	return out;
}

static uint8_t *group_write(uint8_t *out, unsigned group)
{
	bool begun = false;

	for (int shift = 12; shift >= 0; shift -= 4) {
		unsigned digit = group >> shift & 15;

		if (digit == 0 && !begun && shift > 0)
			continue;
		begun = true;
		*out++ = (uint8_t)(digit < 10 ? '0' + digit : 'a' + digit - 10);
	}
	return out;
}

static unsigned group_at(const uint8_t *address, unsigned index)
{
	return (unsigned)address[2 * index] << 8 | address[2 * index + 1];
}

// The longest run of two zero groups or more, the first one of equals (RFC 5952 section 4.2). Length 0: there is none.
static void zeroes_find(
	const uint8_t *address, unsigned groups, unsigned *longest, unsigned *length)
{
	unsigned run = 0;

	*longest = groups;
	*length = 0;
	for (unsigned i = 0; i < groups; i++) {
		run = group_at(address, i) == 0 ? run + 1 : 0;
		if (run >= 2 && run > *length) {
			*length = run;
			*longest = i + 1 - run;
		}
	}
}

static uint8_t *ipv6_write(uint8_t *out, const uint8_t *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool quad = memcmp(address, mapped, sizeof(mapped)) == 0;
	unsigned groups = quad ? 6 : 8;
	unsigned gap, gap_length;

	zeroes_find(address, groups, &gap, &gap_length);
	for (unsigned i = 0; i < groups; i++) {
		if (i == gap) {
			*out++ = ':';
			*out++ = ':';
			i += gap_length - 1;
			continue;
		}
		if (i > 0 && i != gap + gap_length)
			*out++ = ':';
		out = group_write(out, group_at(address, i));
	}
	if (!quad)
		return out;
	*out++ = ':'; // RFC 5952 section 5: a mapped address ends in dotted form
	return ipv4_write(out, address + 12);
}

static uint8_t *host_write(uint8_t *out, const struct endpoint *endpoint)
{
	if (endpoint->family != ENDPOINT_V6)
		return ipv4_write(out, endpoint->address);
	*out++ = '[';
	out = ipv6_write(out, endpoint->address);
	*out++ = ']';
	return out;
}

size_t endpoint_format_host(const struct endpoint *endpoint, uint8_t *out)
{
	return (size_t)(host_write(out, endpoint) - out);
}

size_t endpoint_format(const struct endpoint *endpoint, uint8_t *out)
{
	uint8_t *end = host_write(out, endpoint);

	*end++ = ':';
	return (size_t)(decimal_write(end, endpoint->port) - out);
}
