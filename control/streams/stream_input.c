// stream_input.c: what has come by a connection becomes messages for the workers.

#include "../base/clock.h"
#include "../core/reply.h"
#include "../flows/mix.h"
#include "carrier.h"
#include "stream_private.h"

#include <errno.h>
#include <stdlib.h>

enum {
	READS_A_TURN = 4, // before other connections have their turn
	TAG_LENGTH = 16,
};

// An answer of our own, to the message that was read last: only where no decision engine can say anything.
void stream_answer(struct stream *connection, unsigned status, struct span headers)
{
	struct stream_thread *thread = connection->thread;
	struct text text = text_begin(thread->answer, sizeof(thread->answer));
	uint8_t octets[TAG_LENGTH + 1];
	struct text tag = text_begin(octets, sizeof(octets));

	if (!thread->message.answerable || thread->message.method == METHOD_ACK)
		return;
	text_format(&tag, "%016llx",
		(unsigned long long)mix_octets(thread->streams->admission.seed,
			message_span(&thread->message, thread->message.call_id)));
	reply_write(&text, &thread->message, &connection->peer, status, text_span(&tag), headers);
	if (!text.overflow)
		stream_write(connection, text_span(&text));
}

static void flow_ask(struct stream *connection)
{
	struct stream_mail *mail = connection->mail;

	stream_wait_for(connection, WAIT_FLOW);
	*mail = (struct stream_mail){.connection = connection,
		.type = MAIL_OPEN,
		.thread = connection->thread->index,
		.listener = connection->listener->id,
		.transport = connection->listener->transport,
		.peer = connection->peer};
	connection->asked = true;
	mailbox_put(&connection->thread->streams->inbox, mail);
}

static int send_down(struct stream *connection, struct span message)
{
	struct link_down_message head = {
		.kind = LINK_DOWN_STREAM,
		.slot = connection->slot,
		.generation = connection->generation,
		.length = (uint16_t)message.length,
		.listener = connection->listener->id,
		.peer = connection->peer,
	};

	return link_lane_send(
		stream_thread_lane(connection->thread), &connection->mark, &head, message);
}

// False: it could not go down and waits, or the connection ends.
static bool message_take(struct stream *connection, struct span message)
{
	if (connection->generation == 0) {
		flow_ask(connection);
		return false;
	}
	int status = send_down(connection, message);

	if (status == -ENOTCONN && stream_thread_is_cut_off(connection->thread)) {
		stream_answer(connection, 503, SPAN("Retry-After: 5\r\n"));
		stream_thread_add(connection->thread, COUNT_TIMED_OUT);
		return connection->wait == WAIT_NOTHING;
	}
	if (status == -EAGAIN || status == -ENOTCONN) {
		stream_wait_for(connection, status == -EAGAIN ? WAIT_RING : WAIT_LINK);
		return false;
	}
	connection->message_ms = 0;
	stream_thread_add(connection->thread, COUNT_MESSAGES);
	return true;
}

static void fault_take(struct stream *connection, const struct frame *frame)
{
	enum stream_end end = STREAM_END_UNREADABLE;

	if (frame->kind == FRAME_TOO_LARGE) {
		end = STREAM_END_TOO_LARGE;
		if (frame->length > 0)
			stream_answer(connection, 513, span_of(NULL, 0));
	} else if (frame->kind == FRAME_UNENDED) {
		end = STREAM_END_UNENDED;
		stream_answer(connection, 400, span_of(NULL, 0));
	}
	stream_end_later(connection, end);
}

// False: no more of it now.
static bool frame_take(struct stream *connection, const struct frame *frame, struct span octets)
{
	switch (frame->kind) {
	case FRAME_MESSAGE:
		return message_take(connection, span_of(octets.octets, frame->length));
	case FRAME_PING:
		connection->pinged = true;
		connection->message_ms = 0;
		stream_thread_add(connection->thread, COUNT_PINGS);
		stream_write(connection, SPAN("\r\n"));
		return connection->wait == WAIT_NOTHING;
	case FRAME_PONG:
		connection->message_ms = 0;
		return true;
	case FRAME_MORE:
		return false;
	default:
		fault_take(connection, frame);
		return false;
	}
}

// Returns how many octets are done with.
size_t stream_take_frames(struct stream *connection, struct span octets)
{
	size_t used = 0;
	bool more = true;

	while (more && used < octets.length) {
		struct span rest = stream_rest(octets, used);
		struct frame frame =
			framer_next(&connection->framer, rest, &connection->thread->message);

		more = frame_take(connection, &frame, rest);
		if (more)
			used += frame.length;
		else if (frame.kind == FRAME_PING)
			used += frame.length;
	}
	return used;
}

static bool input_append(struct stream *connection, struct span octets)
{
	size_t length = connection->input_length + octets.length;

	if (length > connection->input_room) {
		uint8_t *grown = realloc(connection->input, length);

		if (grown == NULL)
			return false;
		connection->input = grown;
		connection->input_room = (uint32_t)length;
	}
	memcpy(connection->input + connection->input_length, octets.octets, octets.length);
	connection->input_length = (uint32_t)length;
	return true;
}

// A connection between two messages keeps no buffer.
void stream_consume_input(struct stream *connection, size_t used)
{
	connection->input_length -= (uint32_t)used;
	if (connection->input_length > 0) {
		memmove(connection->input, connection->input + used, connection->input_length);
		return;
	}
	free(connection->input);
	connection->input = NULL;
	connection->input_room = 0;
}

void stream_time_message(struct stream *connection)
{
	bool begun = connection->input_length > 0 && connection->input[0] != '\r';

	if (!begun)
		connection->message_ms = 0;
	else if (connection->message_ms == 0)
		connection->message_ms = connection->thread->now_ms;
}

static void input_take(struct stream *connection, struct span octets)
{
	size_t used = 0;

	if (connection->input_length == 0)
		used = stream_take_frames(connection, octets);
	if (used < octets.length && !input_append(connection, stream_rest(octets, used))) {
		stream_end_later(connection, STREAM_END_MEMORY);
		return;
	}
	if (used == 0 && connection->input_length > octets.length) {
		used = stream_take_frames(
			connection, span_of(connection->input, connection->input_length));
		stream_consume_input(connection, used);
	}
	stream_time_message(connection);
}

void stream_read_ready(evutil_socket_t fd, short what, void *argument)
{
	struct stream *connection = argument;
	struct stream_thread *thread = connection->thread;

	thread->now_ms = clock_ms();
	for (unsigned i = 0; i < READS_A_TURN && connection->wait == WAIT_NOTHING; i++) {
		ssize_t length = carrier_read(connection, thread->input, sizeof(thread->input));

		if (length == -EAGAIN || length == -EINTR)
			return;
		if (length <= 0) {
			stream_close(connection, length == 0 ? STREAM_END_PEER : STREAM_END_BROKEN);
			return;
		}
		connection->heard_ms = thread->now_ms;
		input_take(connection, span_of(thread->input, (size_t)length));
	}
}
