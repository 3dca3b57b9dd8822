// frame_read.c: what a received frame is, from the link inwards.

#include "frame_private.h"

#include <endian.h>

// Returns the type of what the link carries, 0: nothing that can be ours; where it begins is bounds->network then.
static uint16_t link_read(const uint8_t *octets, size_t length, struct frame_bounds *bounds)
{
	if (length < ETHERNET_OCTETS)
		return 0;
	// No unicast datagram is to be taken out of a group frame (RFC 1122 section 3.3.6).
	if ((octets[0] & 1) != 0)
		return 0;
	uint16_t type = field_read(octets + ETHERNET_OCTETS - 2);

	bounds->network = ETHERNET_OCTETS;
	if (type != ETHERTYPE_VLAN)
		return type;
	if (length < ETHERNET_OCTETS + VLAN_OCTETS)
		return 0;
	bounds->vlan = field_read(octets + ETHERNET_OCTETS) & VLAN_ID_MASK;
	bounds->network += VLAN_OCTETS;
	// The last number is reserved (802.1Q table 9-2).
	return bounds->vlan == VLAN_ID_MASK ? 0 : field_read(octets + ETHERNET_OCTETS + 2);
}

bool frame_fragment_holds(const struct frame_bounds *bounds, size_t offset, bool more)
{
	// RFC 8200 section 4.5, and by RFC 791 the offset of what follows could not be written.
	return bounds->length > 0 && (!more || bounds->length % 8 == 0)
		&& offset + bounds->length <= UINT16_MAX;
}

// bounds are those of what IP carries, and become those of what UDP carries. Octets between the end of UDP and that of IP belong to
// nobody (RFC 768 lets the lengths differ).
static enum frame_kind udp_read(
	const uint8_t *octets, bool v6, unsigned verified, struct frame_bounds *bounds)
{
	const uint8_t *udp = octets + bounds->payload;

	if (bounds->length < UDP_OCTETS)
		return FRAME_MALFORMED;
	uint16_t length = field_read(udp + 4);
	bool summed = field_read(udp + 6) != 0;

	if (length < UDP_OCTETS || length > bounds->length || (v6 && !summed))
		return FRAME_MALFORMED;
	if (summed && (verified & FRAME_CHECKSUM_UDP) == 0) {
		const uint8_t *ip = octets + bounds->network;
		uint64_t sum = v6 ? checksum_add(0, ip + IPV6_ADDRESSES, 2 * IPV6_ADDRESS_OCTETS)
				  : checksum_add(0, ip + IPV4_ADDRESSES, 2 * IPV4_ADDRESS_OCTETS);

		// The pseudo header's other fields: RFC 768, RFC 8200 section 8.1.
		sum = checksum_add_field(checksum_add_field(sum, PROTOCOL_UDP), length);
		if (checksum_fold(checksum_add(sum, udp, length)) != UINT16_MAX)
			return FRAME_MALFORMED;
	}
	bounds->payload += UDP_OCTETS;
	bounds->length = (uint16_t)(length - UDP_OCTETS);
	return FRAME_DATAGRAM;
}

// In two words: whoever reads the endpoint next does so in wide ones, and would wait for narrow ones to be written.
static void endpoint_fill(struct endpoint *endpoint, const uint8_t *address, bool v6, uint16_t port)
{
	uint64_t words[2] = {0, 0};
	uint32_t short_word;

	if (v6) {
		memcpy(words, address, sizeof(words));
	} else {
		memcpy(&short_word, address, sizeof(short_word));
		words[0] = (uint64_t)short_word << (BYTE_ORDER == BIG_ENDIAN ? 32 : 0);
	}
	memcpy(endpoint->address, words, sizeof(words));
	endpoint->port = port;
	endpoint->family = v6 ? ENDPOINT_V6 : ENDPOINT_V4;
	endpoint->reserved = 0;
}

static void frame_fill(struct frame *frame, const uint8_t *octets, bool v6,
	const struct frame_bounds *bounds, bool whole)
{
	const uint8_t *source = octets + bounds->network + (v6 ? IPV6_ADDRESSES : IPV4_ADDRESSES);
	const uint8_t *destination = source + (v6 ? IPV6_ADDRESS_OCTETS : IPV4_ADDRESS_OCTETS);
	const uint8_t *udp = octets + bounds->payload - UDP_OCTETS;

	endpoint_fill(&frame->source, source, v6, whole ? field_read(udp) : 0);
	endpoint_fill(&frame->destination, destination, v6, whole ? field_read(udp + 2) : 0);
	frame->vlan = bounds->vlan;
	frame->network = bounds->network;
	frame->payload = bounds->payload;
	frame->length = bounds->length;
}

enum frame_kind frame_read(
	const uint8_t *octets, size_t length, unsigned verified, struct frame *frame)
{
	struct frame_bounds bounds = {.vlan = 0};
	uint16_t type = link_read(octets, length, &bounds);
	bool v6 = type == ETHERTYPE_IPV6;
	enum frame_kind kind;

	if (v6)
		kind = frame_read_ipv6(octets, length, &bounds);
	else if (type == ETHERTYPE_IPV4)
		kind = frame_read_ipv4(octets, length, verified, &bounds);
	else
		return FRAME_OTHER;
	if (kind == FRAME_DATAGRAM)
		kind = udp_read(octets, v6, verified, &bounds);
	if (kind == FRAME_DATAGRAM || kind == FRAME_FRAGMENT)
		frame_fill(frame, octets, v6, &bounds, kind == FRAME_DATAGRAM);
	return kind;
}
