// host.c: see host.h.

#include "host.h"

#include "octet.h"
#include "poison.h"

#include <weir/endpoint.h>
#include <weir/uri.h>

enum {
	HOST_MAX = 255,
	LABEL_MAX = 63,
};

static bool label_is_well_formed(struct span label)
{
	return label.length > 0 && label.length <= LABEL_MAX && label.octets[0] != '-'
		&& label.octets[label.length - 1] != '-';
}

// Digits, or 0x and hex digits: what inet_aton() would read as the last part of an address, in whatever base.
static bool label_is_number(struct span label)
{
	unsigned classes = OCTET_DIGIT;
	uint32_t at = 0;

	if (label.length >= 2 && label.octets[0] == '0' && octet_lower(label.octets[1]) == 'x') {
		classes = OCTET_HEX;
		at = 2;
	}
	return octets_skip(label.octets, at, (uint32_t)label.length, classes) == label.length;
}

static bool name_is_well_formed(struct span name)
{
	size_t begin = 0;
	struct span label = {0};

	// The dot of the root may end a name.
	if (name.length > 1 && name.octets[name.length - 1] == '.')
		name.length--;
	for (size_t at = 0; at <= name.length; at++) {
		if (at < name.length && name.octets[at] != '.')
			continue;
		label = span_of(name.octets + begin, at - begin);
		if (!label_is_well_formed(label))
			return false;
		begin = at + 1;
	}
	return !label_is_number(label);
}

// "[" to "]"; what is between them must be an address.
static uint32_t reference_skip(const uint8_t *base, uint32_t at, uint32_t end)
{
	struct endpoint endpoint;
	uint32_t close = at + 1;

	while (close < end
		&& (octet_is(base[close], OCTET_HEX) || base[close] == ':' || base[close] == '.'))
		close++;
	if (close == end || base[close] != ']')
		return 0;
	return endpoint_parse_address(span_of(base + at, close + 1 - at), &endpoint) ? close + 1
										     : 0;
}

uint32_t host_skip(const uint8_t *base, uint32_t at, uint32_t end)
{
	struct endpoint endpoint;

	if (at < end && base[at] == '[')
		return reference_skip(base, at, end);
	uint32_t host_end = octets_skip(base, at, end, OCTET_HOST);
	struct span host = span_of(base + at, host_end - at);

	if (host.length == 0 || host.length > HOST_MAX)
		return 0;
	if (octet_is(host.octets[0], OCTET_DIGIT) && endpoint_parse_address(host, &endpoint))
		return host_end;
	return name_is_well_formed(host) ? host_end : 0;
}

uint32_t port_skip(const uint8_t *base, uint32_t at, uint32_t end, uint16_t *port)
{
	uint32_t port_end = octets_skip(base, at, end, OCTET_DIGIT);
	uint64_t number;

	if (!number_parse(span_of(base + at, port_end - at), UINT16_MAX, &number) || number == 0)
		return 0;
	*port = (uint16_t)number;
	return port_end;
}
