// frame_ipv4.c: the IPv4 header of a received frame (RFC 791).

#include "frame_private.h"

enum {
	OPTION_END = 0,
	OPTION_NO_OPERATION = 1,
	OPTION_LOOSE_SOURCE_ROUTE = 131,
	OPTION_STRICT_SOURCE_ROUTE = 137,
};

// Options mean nothing to us, but for source routes, which reach a host past the ways that its network allows: the
// kernel judges them (RFC 7126 sections 4.3 and 4.4).
static enum frame_kind options_read(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != OPTION_END) {
		if (*at == OPTION_NO_OPERATION) {
			at++;
			continue;
		}
		if (*at == OPTION_LOOSE_SOURCE_ROUTE || *at == OPTION_STRICT_SOURCE_ROUTE)
			return FRAME_OTHER;
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return FRAME_MALFORMED;
		at += at[1];
	}
	return FRAME_DATAGRAM;
}

// No host may have sent it (RFC 1122 section 3.2.1.3): this network, loopback, a group, the broadcast. A rule that trusts 127.0.0.1
// must not be met from a wire.
static bool source_is_martian(const uint8_t *address)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	return address[0] == 0 || address[0] == 127 || (address[0] & 0xf0) == 224
		|| memcmp(address, broadcast, sizeof(broadcast)) == 0;
}

// The header's own lengths and checksum.
static bool header_holds(const uint8_t *ip, size_t length, size_t header, unsigned verified)
{
	size_t total = field_read(ip + 2);

	if (header < IPV4_OCTETS || total < header || total > length)
		return false;
	return (verified & FRAME_CHECKSUM_IP) != 0
		|| checksum_fold(checksum_add(0, ip, header)) == UINT16_MAX;
}

enum frame_kind frame_read_ipv4(
	const uint8_t *octets, size_t length, unsigned verified, struct frame_bounds *bounds)
{
	const uint8_t *ip = octets + bounds->network;

	length -= bounds->network;
	if (length < IPV4_OCTETS || ip[0] >> 4 != 4 || ip[9] != PROTOCOL_UDP)
		return FRAME_OTHER;
	size_t header = (ip[0] & 0xfu) * 4u;

	if (!header_holds(ip, length, header, verified) || source_is_martian(ip + 12))
		return FRAME_MALFORMED;
	enum frame_kind kind = options_read(ip + IPV4_OCTETS, ip + header);

	if (kind != FRAME_DATAGRAM)
		return kind;
	uint16_t fragment = field_read(ip + 6);
	bool more = (fragment & IPV4_MORE_FRAGMENTS) != 0;
	size_t offset = (fragment & IPV4_OFFSET_MASK) * 8u;

	bounds->payload = (uint16_t)(bounds->network + header);
	bounds->length = (uint16_t)(field_read(ip + 2) - header);
	if (!more && offset == 0)
		return FRAME_DATAGRAM;
	// The whole counts its header, too.
	return frame_fragment_holds(bounds, header + offset, more) ? FRAME_FRAGMENT
								   : FRAME_MALFORMED;
}
