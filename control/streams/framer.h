// framer.h: finds the messages in a stream (RFC 3261 section 18.3), by Content-Length and by nothing else.
//
// The octets are the caller's: each call gets all that has come since the last frame's end. A message whose end is not said, or said
// twice, is refused and never guessed: two readings of one stream are how requests are smuggled.

#pragma once

#include <weir/message.h>

enum frame_kind {
	FRAME_MORE, // the frame is not whole yet
	FRAME_MESSAGE,
	FRAME_PING, // two CRLFs: to be answered by one (RFC 5626 section 4.4.1)
	FRAME_PONG, // one CRLF: nothing (RFC 3261 section 7.5)
	FRAME_TOO_LARGE, // the stream cannot be read on from here, as after those below
	FRAME_UNREADABLE, // what begins here is no SIP message
	FRAME_UNENDED, // no Content-Length, or none that can be believed
};

struct frame {
	enum frame_kind kind;
	// Of the frame in octets. MORE: of the whole message if its headers are there, else 0. UNENDED, TOO_LARGE: of its headers, 0 if they
	// are not there.
	size_t length;
};

struct framer {
	uint32_t message_max; // octets of one message; at most 65,535
	uint32_t scanned; // no blank line begins before this one
	uint32_t whole; // of the message that has begun, once its headers are there; else 0
};

void framer_init(struct framer *framer, size_t message_max);
// *message is what was read last: after FRAME_MESSAGE the whole one, after FRAME_UNENDED and FRAME_TOO_LARGE with a length its headers.
[[nodiscard]] struct frame framer_next(
	struct framer *framer, struct span octets, struct message *message);
