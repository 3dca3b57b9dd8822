// peers.h: whether other edges live, and how complete our copies of their flows are. Two octets an edge, read by every worker.

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Stored in one octet and sent in link records: values never change.
enum peer_liveness {
	// Suspect for long, its peer port unreachable while suspect, or no beat since we started.
	PEER_DEAD = 0,
	PEER_SUSPECT = 1, // three beats missed
	PEER_UP = 2, // it beats, and echoes our beats
};

struct peer_status {
	_Atomic uint8_t liveness; // keeper writes, workers read; relaxed: a hint
	// Its first snapshot has ended, or its control is not connected; keeper writes.
	_Atomic uint8_t complete;
	_Atomic uint64_t lost_at_ms; // monotonic, when it stopped being up; 0: never
};

struct peer_board {
	struct peer_status edge[256]; // by edge id; edge 0 unused
	// Our own snapshot has ended; keeper writes (release), workers read (acquire).
	_Atomic bool own_complete;
	_Atomic uint64_t started_ms; // monotonic: when workers started
};

static inline enum peer_liveness peer_liveness_read(const struct peer_board *board, uint8_t edge)
{
	return (enum peer_liveness)atomic_load_explicit(
		&board->edge[edge].liveness, memory_order_relaxed);
}
