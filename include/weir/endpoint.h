// endpoint.h: an IP address with a port, as the tables, tokens and backends see it.

#pragma once

#include <weir/span.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum endpoint_family {
	ENDPOINT_NONE = 0, // a zeroed endpoint is no endpoint
	ENDPOINT_V4 = 4,
	ENDPOINT_V6 = 6,
};

enum {
	// "[xxxx:xxxx:xxxx:xxxx:xxxx:xxxx:255.255.255.255]:65535" and no NUL
	ENDPOINT_TEXT_MAX = 53,
};

// 20 octets without padding: two endpoints are equal when their octets are.
struct endpoint {
	// Network order; an IPv4 address is in the first four octets, the rest zero.
	uint8_t address[16];
	uint16_t port; // host order
	uint8_t family; // enum endpoint_family
	uint8_t reserved; // zero
};
static_assert(sizeof(struct endpoint) == 20, "endpoints are compared as octets");

static inline bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

// An address prefix, for allow lists and the egress guard.
struct prefix {
	uint8_t address[16];
	uint8_t family; // enum endpoint_family
	uint8_t length; // in bits; at most 32 or 128
};

// Reads "192.0.2.1" or "2001:db8::1" (brackets allowed, zones refused, no leading zeros as octal). The port is left 0.
[[nodiscard]] bool endpoint_parse_address(struct span text, struct endpoint *endpoint);
// Reads "192.0.2.1:5060" or "[2001:db8::1]:5060".
[[nodiscard]] bool endpoint_parse(struct span text, struct endpoint *endpoint);
// Writes the address as it stands in a SIP URI or Via (IPv6 in brackets, RFC 5952 form); returns its length. out holds
// ENDPOINT_TEXT_MAX octets.
size_t endpoint_format_host(const struct endpoint *endpoint, uint8_t *out);
// As endpoint_format_host(), then ":port".
size_t endpoint_format(const struct endpoint *endpoint, uint8_t *out);
// ::ffff:a.b.c.d becomes a.b.c.d, so that no rule can be passed by another spelling of an address.
void endpoint_fold_mapped(struct endpoint *endpoint);
// Reads "192.0.2.0/24", "2001:db8::/32" or a bare address (all bits).
[[nodiscard]] bool prefix_parse(struct span text, struct prefix *prefix);

// Inline, since the tables judge by prefixes too and link no parser.
[[nodiscard]] static inline bool prefix_contains(
	const struct prefix *prefix, const struct endpoint *endpoint)
{
	unsigned whole = prefix->length / 8;
	unsigned rest = prefix->length % 8;

	if (prefix->family == ENDPOINT_NONE || prefix->family != endpoint->family)
		return false;
	if (memcmp(prefix->address, endpoint->address, whole) != 0)
		return false;
	return rest == 0
		|| ((prefix->address[whole] ^ endpoint->address[whole]) >> (8 - rest)) == 0;
}
