// frame_ipv6.c: the IPv6 header of a received frame, and the extension headers behind it (RFC 8200).

#include "frame_private.h"

enum {
	// Hop-by-hop, destination, routing, fragment, destination: each kind as often as RFC 8200 section 4.1 has it before UDP.
	EXTENSIONS_MAX = 5,
	// In one header, padding counted: twice what the kernel bears (max_dst_opts_number is 8, and it counts no padding).
	OPTIONS_MAX = 16,
	EXTENSION_UNIT = 8, // octets
	OPTION_PAD_1 = 0,
	// The two highest bits of an option's type say what somebody does who does not know it; 00: skip it (section 4.2).
	OPTION_ACTION_MASK = 0xc0,
};

// A chain of headers, walked.
struct chain {
	const uint8_t *octets;
	size_t at; // offset of the header `next`
	size_t end; // of the packet, or of the frame if that is sooner
	uint8_t next;
	bool fragmented; // a fragment header has been passed
	uint16_t fragment; // its flags and offset
};

// True: each option may be skipped by somebody who knows none.
static bool options_are_skipped(const uint8_t *at, const uint8_t *end)
{
	for (unsigned i = 0; i < OPTIONS_MAX && at < end; i++) {
		if (*at == OPTION_PAD_1) {
			at++;
			continue;
		}
		if ((*at & OPTION_ACTION_MASK) != 0 || end - at < 2 || at[1] > end - at - 2)
			return false;
		at += 2 + at[1];
	}
	return at == end;
}

static size_t extension_octets(const struct chain *chain)
{
	if (chain->end - chain->at < EXTENSION_UNIT)
		return 0;
	if (chain->next == PROTOCOL_FRAGMENT)
		return EXTENSION_UNIT;
	size_t octets = (chain->octets[chain->at + 1] + 1u) * EXTENSION_UNIT;

	return octets <= chain->end - chain->at ? octets : 0;
}

static bool extension_is_skipped(struct chain *chain, unsigned position, size_t octets)
{
	const uint8_t *header = chain->octets + chain->at;

	switch (chain->next) {
	case PROTOCOL_HOP_BY_HOP:
		// Nowhere but first (section 4.1).
		return position == 0 && options_are_skipped(header + 2, header + octets);
	case PROTOCOL_DESTINATION:
		return options_are_skipped(header + 2, header + octets);
	case PROTOCOL_ROUTING:
		// No segments left: we are where it ends (section 4.4).
		return header[3] == 0;
	default:
		if (chain->fragmented)
			return false;
		chain->fragmented = true;
		chain->fragment = field_read(header + 2);
		return true;
	}
}

static bool protocol_is_extension(uint8_t protocol)
{
	return protocol == PROTOCOL_HOP_BY_HOP || protocol == PROTOCOL_DESTINATION
		|| protocol == PROTOCOL_ROUTING || protocol == PROTOCOL_FRAGMENT;
}

// A piece of a larger packet; one that is the whole of it, "atomic", is read as if it had no such header (RFC 6946 section 4).
static bool chain_is_fragment(const struct chain *chain)
{
	return (chain->fragment & (IPV6_OFFSET_MASK | IPV6_MORE_FRAGMENTS)) != 0;
}

// Up to UDP, or up to the end of a fragment's header: what stands behind it in other pieces, nobody knows. False: another's.
static bool chain_walk(struct chain *chain)
{
	for (unsigned i = 0; i < EXTENSIONS_MAX && protocol_is_extension(chain->next); i++) {
		size_t octets = extension_octets(chain);

		if (chain_is_fragment(chain) || octets == 0
			|| !extension_is_skipped(chain, i, octets))
			return false;
		chain->next = chain->octets[chain->at];
		chain->at += octets;
	}
	return chain->next == PROTOCOL_UDP;
}

// No host may have sent it: nobody, loopback, a group (RFC 4291 sections 2.5.2, 2.5.3 and 2.7), or an IPv4 address in disguise, which
// no rule must be passed by.
static bool source_is_martian(const uint8_t *address)
{
	static const uint8_t zeros[15], mapped[12] = {[10] = 0xff, [11] = 0xff};

	return address[0] == 0xff || memcmp(address, mapped, sizeof(mapped)) == 0
		|| (memcmp(address, zeros, sizeof(zeros)) == 0 && address[15] <= 1);
}

enum frame_kind frame_read_ipv6(const uint8_t *octets, size_t length, struct frame_bounds *bounds)
{
	const uint8_t *ip = octets + bounds->network;

	if (length - bounds->network < IPV6_OCTETS || ip[0] >> 4 != 6)
		return FRAME_OTHER;
	size_t begin = bounds->network + IPV6_OCTETS;
	size_t end = begin + field_read(ip + 4);
	struct chain chain = {
		.octets = octets,
		.at = begin,
		.end = end < length ? end : length,
		.next = ip[6],
	};

	if (!chain_walk(&chain))
		return FRAME_OTHER;
	if (end > length || source_is_martian(ip + 8))
		return FRAME_MALFORMED;
	bounds->payload = (uint16_t)chain.at;
	bounds->length = (uint16_t)(end - chain.at);
	if (!chain_is_fragment(&chain))
		return FRAME_DATAGRAM;
	// The whole counts the extension headers, too.
	size_t before = chain.at - begin - EXTENSION_UNIT;

	return frame_fragment_holds(bounds, before + (chain.fragment & IPV6_OFFSET_MASK),
		       (chain.fragment & IPV6_MORE_FRAGMENTS) != 0)
		? FRAME_FRAGMENT
		: FRAME_MALFORMED;
}
