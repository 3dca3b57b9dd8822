// stream.h: one connection, from accept to close. Belongs to its stream thread.
//
//     accept -> first whole message -> OPEN mail -> OPENED, with a flow -> messages down and up -> close, CLOSED mail
//     DIAL mail -> connected, and its certificate is the right one -> OPEN mail -> likewise
//
// A message that cannot go down now (its flow is not there yet, the ring is full, the dataplane is away) stays in `input`, and nothing
// more is read until it has gone: TCP itself tells the sender.

#pragma once

#include "../websocket/websocket.h"
#include "framer.h"
#include "streams.h"

#include <event2/buffer.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

struct stream_thread;

// Why nothing is read.
enum stream_wait {
	WAIT_NOTHING,
	WAIT_FLOW, // the main loop is asked for its flow
	WAIT_RING, // the worker's ring is full
	WAIT_LINK, // there is no dataplane
	WAIT_END, // it is closed when its output has gone out
};

struct stream {
	struct stream_thread *thread;
	LIST_ENTRY(stream) all;
	LIST_ENTRY(stream) waiting; // WAIT_RING and WAIT_LINK
	const struct stream_listener *listener;
	int socket;
	SSL *ssl; // of TLS; else NULL
	struct tls_set *tls; // what ssl was made by: held
	struct websocket *websocket; // of WebSocket; else NULL
	struct stream_dial *dial; // owned; NULL: it was accepted
	bool connecting; // of one that we open: not even by TCP yet
	bool heard; // something has come
	uint8_t wait; // enum stream_wait
	uint8_t end; // enum stream_end, of WAIT_END
	bool pinged; // it shows keep-alives
	bool asked; // its mail is with the main loop
	bool wants_write; // TLS cannot read on before it has written
	uint32_t slot; // of its flow; generation 0: none yet
	uint32_t generation;
	struct link_lane_mark mark;
	struct stream_mail *mail;
	struct endpoint peer;
	struct event read_event;
	struct event write_event; // pending while there is output
	struct framer framer;
	uint8_t *input; // what is not a whole frame yet, or waits
	uint32_t input_length;
	uint32_t input_room;
	struct evbuffer *output; // NULL: never needed
	LIST_HEAD(, held) held; // requests that may have to be repeated
	uint32_t held_count;
	uint32_t held_octets;
	uint32_t whole; // of WebSocket: messages and control frames that have come
	uint64_t opened_ms;
	uint64_t heard_ms;
	uint64_t message_ms; // when the message that is not whole began; 0: none
	uint64_t written_ms; // the last progress of output
};

// A socket that was accepted: taken over. NULL: out of memory, and it is closed.
struct stream *stream_new(struct stream_thread *thread, const struct stream_listener *listener,
	int socket, const struct endpoint *peer);
// Open one. The mail is taken over, and comes back as CLOSED if nothing comes of it.
void stream_dial(struct stream_thread *thread, struct stream_mail *mail);
// Ends it at once.
void stream_close(struct stream *connection, enum stream_end end);
// The flow is there, or refused. Takes the mail back.
void stream_take_flow(struct stream *connection, struct stream_mail *mail);
// What waited may go on: a ring has room, or a session has begun.
void stream_resume(struct stream *connection);
// Write a message, now or as soon as the other side reads.
void stream_write(struct stream *connection, struct span message);
// Once a tick: what has taken too long ends. The connection may be gone afterwards.
void stream_check(struct stream *connection);
