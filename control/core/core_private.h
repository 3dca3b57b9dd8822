// core_private.h: what core.c (the whole), core_network.c (where to, and how), core_socket.c (datagrams), core_trunk.c (connections) and
// core_handle.c (messages) share.

#pragma once

#include "../targets/target.h"
#include "core.h"

#include <weir/edit.h>

enum {
	CORE_TCPLESS = 256, // addresses that are known to have no TCP
};

struct core_socket {
	struct core *core;
	int fd;
	struct event *event;
};

// An address that took no connection.
struct core_tcpless {
	struct endpoint endpoint;
	uint64_t until_ms; // when it may be asked again
};

struct core {
	struct core_options options;
	struct endpoint addresses[CORE_LISTENERS_MAX]; // of the listeners
	struct own_names own;
	struct registrar registrar;
	struct target_set *targets; // hosts of Path and Route
	struct proxy *proxy;
	struct trunks *trunks;
	struct hash_keys hashes; // of this process: branches and tags
	struct gruu_key gruu_key; // of this process
	struct core_counters counters;
	struct event *timer; // when the proxy has something to do
	bool look_again; // names or lives have changed
	struct core_socket sockets[CORE_LISTENERS_MAX];
	struct core_tcpless tcpless[CORE_TCPLESS];
	struct message message; // being handled
	struct message sent; // being sent
	struct edit_plan plan;
	uint8_t in[UINT16_MAX + 1]; // the message as received
	uint8_t headers[UINT16_MAX + 1]; // that the registrar adds to its answer
	uint8_t out[UINT16_MAX + 1];
};

uint64_t core_now_s(void);
// Wake up when the proxy's next timer is due.
void core_arm(struct core *core);

// --- core_network.c ---

// What the proxy asks of the network: see struct proxy_options.
enum proxy_way core_resolve(void *context, const uint8_t *base, const struct uri *uri,
	const struct hop *tried, unsigned tried_count, struct hop *hop, bool *lives);
bool core_find_flow(void *context, uint64_t connection, struct hop *hop);
bool core_reach(void *context, struct span name, struct hop *hop);
bool core_has_tcp(void *context, const struct endpoint *peer);
// No connection could be opened there.
void core_note_tcpless(struct core *core, const struct endpoint *peer);
bool core_is_dead(void *context, const struct hop *hop);
// Errors are loss, as on any network: those of datagrams are told by the sockets, those of connections by their end.
void core_send(void *context, const struct hop *to, struct span octets);
void core_send_probe(void *context, const struct target *to, struct span octets);
// By which transports we can send, as transport_bit()s.
unsigned core_transports(const struct core *core);

// --- core_socket.c ---

// 0 or a negative errno.
[[nodiscard]] int core_socket_open(struct core *core, unsigned index);
void core_socket_close(struct core_socket *socket);
// Send one datagram from the listener of that family.
void core_socket_send(struct core *core, const struct endpoint *to, struct span octets);

// --- core_trunk.c ---

// 0 or a negative errno; *failed as core_open() has it.
[[nodiscard]] int core_trunk_open(struct core *core, int *failed);

// --- core_handle.c ---

// Handle the message in core->in, which came to `listener`.
void core_handle(struct core *core, const struct endpoint *listener, const struct hop *source,
	size_t length);
// core->message is a request whose end nobody can tell, or that is too large.
void core_refuse(struct core *core, const struct hop *source, unsigned status);
