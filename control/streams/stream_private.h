// stream_private.h: what the parts of a connection share.

#pragma once

#include "thread.h"

static inline struct span stream_rest(struct span octets, size_t used)
{
	return span_of(octets.octets + used, octets.length - used);
}

// stream.c
// Read nothing more until what is waited for has come.
void stream_wait_for(struct stream *connection, enum stream_wait wait);
// It is in one of its thread's lists of those that wait.
[[nodiscard]] bool stream_is_listed(const struct stream *connection);

// stream_output.c
void stream_write_ready(evutil_socket_t fd, short what, void *argument);
size_t stream_output_length(const struct stream *connection);
// Ends when its output has gone out; from the loop and not here, since whoever calls may be in the middle of something.
void stream_end_later(struct stream *connection, enum stream_end end);

// stream_input.c
void stream_read_ready(evutil_socket_t fd, short what, void *argument);
// Take whole frames off the beginning; returns how many octets are done with.
[[nodiscard]] size_t stream_take_frames(struct stream *connection, struct span octets);
void stream_consume_input(struct stream *connection, size_t used);
// Note when the message began that is not whole.
void stream_time_message(struct stream *connection);
// An answer of our own, to the message that was read last: only where no decision engine can say anything.
void stream_answer(struct stream *connection, unsigned status, struct span headers);
