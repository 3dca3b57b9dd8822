// link_lane.h: the rings between one stream thread and the workers.
//
// The link's sessions come and go on control's main loop, while the thread runs: a lock says which of the two has the rings. The
// thread holds it for as long as it reads or writes them, so a session that ends waits for that and no longer.

#pragma once

#include <weir/region.h>

#include <pthread.h>

struct link_lane {
	pthread_mutex_t lock; // guards everything below
	bool up;
	bool broken; // a worker has put what cannot be: the session must end
	uint32_t workers;
	uint64_t session; // which of the link's sessions; never 0 while one is up
	uint64_t after; // the table record by which all flows of before the session were told
	struct ring ups[LINK_WORKERS_MAX];
	struct ring downs[LINK_WORKERS_MAX];
	int worker_eventfds[LINK_WORKERS_MAX]; // the link client's
	int own_eventfd; // likewise: written by workers when they have put something up
	uint8_t record[LINK_MESSAGE_RING_OCTETS / 4];
};

void link_lane_init(struct link_lane *lane);
void link_lane_fini(struct link_lane *lane);

// --- The main loop ---

// The session has lane `index` of the region; whoever carries the lane is told by the caller.
void link_lane_attach(struct link_lane *lane, const struct region *region, uint32_t index,
	int own_eventfd, const int *worker_eventfds, uint64_t session, uint64_t after);
// Whether the thread has found a ring broken.
[[nodiscard]] bool link_lane_is_broken(struct link_lane *lane);
// When it returns the thread has nothing of the session in its hands.
void link_lane_detach(struct link_lane *lane);

// --- The stream thread ---

// Which session is up; 0: none.
uint64_t link_lane_session(struct link_lane *lane);
// A copy of the present session's eventfd, the caller's; -1: none is up.
[[nodiscard]] int link_lane_take_eventfd(struct link_lane *lane);
// Which table record a flow's first one was, and in which session it was put.
struct link_lane_mark {
	uint64_t session;
	uint64_t after;
};
// Put a message on the ring of the worker that the flow belongs to; head->after is filled in. 0, -ENOTCONN (no session), -EAGAIN (the
// ring is full) or -EMSGSIZE.
[[nodiscard]] int link_lane_send(struct link_lane *lane, const struct link_lane_mark *mark,
	struct link_down_message *head, struct span message);
// Hand everything that came up to `take`, which must not send.
void link_lane_drain(struct link_lane *lane,
	void (*take)(void *context, const struct link_up_message *head, struct span message),
	void *context);
