// plane.h: what the threads of the dataplane share, and their start and end.
//
//     plane_new -> a port for every worker -> plane_start -> plane_attach, plane_detach ... -> plane_stop -> plane_free

#pragma once

#include "keeper.h"
#include "kernel_watch.h"
#include "session.h"
#include "table/addresses.h"
#include "table/directory.h"
#include "table/flows.h"
#include "table/peers.h"
#include "worker.h"

#include <weir/link.h>

struct plane {
	struct link_config config; // set before threads start
	struct flow_table *flows; // keeper writes, workers read (RCU)
	struct peer_board peers; // keeper writes, workers read
	struct address_board addresses; // keeper writes, workers read
	// Written with release, read with acquire; freed after a grace period.
	struct directory *_Atomic directory; // keeper writes, workers read (RCU)
	struct hash_keys *_Atomic hashes; // keeper writes, workers read (RCU)
	struct session *_Atomic session; // the server writes, all read (RCU); NULL: no control
	// The kernel watch writes with release, workers read with acquire (RCU). NULL: the kernel sends all that is not sent by its sockets.
	const struct next_hops *_Atomic hops;
	struct kernel_watch *watch; // set before threads start; NULL: no device but the kernel's
	int broken; // eventfd: a session was found broken
	// Keeper writes, workers read: the longest sleep, so that its beats see them alive.
	_Atomic uint32_t wait_ms;
	struct keeper keeper;
	uint32_t worker_count; // set before threads start
	struct worker *worker; // set before threads start
};

// Tables, channels and eventfds; no thread runs yet. 0 or a negative errno.
[[nodiscard]] int plane_new(const struct link_config *config, struct plane **plane);
// Every worker has its port; where there are devices, watch is open. 0 or a negative errno: nothing runs then.
[[nodiscard]] int plane_start(struct plane *plane);
void plane_stop(struct plane *plane);
// Closes the ports and the watch, too.
void plane_free(struct plane *plane);
// Give the threads a session, NULL: none. Returns the one before, which no worker uses any more.
[[nodiscard]] struct session *plane_attach(struct plane *plane, struct session *session);
// The session as this thread may use it until its next rest.
[[nodiscard]] struct session *plane_session(const struct plane *plane);
// A thread holds nothing of the above any more: its quiescent state, and around a sleep.
void plane_rest(const struct plane *plane);
void plane_sleep(const struct plane *plane);
void plane_awake(const struct plane *plane);
// Nobody holds any more what was replaced before.
void plane_await_grace(const struct plane *plane);
// A thread found the session broken: has it ended.
void plane_break_session(struct plane *plane, struct session *session);
