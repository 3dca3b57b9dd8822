// limits.h: what a worker remembers of what it has let pass, for limit.h.

#pragma once

#include "burst.h"
#include "sources.h"

enum {
	// A worker that has met so many full bursts in a row, and for as long as settings say, is behind.
	LIMITS_FULL_BURSTS = 64,
};

struct limits {
	struct sources *sources; // worker
	uint64_t strangers_ns; // worker: bucket.h
	struct rate answers; // worker: 503s to what is over a limit
	bool full; // worker: the port has just given as many messages as were asked for, so that there may be more
	uint32_t full_bursts; // worker: in a row
	uint64_t full_since_ms; // worker: the first of them
};

// A burst has been received, and limits->full says how.
static inline void limits_note_burst(struct limits *limits, uint64_t now_ms)
{
	if (!limits->full)
		limits->full_bursts = 0;
	else if (limits->full_bursts++ == 0)
		limits->full_since_ms = now_ms;
}
