// sources.h: what sources of messages owe: a table of token buckets by address, of a size that no flood changes.
//
// A source is an IPv4 address or an IPv6 /64. Its place comes from a hash under a seed that nobody outside knows, so places cannot
// be chosen. A place has room for four sources; a fifth takes over from the one that owes least, with what that one owes: so in a
// crowd too large for the table sources share buckets, which are never more than the table has. Belongs to one worker.

#pragma once

#include <weir/endpoint.h>

enum {
	SOURCES_WAYS = 4, // one cache line
	SOURCES_PLACES = 1 << 14,
};

struct source {
	uint64_t paid_ns; // bucket.h
	uint32_t tag; // 0: nobody
	uint16_t second; // of the wall clock, its low 16 bits,
	uint16_t refusals; // in which so many answers have told this source no
};
static_assert(sizeof(struct source) == 16, "four are a cache line");

struct sources {
	uint64_t seed[2]; // random
	_Alignas(64) struct source place[SOURCES_PLACES][SOURCES_WAYS];
};

// The source of an endpoint. It is its own until the next call.
[[nodiscard]] struct source *source_find(
	struct sources *sources, const struct endpoint *peer, uint64_t now_ns);
