// hop.h: where a message goes, or came from.

#pragma once

#include <weir/endpoint.h>
#include <weir/side.h>

struct hop {
	struct endpoint peer;
	uint8_t transport; // enum transport
	// It goes by this connection or not at all: a flow (RFC 5626).
	bool flow;
	uint64_t connection; // that it came by, or goes by; 0: none yet, or none at all
};

// Over a stream nothing is lost while it stands (RFC 3261 section 17: reliable).
static inline bool hop_is_reliable(const struct hop *hop)
{
	return hop->transport != TRANSPORT_UDP;
}

// Two attempts by these would be the same one.
static inline bool hop_is_same(const struct hop *a, const struct hop *b)
{
	return a->transport == b->transport && endpoint_equal(&a->peer, &b->peer);
}
