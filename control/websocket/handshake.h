// handshake.h: the HTTP request that opens a WebSocket (RFC 6455 section 4.2, RFC 7118 section 4), and the answer to it.

#pragma once

#include <weir/span.h>

#include <stdbool.h>
#include <stddef.h>

enum {
	HANDSHAKE_REQUEST_MAX = 8192, // octets
	HANDSHAKE_ANSWER_MAX = 256,
};

enum handshake_result {
	HANDSHAKE_MORE, // the request is not whole yet
	HANDSHAKE_ACCEPTED,
	HANDSHAKE_REFUSED, // the answer says why; then the connection ends
};

struct handshake {
	size_t length; // octets of the request; what follows it is frames
	char answer[HANDSHAKE_ANSWER_MAX];
	size_t answer_length;
};

// Web pages of which origins may connect (RFC 6455 section 10.2), as browsers write them: "https://phone.example.com". None: all. What shows no
// origin is no browser, and none of this keeps it from showing any.
struct handshake_origins {
	const struct span *items;
	size_t count;
};

// octets is all that has come since the connection began. *handshake is written unless more is needed.
[[nodiscard]] enum handshake_result handshake_read(
	struct span octets, const struct handshake_origins *origins, struct handshake *handshake);
