// link_private.h: what the parts of the link client share.

#pragma once

#include "link_client.h"

#include <weir/region.h>
#include <weir/setup.h>

#include <event2/buffer.h>

enum {
	// Octets of table records that may wait besides one whole snapshot; beyond it the session begins anew.
	BACKLOG_SPARE = 64 << 20,
	WHAT_MAX = 160,
};

enum link_phase {
	LINK_PHASE_IDLE, // not connected
	LINK_PHASE_HELLO, // HELLO sent
	LINK_PHASE_TAKING, // a running dataplane hands its sockets back
	LINK_PHASE_STARTING, // START sent
	LINK_PHASE_UP,
};

struct link_client {
	struct link_client_options options;
	enum link_phase phase;
	int socket;
	struct event *socket_event;
	struct event *retry;
	uint32_t retry_ms;
	int (*sockets)[LINK_WORKERS_MAX]; // by listener and worker; -1: not open
	uint64_t dataplane; // incarnation of the one last met

	struct region region;
	struct ring table;
	struct ring events;
	struct ring ups[LINK_WORKERS_MAX];
	struct ring downs[LINK_WORKERS_MAX];
	int own_eventfd;
	int lane_eventfds[LINK_STREAMS_MAX];
	uint64_t session;
	int keeper_eventfd;
	int worker_eventfds[LINK_WORKERS_MAX];
	struct event *own_event;
	struct event *flush_timer;
	struct evbuffer *backlog; // record header and payload, in order
	bool overflowed; // the backlog: the session ends at the next turn of the loop
	uint64_t sequence; // of the last record put

	int fault;
	int fault_listener;
	char what[WHAT_MAX];
	uint8_t record[LINK_MESSAGE_RING_OCTETS / 4];
};

// Remembers what link_client_fault() answers, and tells the owner.
void link_fault_note(struct link_client *client, const struct link_fault *fault);
void link_fault_clear(struct link_client *client);
// link_sockets.c: open those of the listeners' sockets that are not. 0, or a negative errno and the fault is noted.
[[nodiscard]] int link_sockets_open(struct link_client *client);
void link_sockets_close(struct link_client *client);
// link_session.c
[[nodiscard]] int link_session_open(struct link_client *client, struct setup_packet *packet);
void link_session_close(struct link_client *client);
// link_client.c: the session, or the attempt at one, is over; try again later.
void link_disconnect(struct link_client *client, const char *why);
