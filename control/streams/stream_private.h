// stream_private.h: what the parts of a connection share.

#pragma once

#include "thread.h"

static inline struct span stream_rest(struct span octets, size_t used)
{
	return span_of(octets.octets + used, octets.length - used);
}

// stream.c
// A connection that nothing is read from yet. NULL: out of memory; socket and mail stay the caller's.
[[nodiscard]] struct stream *stream_make(struct stream_thread *thread,
	const struct stream_listener *listener, int socket, const struct endpoint *peer,
	struct stream_mail *mail);
// Read nothing more until what is waited for has come.
void stream_wait_for(struct stream *connection, enum stream_wait wait);
// It is in one of its thread's lists of those that wait.
[[nodiscard]] bool stream_is_listed(const struct stream *connection);

// stream_dial.c: of connections that we open.
// The socket is connected, or will never be.
void stream_dial_connected(struct stream *connection);
// After each read: asks for its flow once we know who is there. False: the wrong one, and it has ended.
[[nodiscard]] bool stream_dial_greet(struct stream *connection);

// stream_output.c
void stream_write_ready(evutil_socket_t fd, short what, void *argument);
size_t stream_output_length(const struct stream *connection);
// Octets as they are.
void stream_write_octets(struct stream *connection, struct span octets);
// Ends when its output has gone out; from the loop and not here, since whoever calls may be in the middle of something.
void stream_end_later(struct stream *connection, enum stream_end end);

// stream_input.c
void stream_read_ready(evutil_socket_t fd, short what, void *argument);
// Cut messages out of what waits and these octets; what is not whole waits on.
void stream_take_input(struct stream *connection, struct span octets);
// Ask the main loop for a flow.
void stream_ask_flow(struct stream *connection);
// Keep octets until they can be taken. False: out of memory, and it ends.
bool stream_keep_input(struct stream *connection, struct span octets);
void stream_consume_input(struct stream *connection, size_t used);
// Put a message on the ring of its worker: as link_lane_send().
[[nodiscard]] int stream_send_down(struct stream *connection, struct span message, uint32_t tag);
// A whole message, which is what the thread has read last. False: it could not go down and waits, or the connection ends.
[[nodiscard]] bool stream_take_message(struct stream *connection, struct span message);
// Somebody asks whether we are there, and will again.
void stream_answer_ping(struct stream *connection);
// An answer of our own, to the message that was read last: only where no decision engine can say anything.
void stream_answer(struct stream *connection, unsigned status, struct span headers);

// stream_websocket.c
// 0 or -ENOMEM; nothing is done for other transports.
[[nodiscard]] int stream_open_websocket(struct stream *connection);
void stream_take_websocket(struct stream *connection, struct span octets);
void stream_resume_websocket(struct stream *connection);
