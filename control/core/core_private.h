// core_private.h: what core.c (the whole), core_socket.c (datagrams) and core_handle.c (messages) share.

#pragma once

#include "../targets/target.h"
#include "core.h"

#include <weir/edit.h>

struct core_socket {
	struct core *core;
	int fd;
	struct event *event;
};

struct core {
	struct core_options options;
	struct own_names own;
	struct registrar registrar;
	struct target_set *targets; // hosts of Path and Route
	struct proxy *proxy;
	struct hash_keys hashes; // of this process: branches and tags
	struct gruu_key gruu_key; // of this process
	struct core_counters counters;
	struct event *timer; // when the proxy has something to do
	bool look_again; // names or lives have changed
	struct core_socket sockets[CORE_LISTENERS_MAX];
	struct message message; // being handled
	struct edit_plan plan;
	uint8_t in[UINT16_MAX + 1]; // the datagram as received
	uint8_t headers[UINT16_MAX + 1]; // that the registrar adds to its answer
	uint8_t out[UINT16_MAX + 1];
};

uint64_t core_now_s(void);
// As the core sends: by UDP.
struct destination core_destination(struct span host, uint16_t port);
// Wake up when the proxy's next timer is due.
void core_arm(struct core *core);

// --- core_socket.c ---

// 0 or a negative errno.
[[nodiscard]] int core_socket_open(struct core *core, unsigned index);
void core_socket_close(struct core_socket *socket);
// Send one datagram from the listener of that family. Errors are loss, as on any network; what ICMP says comes by the sockets.
void core_send(struct core *core, const struct endpoint *to, struct span octets);

// --- core_handle.c ---

// Handle the datagram in core->in, which came to `listener`.
void core_handle(struct core *core, const struct endpoint *listener, const struct endpoint *source,
	size_t length);
