// link_client.h: control's end of the link to the dataplane (weir/link.h has the protocol).
//
// Connects, again and again, to the dataplane's socket; opens the listeners' sockets once and keeps them, or takes them back from a
// dataplane that runs already (a second bind would lose half the traffic); maps the rings and moves records. A session begins with
// `up`: whoever owns keys, directory and flows sends them all then; it ends with `down`.

#pragma once

#include "../base/log.h"
#include "link_lane.h"

#include <weir/link.h>

#include <event2/event.h>

struct link_client;

enum link_fault_kind {
	LINK_FAULT_BIND, // the socket of a listener cannot be bound here
	LINK_FAULT_DEVICE, // the dataplane cannot use a device
	LINK_FAULT_REFUSED, // the dataplane refuses something else
};

// Why there is no session; it is tried again.
struct link_fault {
	enum link_fault_kind kind;
	int status; // negative errno
	int listener; // index into the options' listeners, or -1; for a device the first listener on it
	const char *what;
};

struct link_client_options {
	struct event_base *base;
	const char *path; // of the dataplane's socket
	struct link_config config;
	const struct link_listener
		*listeners; // the caller's; those of streams are not the dataplane's
	unsigned listener_count;
	const struct link_device *devices; // the caller's
	unsigned device_count;
	struct link_lane *lanes; // the caller's: one a stream thread, config.streams of them
	// A session has begun: nothing of an earlier one counts, sequence numbers start again.
	void (*up)(void *context);
	void (*down)(void *context);
	// A message from a worker; answer it to the same worker. The octets end with the call.
	void (*message)(void *context, unsigned worker, const struct link_up_message *head,
		struct span message);
	// LINK_EVENT_*; the payload has the size of the type's struct.
	void (*event)(void *context, uint16_t type, struct span payload);
	// At every attempt that failed. May be NULL.
	void (*fault)(void *context, const struct link_fault *fault);
	struct log *log; // the caller's
	void *context;
};

// Opens the sockets later, when it is known that no dataplane holds them. 0 or a negative errno.
[[nodiscard]] int link_client_open(
	const struct link_client_options *options, struct link_client **client);
void link_client_close(struct link_client *client);

// Why the listeners could not be opened, or the dataplane refused: 0 while nothing is wrong. *listener is an index into the
// options' listeners, or -1; for a device the first listener on it.
[[nodiscard]] int link_client_fault(
	const struct link_client *client, int *listener, const char **what);
[[nodiscard]] bool link_client_is_up(const struct link_client *client);
unsigned link_client_workers(const struct link_client *client);

// Put a record on the table ring; what does not fit waits here, in order. Returns its sequence, for link_down_message.after;
// 0: no session, or more waits than a whole snapshot and BACKLOG_SPARE: then the session ends, by `down`, once the caller is back
// in the loop.
uint64_t link_client_put(struct link_client *client, uint16_t type, struct span record);
// Put a message on a worker's down ring. 0, -ENOTCONN, -EINVAL (no such worker), -EMSGSIZE or -EAGAIN: the ring is full and the
// message is lost, as on any network.
[[nodiscard]] int link_client_send(struct link_client *client, unsigned worker,
	const struct link_down_message *head, struct span message);
// Begin the session for the stream threads, too: what has been put so far is what their messages wait for. Lanes that the dataplane
// does not have stay without; returns how many have one. They end by themselves before `down`.
unsigned link_client_attach_lanes(struct link_client *client);
// Once a second: ends the session if a stream thread has found a ring broken.
void link_client_judge_lanes(struct link_client *client);
// Which session this is; 0: none. Another one has another number.
uint64_t link_client_session(const struct link_client *client);
// The workers' counters, NULL without a session. Read them relaxed.
[[nodiscard]] const struct link_counters *link_client_counters(
	const struct link_client *client, unsigned worker);
// Those of a worker's queue of a device.
[[nodiscard]] const struct link_queue_counters *link_client_queue_counters(
	const struct link_client *client, unsigned worker, unsigned device);
