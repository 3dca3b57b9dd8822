// thread.h: one stream thread: its loop, and the connections that it owns.

#pragma once

#include "admission.h"
#include "stream.h"

enum {
	STREAM_INPUT_OCTETS = 65536, // read in one go
	STREAM_CONNECT_MS = 5000, // of one that we open: until it stands, TLS and flow and all
	STREAM_LINK_WAIT_MS = 1000, // requests wait so long for a dataplane that has gone
	STREAM_TICK_MS = 200,
	STREAM_RETRY_MS = 2, // until a full ring is tried again
};

LIST_HEAD(stream_list, stream);

struct stream_thread {
	struct streams *streams;
	uint8_t index;
	pthread_t thread;
	struct event_base *base;
	struct mailbox inbox;
	struct event *inbox_event;
	struct event *tick_event;
	struct event *retry_event;
	struct event *turn_event; // new connections have their turn again
	struct event *lane_event; // of the present session; NULL: none
	int lane_eventfd;
	uint64_t lane_session;
	struct event **accept_events; // one a listener
	_Atomic bool stop;
	struct stream_list connections;
	struct stream_list full; // WAIT_RING
	struct stream_list unlinked; // WAIT_LINK
	uint64_t
		unlinked_ms; // since when there has been no dataplane; 0: there is one, or nobody has asked
	bool deaf; // out of descriptors: accepts nothing until the next tick
	bool spare; // the dataplane has lanes for others but not for this one: accepts nothing
	struct stream **by_slot; // [limits.flows + 1]
	uint64_t now_ms;
	uint32_t last_tag; // of held requests
	uint32_t held_octets; // of all of them
	uint32_t *held_by_source; // [HELD_SOURCES]
	_Atomic uint32_t open;
	_Atomic uint64_t counts[STREAM_END_COUNT + 8];
	struct message message; // being read
	uint8_t input[STREAM_INPUT_OCTETS];
	uint8_t answer[4096];
};

enum stream_count {
	COUNT_ACCEPTED = STREAM_END_COUNT,
	COUNT_TURNED_AWAY,
	COUNT_MESSAGES,
	COUNT_PINGS,
	COUNT_UNKNOWN,
	COUNT_TIMED_OUT,
	COUNT_REPEATED,
	COUNT_HELD_BACK,
	STREAM_COUNTS,
};
static_assert(STREAM_COUNTS == STREAM_END_COUNT + 8, "stream_thread.counts");

struct streams {
	struct streams_options options;
	int *sockets; // listening; one a listener
	struct admission admission;
	pthread_mutex_t tls_lock;
	struct tls_set *tls; // guarded by tls_lock
	struct mailbox inbox;
	struct event *inbox_event;
	struct link_lane *lanes; // one a thread
	unsigned thread_count; // that run
	struct stream_thread *threads[LINK_STREAMS_MAX];
};

// 0 or a negative errno.
[[nodiscard]] int stream_thread_start(
	struct streams *streams, uint8_t index, struct stream_thread **thread);
// Ends it with all its connections.
void stream_thread_stop(struct stream_thread *thread);

static inline struct link_lane *stream_thread_lane(struct stream_thread *thread)
{
	return &thread->streams->lanes[thread->index];
}

static inline const struct stream_limits *stream_thread_limits(const struct stream_thread *thread)
{
	return &thread->streams->options.limits;
}

// The thread alone adds.
static inline void stream_thread_add(struct stream_thread *thread, unsigned count)
{
	atomic_store_explicit(&thread->counts[count],
		atomic_load_explicit(&thread->counts[count], memory_order_relaxed) + 1,
		memory_order_relaxed);
}

// The connection waits for a ring, or for a dataplane.
void stream_thread_wait(struct stream_thread *thread, struct stream *connection);
// There is no dataplane, and has been none for so long that nobody is to wait for it any more.
[[nodiscard]] bool stream_thread_is_cut_off(struct stream_thread *thread);
