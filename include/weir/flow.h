// flow.h: what names a flow in the cluster.

#pragma once

#include <stdbool.h>
#include <stdint.h>

// A slot is used again, a (slot, generation) pair never. Edge 0 does not exist: a zeroed id names no flow.
struct flow_id {
	uint8_t edge;
	uint32_t slot;
	// Wall-clock seconds when the slot was given out, or its last generation + 1 if that is greater.
	uint32_t generation;
};

static inline bool flow_id_equal(struct flow_id a, struct flow_id b)
{
	return a.edge == b.edge && a.slot == b.slot && a.generation == b.generation;
}

// Stored in one octet; part of stored and sent records, so values never change.
enum flow_state {
	FLOW_GONE = 0,
	FLOW_DOUBTFUL = 1, // silent, superseded, lingering, suspect, or restored and not yet heard
	FLOW_LIVE = 2,
};
