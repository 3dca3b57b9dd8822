// frame.h: Ethernet, VLAN, IPv4, IPv6 and UDP around one datagram, as backends that bypass the kernel meet them.
//
// Pure octets: no DPDK, no clock, no memory of its own. Everything read is hostile; nothing past `length` is touched.
// Sources: IEEE 802.3 and 802.1Q, RFC 791, RFC 768, RFC 1071 (checksum), RFC 8200 (IPv6, extension headers).

#pragma once

#include "next_hop.h"

#include <weir/endpoint.h>

#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_HEADERS_MAX = 14 + 4 + 40
		+ 8, // Ethernet, one VLAN tag, IPv6, UDP: what frame_write() may need before the payload
};

// What a received frame is.
enum frame_kind {
	FRAME_DATAGRAM, // one whole UDP datagram
	FRAME_FRAGMENT, // a piece of a larger packet that carries UDP
	FRAME_OTHER, // anything else: ARP, ICMP, TCP, group addresses of the link ...: the kernel's business
	FRAME_MALFORMED, // says it is UDP over IP, but a length, a checksum or its source cannot be: dropped
};

// Which checksums somebody else has verified (reading) or will fill in (writing).
enum frame_checksums {
	FRAME_CHECKSUM_IP = 1,
	FRAME_CHECKSUM_UDP = 2,
};

struct frame {
	struct endpoint source; // FRAME_FRAGMENT: port 0
	struct endpoint destination;
	uint16_t vlan; // 0: untagged, or priority-tagged
	uint16_t network; // offset of the IP header
	uint16_t
		payload; // offset of the UDP payload; FRAME_FRAGMENT: of the piece, right behind IPv6's fragment header
	uint16_t length; // of it; what follows it is padding
};

// *frame is written only for FRAME_DATAGRAM and FRAME_FRAGMENT. verified: bits of enum frame_checksums. IPv4 options are skipped, but
// for source routes; IPv6 hop-by-hop, routing (segments left 0) and destination options too, a bounded number of them, unless one asks
// to be understood: FRAME_OTHER. A UDP checksum of 0 is good over IPv4 and malformed over IPv6 (RFC 8200 section 8.1). IPv6 fragments with
// more headers between theirs and UDP are FRAME_OTHER, all pieces alike.
[[nodiscard]] enum frame_kind frame_read(
	const uint8_t *octets, size_t length, unsigned verified, struct frame *frame);
// Writes all headers before the payload, where FRAME_HEADERS_MAX octets are free; returns how many octets they are. source and
// destination are of one family. offloaded: bits of enum frame_checksums; the card wants the pseudo header's sum in UDP's.
size_t frame_write(uint8_t *payload, uint16_t length, const struct next_hop *hop,
	const struct endpoint *source, const struct endpoint *destination, unsigned offloaded);
