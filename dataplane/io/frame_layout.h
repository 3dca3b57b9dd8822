// frame_layout.h: where what stands in a frame (IEEE 802.3, 802.1Q, RFC 791, RFC 8200, RFC 768).

#pragma once

#include "checksum.h"
#include "frame.h"

enum {
	ETHERNET_OCTETS = 14,
	VLAN_OCTETS = 4,
	IPV4_OCTETS = 20, // without options
	IPV6_OCTETS = 40,
	UDP_OCTETS = 8,
};

// In an IP header; the destination's address stands right behind the source's.
enum {
	IPV4_ADDRESSES = 12,
	IPV6_ADDRESSES = 8,
	IPV4_ADDRESS_OCTETS = 4,
	IPV6_ADDRESS_OCTETS = 16,
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
};

enum {
	VLAN_ID_MASK = 0xfff,
};

// Flags and offset of an IPv4 fragment (RFC 791 section 3.1), and of an IPv6 one (RFC 8200 section 4.5).
enum {
	IPV4_DONT_FRAGMENT = 0x4000,
	IPV4_MORE_FRAGMENTS = 0x2000,
	IPV4_OFFSET_MASK = 0x1fff, // in units of eight octets
	IPV6_MORE_FRAGMENTS = 0x0001,
	IPV6_OFFSET_MASK = 0xfff8, // in octets
};

// IANA's protocol numbers, which are IPv6's "next header", too.
enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_UDP = 17,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_DESTINATION = 60,
};

static inline uint16_t field_read(const uint8_t *octets)
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}

static inline void field_write(uint8_t *octets, uint16_t value)
{
	octets[0] = (uint8_t)(value >> 8);
	octets[1] = (uint8_t)value;
}
