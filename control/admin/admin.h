// admin.h: the admin socket: commands as lines of text, or JSON-RPC 2.0, on one unix socket.
//
// The first octet of a request tells which: '{' or '[' begins JSON, anything else a line of text. Text is answered with text and an
// empty line, JSON with one line of JSON; requests of one connection are answered in order, one after the other.

#pragma once

#include "../base/log.h"
#include "../command/commands.h"
#include "level.h"

#include <event2/event.h>

struct admin;

enum {
	ADMIN_SESSIONS_MAX = 64,
	ADMIN_REQUEST_MAX = 65536, // octets of one request
	ADMIN_BATCH_MAX = 64, // requests in one batch
	// Octets that wait for a slow reader before the next request is taken.
	ADMIN_OUTPUT_MAX = 1 << 20,
	ADMIN_IDLE_S = 300,
	ADMIN_WRITE_S = 30,
};

struct admin_options {
	struct event_base *base;
	struct log *log;
	struct commands *commands;
	const char *path; // of the socket
	struct level_groups groups;
	uint32_t call_ms; // how long one command may take
};

// 0; -EADDRINUSE: somebody listens there; or another negative errno.
[[nodiscard]] int admin_open(const struct admin_options *options, struct admin **admin);
void admin_close(struct admin *admin);
