// frame_write.c: the headers of one datagram, written backwards from its payload.

#include "frame_layout.h"

#include <assert.h>

enum {
	// The default that IANA assigns (RFC 1700), and the kernel's, so that both paths look alike; IPv6 takes the same.
	TIME_TO_LIVE = 64,
};

// Sums are taken of what is written, not of where it was: a wide read right behind narrow writes waits for all of them.

// An endpoint's address has zeros behind it where it is short: they add nothing.
static uint64_t addresses_sum(const struct endpoint *source, const struct endpoint *destination)
{
	uint64_t sum = checksum_add(0, source->address, sizeof(source->address));

	return checksum_add(sum, destination->address, sizeof(destination->address));
}

// addresses: their sum. length: of the header and what it carries.
static void udp_write(uint8_t *udp, uint64_t addresses, const struct endpoint *source,
	const struct endpoint *destination, uint16_t length, unsigned offloaded)
{
	// The pseudo header (RFC 768, RFC 8200 section 8.1).
	uint64_t sum = checksum_add_field(checksum_add_field(addresses, PROTOCOL_UDP), length);
	uint16_t checksum;

	if ((offloaded & FRAME_CHECKSUM_UDP) != 0) {
		checksum = checksum_fold(sum);
	} else {
		sum = checksum_add_field(sum, source->port);
		sum = checksum_add_field(sum, destination->port);
		sum = checksum_add_field(sum, length);
		sum = checksum_add(sum, udp + UDP_OCTETS, length - UDP_OCTETS);
		checksum = (uint16_t)~checksum_fold(sum);
		// 0 would say that there is no checksum.
		checksum = checksum == 0 ? UINT16_MAX : checksum;
	}
	field_write(udp, source->port);
	field_write(udp + 2, destination->port);
	field_write(udp + 4, length);
	memcpy(udp + 6, &checksum, 2);
}

// DSCP and ECN are 0, as with the kernel's sockets: nobody here answers congestion marks (RFC 8085 section 3.1.7). The datagram is
// atomic: DF set, and an identification that means nothing and is 0 (RFC 6864 section 4.1). Without DF each would need a fresh
// identification, and 65536 are used up in a fragment's life of two minutes at 546 datagrams a second (section 3.1; RFC 4963 says what
// then is put together). What may be too large for its path is therefore left to the kernel: next_hop.h, mtu.
static void ipv4_write(uint8_t *ip, uint64_t addresses, const struct endpoint *source,
	const struct endpoint *destination, uint16_t length, unsigned offloaded)
{
	const uint16_t version = (4 << 4 | IPV4_OCTETS / 4) << 8;
	const uint16_t life = TIME_TO_LIVE << 8 | PROTOCOL_UDP;
	uint16_t checksum = 0;

	if ((offloaded & FRAME_CHECKSUM_IP) == 0) {
		uint64_t sum = checksum_add_field(checksum_add_field(addresses, version), length);

		sum = checksum_add_field(checksum_add_field(sum, IPV4_DONT_FRAGMENT), life);
		checksum = (uint16_t)~checksum_fold(sum);
	}
	field_write(ip, version);
	field_write(ip + 2, length);
	field_write(ip + 4, 0);
	field_write(ip + 6, IPV4_DONT_FRAGMENT);
	field_write(ip + 8, life);
	memcpy(ip + 10, &checksum, 2);
	memcpy(ip + IPV4_ADDRESSES, source->address, IPV4_ADDRESS_OCTETS);
	memcpy(ip + IPV4_ADDRESSES + IPV4_ADDRESS_OCTETS, destination->address,
		IPV4_ADDRESS_OCTETS);
}

// The flow label is 0, "not labelled" (RFC 6437 section 3): routers that balance find the ports right behind this header.
static void ipv6_write(uint8_t *ip, const struct endpoint *source,
	const struct endpoint *destination, uint16_t length)
{
	memset(ip, 0, 4);
	ip[0] = 6 << 4;
	field_write(ip + 4, length);
	ip[6] = PROTOCOL_UDP;
	ip[7] = TIME_TO_LIVE;
	memcpy(ip + IPV6_ADDRESSES, source->address, IPV6_ADDRESS_OCTETS);
	memcpy(ip + IPV6_ADDRESSES + IPV6_ADDRESS_OCTETS, destination->address,
		IPV6_ADDRESS_OCTETS);
}

// Returns where the link's header begins.
static uint8_t *link_write(uint8_t *network, const struct next_hop *hop, uint16_t type)
{
	uint8_t *at = network - 2;

	field_write(at, type);
	if (hop->vlan != 0) {
		// Priority 0: best effort, as without a tag.
		at -= VLAN_OCTETS;
		field_write(at, ETHERTYPE_VLAN);
		field_write(at + 2, hop->vlan);
	}
	at -= 2 * NEXT_HOP_MAC_OCTETS;
	memcpy(at, hop->destination_mac, NEXT_HOP_MAC_OCTETS);
	memcpy(at + NEXT_HOP_MAC_OCTETS, hop->source_mac, NEXT_HOP_MAC_OCTETS);
	return at;
}

size_t frame_write(uint8_t *payload, uint16_t length, const struct next_hop *hop,
	const struct endpoint *source, const struct endpoint *destination, unsigned offloaded)
{
	bool v6 = destination->family == ENDPOINT_V6;
	uint8_t *udp = payload - UDP_OCTETS;
	uint8_t *ip = udp - (v6 ? IPV6_OCTETS : IPV4_OCTETS);
	uint16_t datagram = (uint16_t)(UDP_OCTETS + length);
	uint64_t addresses = addresses_sum(source, destination);

	assert(source->family == destination->family && hop->vlan <= VLAN_ID_MASK);
	assert(length <= UINT16_MAX - UDP_OCTETS - (v6 ? 0 : IPV4_OCTETS));
	udp_write(udp, addresses, source, destination, datagram, offloaded);
	if (v6)
		ipv6_write(ip, source, destination, datagram);
	else
		ipv4_write(ip, addresses, source, destination, (uint16_t)(IPV4_OCTETS + datagram),
			offloaded);
	return (size_t)(payload - link_write(ip, hop, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4));
}
