// stream_output.c: what a connection's other side is to read.

#include "../base/clock.h"
#include "carrier.h"
#include "stream_private.h"

#include <errno.h>

enum {
	WRITE_CHUNK_OCTETS = 16384,
};

size_t stream_output_length(const struct stream *connection)
{
	return connection->output == NULL ? 0 : evbuffer_get_length(connection->output);
}

// What the other side reads at once needs no buffer. Returns what is left, or -1: it is broken.
static ssize_t write_now(struct stream *connection, struct span octets)
{
	size_t used = 0;

	while (used < octets.length) {
		ssize_t taken = carrier_write(connection, stream_rest(octets, used));

		if (taken == -EAGAIN || taken == -EINTR)
			break;
		if (taken < 0)
			return -1;
		used += (size_t)taken;
	}
	return (ssize_t)(octets.length - used);
}

// Closed from the loop and not here: whoever writes may be in the middle of something.
void stream_end_later(struct stream *connection, enum stream_end end)
{
	if (connection->wait == WAIT_END)
		return;
	if (stream_is_listed(connection))
		LIST_REMOVE(connection, waiting);
	connection->end = (uint8_t)end;
	stream_wait_for(connection, WAIT_END);
	event_add(&connection->write_event, NULL);
}

static void write_later(struct stream *connection, struct span octets)
{
	if (connection->output == NULL)
		connection->output = evbuffer_new();
	if (connection->output == NULL
		|| evbuffer_add(connection->output, octets.octets, octets.length) != 0) {
		stream_end_later(connection, STREAM_END_MEMORY);
		return;
	}
	if (!event_pending(&connection->write_event, EV_WRITE, NULL)) {
		connection->written_ms = connection->thread->now_ms;
		event_add(&connection->write_event, NULL);
	}
}

void stream_write(struct stream *connection, struct span message)
{
	if (connection->websocket == NULL)
		stream_write_octets(connection, message);
	else if (!websocket_send(connection->websocket, message))
		stream_end_later(connection, STREAM_END_PEER);
}

void stream_write_octets(struct stream *connection, struct span octets)
{
	size_t waiting = stream_output_length(connection);
	ssize_t left = (ssize_t)octets.length;

	// What did not go out may have been a part of a frame: what comes now would be read as the rest of it.
	if (connection->wait == WAIT_END)
		return;
	if (waiting + octets.length > stream_thread_limits(connection->thread)->write_octets) {
		stream_end_later(connection, STREAM_END_STALLED);
		return;
	}
	if (waiting == 0)
		left = write_now(connection, octets);
	if (left < 0)
		stream_end_later(connection, STREAM_END_BROKEN);
	else if (left > 0)
		write_later(connection, stream_rest(octets, octets.length - (size_t)left));
}

// False: it is broken.
static bool output_drain(struct stream *connection)
{
	while (stream_output_length(connection) > 0) {
		size_t length = evbuffer_get_contiguous_space(connection->output);

		if (length > WRITE_CHUNK_OCTETS)
			length = WRITE_CHUNK_OCTETS;
		ssize_t taken = carrier_write(connection,
			span_of(evbuffer_pullup(connection->output, (ssize_t)length), length));

		if (taken == -EAGAIN || taken == -EINTR)
			return true;
		if (taken < 0)
			return false;
		evbuffer_drain(connection->output, (size_t)taken);
		connection->written_ms = connection->thread->now_ms;
	}
	return true;
}

void stream_write_ready(evutil_socket_t fd, short what, void *argument)
{
	struct stream *connection = argument;

	connection->thread->now_ms = clock_ms();
	if (connection->connecting) {
		stream_dial_connected(connection);
		return;
	}
	if (!output_drain(connection)) {
		stream_close(connection, STREAM_END_BROKEN);
		return;
	}
	if (stream_output_length(connection) > 0)
		return;
	event_del(&connection->write_event);
	if (connection->wants_write) {
		connection->wants_write = false;
		event_active(&connection->read_event, EV_READ, 0);
	}
	if (connection->wait == WAIT_END)
		stream_close(connection, (enum stream_end)connection->end);
}
