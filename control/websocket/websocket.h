// websocket.h: SIP over WebSocket, server side: octets of a connection in, SIP messages out, and back (RFC 6455, RFC 7118).
//
// It knows no socket and no clock: whoever has the connection feeds it what came, takes the messages, and writes what `write` is given.
// One WebSocket message is one SIP message (RFC 7118 section 5), text or binary. Pings are answered, a close is answered and ends it;
// what breaks the protocol is answered by a close with the code that says so.

#pragma once

#include "handshake.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct websocket;

enum websocket_state {
	WEBSOCKET_OPENING, // the handshake is not over
	WEBSOCKET_OPEN,
	WEBSOCKET_CLOSING, // nothing is read any more: when what was written has gone out, the connection ends
};

// How far what comes has come, for whoever has a clock: the handshake, a message with all its frames and the control frames between them, or a
// control frame by itself.
struct websocket_pace {
	bool amid; // of one of them
	size_t octets; // that it has, as far as its frames say
	uint32_t whole; // how many of them have come whole
};

struct websocket_options {
	size_t message_max; // octets of one message
	struct handshake_origins origins; // the caller's
	// Octets for the other side; never called after websocket_free().
	void (*write)(void *context, struct span octets);
	void *context;
};

// NULL: out of memory.
[[nodiscard]] struct websocket *websocket_new(const struct websocket_options *options);
void websocket_free(struct websocket *websocket); // may be NULL

// Take what came; all of it is taken. Messages in it wait for websocket_take(), so whoever cannot take them stops feeding.
enum websocket_state websocket_feed(struct websocket *websocket, struct span octets);
// The oldest message that waits; it is valid until the next call. False: none.
[[nodiscard]] bool websocket_take(struct websocket *websocket, struct span *message);
// Send a message: as text if it is UTF-8, as binary else (RFC 6455 section 5.6). False: out of memory, or not open.
[[nodiscard]] bool websocket_send(struct websocket *websocket, struct span message);
// Say goodbye: nothing is read any more. `code` is one of RFC 6455 section 7.4.1, 1001 when we go away.
void websocket_close(struct websocket *websocket, uint16_t code);
[[nodiscard]] enum websocket_state websocket_read_state(const struct websocket *websocket);
struct websocket_pace websocket_read_pace(const struct websocket *websocket);
