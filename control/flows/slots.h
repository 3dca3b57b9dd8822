// slots.h: which slots are free, and which generation comes next.
//
// Slots that were never used go first, then those that have rested longest: first in, first out. A slot's generation is the wall
// clock second when it is given out, or its last one + 1 if that is greater; none is given out while the wall clock is not past
// the newest generation that any copy of our flows is known to hold. So a (slot, generation) pair is never repeated.

#pragma once

#include "flow_book.h"

enum slot_phase {
	SLOT_FRESH, // never used by this process
	SLOT_RESERVED,
	SLOT_HELD,
	SLOT_RESTING,
};

struct slot {
	uint8_t phase; // enum slot_phase
	uint32_t generation; // of its present or last use
	uint32_t next; // resting: the one that rested less; 0: none
	uint64_t rested_ms; // resting: monotonic, when it may be given out
};

struct slots {
	struct slot *slot; // [count + 1], 0 unused
	uint32_t count;
	uint32_t fresh; // all below were used
	uint32_t oldest; // resting
	uint32_t newest;
	uint32_t resting;
	uint32_t reserved;
	uint32_t reserved_max;
	uint32_t prefix_max;
	// Reserved slots by hash of the /24 or /56: two that share a counter share the bound.
	uint32_t *prefixes;
	uint32_t prefix_mask;
	uint32_t floor; // newest generation known elsewhere
	uint32_t newest_generation; // given out
	uint64_t seed;
};

// Counts prefixes apart as well as a share of reserved_percent needs. 0 or -ENOMEM.
[[nodiscard]] int slots_init(
	struct slots *slots, uint32_t count, uint8_t reserved_percent, uint64_t seed);
void slots_set_bounds(struct slots *slots, uint8_t reserved_percent, uint32_t per_network);
void slots_fini(struct slots *slots);
// Reserve a slot for this peer.
[[nodiscard]] enum flow_result slots_take(
	struct slots *slots, const struct endpoint *peer, struct flow_time time, uint32_t *index);
// The same for a flow that is proven already, by the handshake of its connection: held at once.
[[nodiscard]] enum flow_result slots_take_held(
	struct slots *slots, struct flow_time time, uint32_t *index);
// Reserved becomes held.
void slots_hold(struct slots *slots, uint32_t index, const struct endpoint *peer);
// Reserved or held becomes resting.
void slots_release(
	struct slots *slots, uint32_t index, const struct endpoint *peer, uint64_t now_ms);
// Fresh becomes held, under a generation of an earlier process. False: the slot does not exist or is in use.
[[nodiscard]] bool slots_restore(struct slots *slots, uint32_t index, uint32_t generation);
void slots_note_generation(struct slots *slots, uint32_t generation);
