// frame_read.c: what a received frame is, from the link inwards.

#include "frame_private.h"

// Returns the type of what the link carries, 0: nothing that can be ours; where it begins is frame->network then.
static uint16_t link_read(const uint8_t *octets, size_t length, struct frame *frame)
{
	if (length < ETHERNET_OCTETS)
		return 0;
	// No unicast datagram is to be taken out of a group frame (RFC 1122 section 3.3.6).
	if ((octets[0] & 1) != 0)
		return 0;
	uint16_t type = field_read(octets + ETHERNET_OCTETS - 2);

	frame->network = ETHERNET_OCTETS;
	if (type != ETHERTYPE_VLAN)
		return type;
	if (length < ETHERNET_OCTETS + VLAN_OCTETS)
		return 0;
	frame->vlan = field_read(octets + ETHERNET_OCTETS) & VLAN_ID_MASK;
	frame->network += VLAN_OCTETS;
	// The last number is reserved (802.1Q table 9-2).
	return frame->vlan == VLAN_ID_MASK ? 0 : field_read(octets + ETHERNET_OCTETS + 2);
}

bool frame_fragment_holds(const struct frame *frame, size_t offset, bool more)
{
	// RFC 8200 section 4.5, and by RFC 791 the offset of what follows could not be written.
	return frame->length > 0 && (!more || frame->length % 8 == 0)
		&& offset + frame->length <= UINT16_MAX;
}

// frame->payload and length are those of what IP carries, and become those of what UDP carries. Octets between the end of UDP and that of IP
// belong to nobody (RFC 768 lets the lengths differ).
static enum frame_kind udp_read(const uint8_t *octets, unsigned verified, struct frame *frame)
{
	const uint8_t *udp = octets + frame->payload;
	bool v6 = frame->source.family == ENDPOINT_V6;

	if (frame->length < UDP_OCTETS)
		return FRAME_MALFORMED;
	uint16_t length = field_read(udp + 4);
	bool summed = field_read(udp + 6) != 0;

	if (length < UDP_OCTETS || length > frame->length || (v6 && !summed))
		return FRAME_MALFORMED;
	if (summed && (verified & FRAME_CHECKSUM_UDP) == 0) {
		const uint8_t *addresses = octets + frame->network + (v6 ? 8 : 12);
		uint64_t sum = pseudo_header_sum(addresses, v6 ? 32 : 8, length);

		if (checksum_fold(checksum_add(sum, udp, length)) != UINT16_MAX)
			return FRAME_MALFORMED;
	}
	frame->source.port = field_read(udp);
	frame->destination.port = field_read(udp + 2);
	frame->payload += UDP_OCTETS;
	frame->length = (uint16_t)(length - UDP_OCTETS);
	return FRAME_DATAGRAM;
}

enum frame_kind frame_read(
	const uint8_t *octets, size_t length, unsigned verified, struct frame *frame)
{
	struct frame found = {0};
	enum frame_kind kind;

	switch (link_read(octets, length, &found)) {
	case ETHERTYPE_IPV4:
		kind = frame_read_ipv4(octets, length, verified, &found);
		break;
	case ETHERTYPE_IPV6:
		kind = frame_read_ipv6(octets, length, &found);
		break;
	default:
		return FRAME_OTHER;
	}
	if (kind == FRAME_DATAGRAM)
		kind = udp_read(octets, verified, &found);
	if (kind == FRAME_DATAGRAM || kind == FRAME_FRAGMENT)
		*frame = found;
	return kind;
}
