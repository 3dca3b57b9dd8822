// peer_copy.h: what other edges have told of their flows, kept in control so that a restarted dataplane gets it anew.
//
// Records are kept as they are sent (record.h), by edge and slot.

#pragma once

#include <weir/record.h>

enum {
	PEER_COPY_SLOTS_MAX = 1 << 24,
	PEER_COPY_KEEP_MS = 3600000, // a dead edge's records
};

struct peer_copies;

[[nodiscard]] struct peer_copies *peer_copies_new(uint32_t flows_max); // NULL: out of memory
void peer_copies_free(struct peer_copies *copies);

// A snapshot of an edge begins and ends: what was not put in between is gone.
void peer_copies_mark(struct peer_copies *copies, uint8_t edge);
void peer_copies_sweep(struct peer_copies *copies, uint8_t edge);
// FLOW_GONE removes. 0, -ENOSPC (counted) or -ENOMEM.
[[nodiscard]] int peer_copies_put(struct peer_copies *copies, const struct flow_record *record);
void peer_copies_clear(struct peer_copies *copies, uint8_t edge);

// True once a snapshot of the edge has ended, and until it is cleared.
[[nodiscard]] bool peer_copies_are_complete(const struct peer_copies *copies, uint8_t edge);
// True while a snapshot of the edge has begun and not ended.
[[nodiscard]] bool peer_copies_are_open(const struct peer_copies *copies, uint8_t edge);
uint32_t peer_copies_newest_generation(const struct peer_copies *copies, uint8_t edge);
uint32_t peer_copies_count(const struct peer_copies *copies, uint8_t edge);
// Each record of an edge, encoded, in slot order.
void peer_copies_walk(const struct peer_copies *copies, uint8_t edge,
	void (*each)(void *context, struct span record), void *context);
// The same of those put since its snapshot began; none when no snapshot is open.
void peer_copies_walk_open(const struct peer_copies *copies, uint8_t edge,
	void (*each)(void *context, struct span record), void *context);
