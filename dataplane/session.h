// session.h: the link to one life of weir-control: its shared memory and our ends of the rings in it.
//
// Each control that connects gets fresh memory, so nothing that the last one left behind is ever read. Published by pointer: the
// server writes, workers read (RCU). The keeper waits for grace periods of its own in the middle of its work, which ends what
// RCU promises it: so it holds a reference. Each uses only its own ends of the rings.

#pragma once

#include <weir/region.h>

#include <stdatomic.h>

struct session {
	_Atomic uint32_t references; // the server's and the keeper's
	struct region region;
	int memfd;
	int wakeups[LINK_LANES_MAX]; // eventfds that control's main loop and stream threads wait on
	struct ring table; // keeper
	struct ring events; // keeper
	struct ring up[LINK_LANES_MAX][LINK_WORKERS_MAX]; // worker
	struct ring down[LINK_LANES_MAX][LINK_WORKERS_MAX]; // worker
	// Table records applied; the keeper writes, workers read. The copy in shared memory is for control alone: what workers act
	// on, control cannot write.
	_Atomic uint64_t applied;
	// Control broke a ring; any thread writes, the server reads and ends the link.
	_Atomic bool broken;
};

// 0 or a negative errno.
[[nodiscard]] int session_new(uint32_t workers, uint32_t streams, struct session **session);
// Rings of one worker: the main loop's and one pair a stream thread.
static inline uint32_t session_lanes(const struct session *session)
{
	return 1 + session->region.streams;
}
void session_hold(struct session *session);
// The last one frees it; the server's reference is given back after a grace period. NULL: nothing.
void session_release(struct session *session);
// Control put something into a ring that its code does not write.
void session_break(struct session *session);
// After a write into a ring of that lane of control's: wakes who waits on it if it sleeps.
void session_signal(struct session *session, uint32_t lane, struct ring *ring);
