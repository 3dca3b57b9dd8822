// stream_input.c: what has come by a connection becomes messages for the workers.

#include "../base/clock.h"
#include "../core/reply.h"
#include "../flows/mix.h"
#include "carrier.h"
#include "held.h"
#include "stream_private.h"

#include <errno.h>
#include <stdlib.h>

enum {
	READS_A_TURN = 4, // before other connections have their turn
	TAG_LENGTH = 16,
	SIPS_PORT = 5061, // of a Via without one (RFC 3261 section 18.2.2)
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

// RFC 5923 section 6: only who has shown a certificate may be reached by the connection that it has opened.
static struct stream_alias alias_read(const struct stream *connection)
{
	const struct message *message = &connection->thread->message;
	const struct via *via = &message->via;
	struct stream_alias alias = {.certificate = NULL};
	struct slice ignored;

	if (connection->dial != NULL || connection->listener->side != SIDE_CORE
		|| connection->ssl == NULL || SSL_get_verify_result(connection->ssl) != X509_V_OK
		|| !message->request || !message->answerable)
		return alias;
	uint16_t end = (uint16_t)(via->value.offset + via->value.length);
	uint16_t from = (uint16_t)(via->sent_by.offset + via->sent_by.length);

	if (!parameter_find(message->octets, (struct slice){from, (uint16_t)(end - from)},
		    SPAN("alias"), &ignored))
		return alias;
	alias.certificate = SSL_get1_peer_certificate(connection->ssl);
	alias.port = via->has_port ? via->port : SIPS_PORT;
	return alias;
}

void stream_ask_flow(struct stream *connection)
{
	struct stream_mail *mail = connection->mail;
	bool ours = connection->dial != NULL;

	stream_wait_for(connection, WAIT_FLOW);
	*mail = (struct stream_mail){.connection = connection,
		.type = MAIL_OPEN,
		.thread = connection->thread->index,
		.listener = connection->listener->id,
		.transport = connection->listener->transport,
		.mutual = ours && connection->ssl != NULL && tls_set_has_shown(connection->ssl),
		.outlet = ours ? connection->dial->outlet : 0,
		.peer = connection->peer,
		.alias = alias_read(connection)};
	connection->asked = true;
	mailbox_put(&connection->thread->streams->inbox, mail);
}

static void flow_want(struct stream *connection)
{
	struct stream_thread *thread = connection->thread;

	if (admission_take_flow(&thread->streams->admission, &connection->peer, thread->now_ms)) {
		stream_ask_flow(connection);
		return;
	}
	stream_answer(connection, 503, SPAN("Retry-After: 60\r\n"));
	stream_end_later(connection, STREAM_END_REFUSED);
}

int stream_send_down(struct stream *connection, struct span message, uint32_t tag)
{
	struct link_down_message head = {
		.kind = LINK_DOWN_STREAM,
		.slot = connection->slot,
		.generation = connection->generation,
		.tag = tag,
		.length = (uint16_t)message.length,
		.listener = connection->listener->id,
		.peer = connection->peer,
	};

	return link_lane_send(
		stream_thread_lane(connection->thread), &connection->mark, &head, message);
}

bool stream_take_message(struct stream *connection, struct span message)
{
	if (connection->generation == 0) {
		if (!connection->asked)
			flow_want(connection);
		return false;
	}
	struct held *held = held_new(connection, message);
	int status = stream_send_down(connection, message, held_tag(held));

	if (status != 0)
		held_free(held);
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

void stream_answer_ping(struct stream *connection)
{
	connection->pinged = true;
	stream_thread_add(connection->thread, COUNT_PINGS);
	stream_write(connection, SPAN("\r\n"));
}

// False: no more of it now.
static bool frame_take(struct stream *connection, const struct frame *frame, struct span octets)
{
	switch (frame->kind) {
	case FRAME_MESSAGE:
		return stream_take_message(connection, span_of(octets.octets, frame->length));
	case FRAME_PING:
		connection->message_ms = 0;
		stream_answer_ping(connection);
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
static size_t frames_take(struct stream *connection, struct span octets)
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

bool stream_keep_input(struct stream *connection, struct span octets)
{
	size_t length = connection->input_length + octets.length;

	if (length > connection->input_room) {
		uint8_t *grown = realloc(connection->input, length);

		if (grown == NULL) {
			stream_end_later(connection, STREAM_END_MEMORY);
			return false;
		}
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

// When the message began that is not whole.
static void message_time(struct stream *connection)
{
	bool begun = connection->input_length > 0 && connection->input[0] != '\r';

	if (!begun)
		connection->message_ms = 0;
	else if (connection->message_ms == 0)
		connection->message_ms = connection->thread->now_ms;
}

void stream_take_input(struct stream *connection, struct span octets)
{
	size_t used = 0;

	if (connection->input_length > 0) {
		if (octets.length > 0 && !stream_keep_input(connection, octets))
			return;
		used = frames_take(
			connection, span_of(connection->input, connection->input_length));
		stream_consume_input(connection, used);
	} else {
		used = frames_take(connection, octets);
		if (used < octets.length
			&& !stream_keep_input(connection, stream_rest(octets, used)))
			return;
	}
	message_time(connection);
}

static void octets_take(struct stream *connection, struct span octets)
{
	connection->heard = true;
	connection->heard_ms = connection->thread->now_ms;
	if (connection->websocket != NULL)
		stream_take_websocket(connection, octets);
	else
		stream_take_input(connection, octets);
}

// More may have been decrypted than was taken; and TLS may have to write before it reads on.
static void read_later(struct stream *connection)
{
	if (connection->wait == WAIT_NOTHING && carrier_has_more(connection))
		event_active(&connection->read_event, EV_READ, 0);
	if (connection->wants_write)
		event_add(&connection->write_event, NULL);
}

// Of one that we open, and that has not stood yet: was it the certificate?
static enum stream_end end_of_read(const struct stream *connection, ssize_t length)
{
	if (connection->dial == NULL || connection->generation != 0)
		return length == 0 ? STREAM_END_PEER : STREAM_END_BROKEN;
	return connection->ssl != NULL && SSL_get_verify_result(connection->ssl) != X509_V_OK
		? STREAM_END_IMPOSTOR
		: STREAM_END_UNREACHABLE;
}

void stream_read_ready(evutil_socket_t fd, short what, void *argument)
{
	struct stream *connection = argument;
	struct stream_thread *thread = connection->thread;

	thread->now_ms = clock_ms();
	for (unsigned i = 0; i < READS_A_TURN && connection->wait == WAIT_NOTHING; i++) {
		ssize_t length = carrier_read(connection, thread->input, sizeof(thread->input));

		if (length != -EAGAIN && length != -EINTR && length <= 0) {
			stream_close(connection, end_of_read(connection, length));
			return;
		}
		if (!stream_dial_greet(connection))
			return;
		if (length < 0)
			break;
		octets_take(connection, span_of(thread->input, (size_t)length));
	}
	read_later(connection);
}
