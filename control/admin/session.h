// session.h: one connection to the admin socket.

#pragma once

#include "admin.h"

struct session;

// Takes over the socket. ended() is called once, from the loop, when the session has closed itself. NULL: out of memory, and the
// socket is closed.
[[nodiscard]] struct session *session_open(const struct admin_options *options, int socket,
	enum command_level level, void (*ended)(void *context, struct session *session),
	void *context);
// ended() is not called.
void session_close(struct session *session);
