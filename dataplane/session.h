// session.h: the link to one life of weir-control: its shared memory and our ends of the rings in it.
//
// Each control that connects gets fresh memory, so nothing that the last one left behind is ever read. Published by pointer:
// the server writes, keeper and workers read (RCU); each of them uses only its own ends.

#pragma once

#include <weir/region.h>

#include <stdatomic.h>

struct session {
	uint64_t serial; // 1, 2, ...: two sessions may come to lie at one address
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
	_Atomic bool
		broken; // control broke a ring; any thread writes, the server reads and ends the link
};

// 0 or a negative errno.
[[nodiscard]] int session_new(uint32_t workers, uint64_t serial, struct session **session);
void session_free(struct session *session);
// Control put something into a ring that its code does not write.
void session_break(struct session *session);
// After a write into a ring of control's: wakes it if it sleeps.
void session_signal(struct session *session, struct ring *ring);
