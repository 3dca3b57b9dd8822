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
	int control_wakeup; // eventfd that control waits on
	struct ring table; // keeper
	struct ring events; // keeper
	struct ring up[LINK_WORKERS_MAX]; // worker
	struct ring down[LINK_WORKERS_MAX]; // worker
	// Table records applied; the keeper writes, workers read. The copy in shared memory is for control alone: what workers act
	// on, control cannot write.
	_Atomic uint64_t applied;
	// Control broke a ring; any thread writes, the server reads and ends the link.
	_Atomic bool broken;
};

// 0 or a negative errno.
[[nodiscard]] int session_new(uint32_t workers, struct session **session);
void session_hold(struct session *session);
// The last one frees it; the server's reference is given back after a grace period. NULL: nothing.
void session_release(struct session *session);
// Control put something into a ring that its code does not write.
void session_break(struct session *session);
// After a write into a ring of control's: wakes it if it sleeps.
void session_signal(struct session *session, struct ring *ring);
