// heartbeat.h: whether another edge lives, as a function of (state, event, now): no clock, no socket.
//
// Edges beat to each other every 100 ms. A beat carries the sender's sequence and, as `echo`, the last sequence it heard from
// the receiver. Only a beat whose echo is newer than every echo before it proves that the way is open in both directions and
// open now: so a cut in one direction is down for both, and a beat that is replayed or that was held up proves nothing.
//
//     dead --proof--> up --no proof for suspect_after--> suspect --for dead_after, or ICMP unreachable--> dead
//
// Times are microseconds of one steady clock.

#pragma once

#include "table/peers.h"

#include <weir/token.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	HEARTBEAT_SENT_MEMORY = 64, // beats of our own whose time is kept, for the round trip
	// After so long a silence of an incarnation an earlier one is heard again: longer than an edge is suspect before it is dead.
	HEARTBEAT_NEWER_SILENT_US = 5 * 1000 * 1000,
};

struct heartbeat_limits {
	uint64_t suspect_after_us;
	uint64_t dead_after_us;
};

// Our own beats; one sequence for all peers. It begins at the wall clock in milliseconds, and a beat is sent less often than
// that: so it goes on where an earlier life ended.
struct heartbeat_clock {
	uint64_t sequence; // of the last beat sent
	uint64_t sent_us[HEARTBEAT_SENT_MEMORY]; // by sequence
};

// What we know of one peer.
struct heartbeat {
	enum peer_liveness liveness;
	uint64_t incarnation; // 0: never heard
	uint64_t heard; // its newest sequence: what we echo
	uint64_t heard_us; // when its last beat came
	uint32_t echoed; // the newest of our sequences that it has echoed, low 32 bits
	uint32_t epoch; // low 32 bits
	uint64_t proved_us; // when the last proof came
	uint64_t suspect_us; // since when suspect
	uint64_t lost_us; // when it last stopped being up; 0: never
	// Smallest time from a beat to its echo since it came up: until the peer's next beat at most one interval more than the
	// wire takes. 0: not known.
	uint32_t round_trip_us;
};

void heartbeat_clock_begin(struct heartbeat_clock *clock, uint64_t wall_ms);
// The next beat's sequence.
[[nodiscard]] uint64_t heartbeat_clock_send(struct heartbeat_clock *clock, uint64_t now_us);

// A peer that was never heard: dead.
void heartbeat_begin(struct heartbeat *peer, const struct heartbeat_clock *clock);
// A beat of this peer, its seal verified. False: it is of an earlier incarnation than one heard lately, and says nothing.
[[nodiscard]] bool heartbeat_hear(struct heartbeat *peer, const struct heartbeat_clock *clock,
	const struct beat *beat, uint64_t now_us);
// Time has passed.
void heartbeat_tick(struct heartbeat *peer, const struct heartbeat_limits *limits, uint64_t now_us);
// The network says that nobody hears at the peer's address. Believed only of a suspect: ICMP can be forged.
void heartbeat_mark_unreachable(struct heartbeat *peer);
