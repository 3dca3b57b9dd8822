// silence.h: phones that keep their flows alive are missed when they stop (ROUTING section 4).
//
// Workers note when a flow's peer was heard; the keeper walks the own slots, all of them every few seconds, a part of them at each
// turn. Whoever has shown keep-alives and is silent for Flow-Timer and a grace is doubtful, until it is heard again; control is
// told of both, and of the first keep-alive.

#pragma once

#include <stdint.h>

struct keeper;
struct session;

enum {
	SILENCE_SWEEP_MS = 2000, // a whole walk
	SILENCE_GRACE_S = 10, // beyond Flow-Timer (RFC 5626 section 5.4 asks to wait longer)
};

// The keeper's.
struct silence {
	uint32_t slot; // looked at last
	uint64_t swept_us;
};

// Time has passed. session NULL: nobody is told.
void silence_sweep(struct keeper *keeper, struct session *session);
