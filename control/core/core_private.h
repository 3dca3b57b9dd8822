// core_private.h: what core.c (sockets) and core_handle.c (messages) share.

#pragma once

#include "../targets/target.h"
#include "core.h"
#include "forward.h"

struct core_socket {
	int fd;
	struct event *event;
};

struct core {
	struct core_options options;
	struct registrar registrar;
	struct target_set *targets; // hosts of Path and Route
	struct hash_keys hashes; // of this process: branches and tags
	struct core_counters counters;
	struct core_socket sockets[CORE_LISTENERS_MAX];
	struct message message; // being handled
	struct edit_plan plan;
	uint8_t in[UINT16_MAX + 1]; // the datagram as received
	uint8_t out[UINT16_MAX + 1];
};

uint64_t core_now_s(void);
// Send one datagram from the listener of that family. Errors are loss, as on any network; ICMP refusals mark the target.
void core_send(struct core *core, const struct endpoint *to, struct span octets);
// Handle the datagram in core->in.
void core_handle(struct core *core, const struct endpoint *source, size_t length);
