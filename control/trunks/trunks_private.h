// trunks_private.h: what trunks.c (all of them), trunk.c (one of them) and trunk_open.c (how one begins) share.

#pragma once

#include "../base/clock.h"
#include "../streams/admission.h"
#include "../streams/framer.h"
#include "trunks.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <sys/queue.h>

enum {
	TRUNK_NAME_MAX = 255,
	TRUNK_BUCKETS = 1024,
	TRUNK_TICK_MS = 500,
	TRUNK_MESSAGE_MAX = UINT16_MAX,
};

struct trunk {
	struct trunks *trunks;
	LIST_ENTRY(trunk) all;
	LIST_ENTRY(trunk) by_id;
	LIST_ENTRY(trunk) by_reach; // if reach is set
	LIST_ENTRY(trunk) dying; // if it is
	struct trunk_party party;
	struct endpoint reach; // where requests may go by it; no family: nowhere
	struct bufferevent *carrier; // owned, and the socket with it
	SSL *ssl; // the carrier's; of TLS, else NULL
	struct tls_set *tls; // what ssl was made by: held
	bool stranger; // TLS: it has proven nothing, or to be somebody else
	bool connected; // TCP, and TLS if there is any
	bool is_dying;
	bool ending; // when its output is out
	bool heard; // a whole message
	bool pinged; // it shows keep-alives
	uint8_t end; // enum trunk_end, of dying and ending
	struct framer framer;
	uint64_t opened_ms;
	uint64_t heard_ms;
	uint64_t message_ms; // when the message that is not whole began; 0: none
	char name[TRUNK_NAME_MAX + 1]; // TLS, opened by us: whom it is to find
};

LIST_HEAD(trunk_list, trunk);

struct trunk_ear {
	struct trunks *trunks;
	const struct trunk_listener *listener;
	struct evconnlistener *socket; // NULL: not of streams
};

struct trunks {
	struct trunks_options options;
	struct trunks_counts counts;
	struct tls_set *tls;
	struct event *tick;
	struct event *reaper; // what died where it could not be freed
	bool deaf; // out of descriptors: nobody is taken until the next tick
	uint64_t last_id;
	struct trunk_list all;
	struct trunk_list dying;
	struct trunk_list by_id[TRUNK_BUCKETS];
	struct trunk_list by_reach[TRUNK_BUCKETS];
	struct admission admission;
	struct admission
		reached; // those that we open: whoever has us open many takes no place from those who come
	struct message message; // cut out last
	struct trunk_ear *ears;
};

// --- trunks.c ---

struct trunk_list *trunks_bucket(struct trunks *trunks, uint64_t id);
struct trunk_list *trunks_reach_bucket(struct trunks *trunks, const struct endpoint *reach);

// --- trunk_open.c ---

// A socket that was accepted: taken over, as is its place among those admitted. NULL: out of memory, and it is closed.
struct trunk *trunk_accept(struct trunks *trunks, const struct trunk_listener *listener, int socket,
	const struct endpoint *peer);
// NULL: no socket to be had, or no way there.
struct trunk *trunk_connect(
	struct trunks *trunks, const struct endpoint *peer, uint8_t transport, struct span name);

// --- trunk.c ---

// From the loop alone. The owner is told.
void trunk_close(struct trunk *trunk, enum trunk_end end);
// Without a word.
void trunk_free(struct trunk *trunk);
// From anywhere: the loop closes it.
void trunk_die(struct trunk *trunk, enum trunk_end end);
[[nodiscard]] bool trunk_send(struct trunk *trunk, struct span octets);
// Once a tick: what has taken too long ends. It may be gone afterwards.
void trunk_check(struct trunk *trunk, uint64_t now_ms);
void trunk_read_ready(struct bufferevent *carrier, void *argument);
void trunk_written(struct bufferevent *carrier, void *argument);
void trunk_event(struct bufferevent *carrier, short what, void *argument);
// It may be used for requests to that name.
[[nodiscard]] bool trunk_is_for(const struct trunk *trunk, struct span name);
