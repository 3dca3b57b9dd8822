#include "stream.h"

#include "../base/tcp.h"
#include "carrier.h"
#include "held.h"
#include "stream_private.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	OCTETS_A_MS = 1, // the slowest sender of a message that is served
};

static int events_assign(struct stream *connection)
{
	struct event_base *base = connection->thread->base;

	return event_assign(&connection->read_event, base, connection->socket, EV_READ | EV_PERSIST,
		       stream_read_ready, connection)
				!= 0
			|| event_assign(&connection->write_event, base, connection->socket,
				   EV_WRITE | EV_PERSIST, stream_write_ready, connection)
				!= 0
		? -ENOMEM
		: 0;
}

struct stream *stream_make(struct stream_thread *thread, const struct stream_listener *listener,
	int socket, const struct endpoint *peer, struct stream_mail *mail)
{
	struct stream *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return NULL;
	*connection = (struct stream){.thread = thread,
		.listener = listener,
		.socket = socket,
		.mail = mail,
		.dial = mail->dial,
		.peer = *peer,
		.opened_ms = thread->now_ms,
		.heard_ms = thread->now_ms};
	framer_init(&connection->framer, stream_thread_limits(thread)->message_octets);
	tcp_tune(socket);
	if (carrier_open(connection) == 0 && stream_open_websocket(connection) == 0
		&& events_assign(connection) == 0) {
		mail->dial = NULL;
		LIST_INSERT_HEAD(&thread->connections, connection, all);
		atomic_fetch_add_explicit(&thread->open, 1, memory_order_relaxed);
		return connection;
	}
	websocket_free(connection->websocket);
	carrier_close(connection);
	free(connection);
	return NULL;
}

struct stream *stream_new(struct stream_thread *thread, const struct stream_listener *listener,
	int socket, const struct endpoint *peer)
{
	struct stream_mail *mail = calloc(1, sizeof(*mail));
	struct stream *connection =
		mail == NULL ? NULL : stream_make(thread, listener, socket, peer, mail);

	if (connection == NULL) {
		free(mail);
		close(socket);
		return NULL;
	}
	event_add(&connection->read_event, NULL);
	return connection;
}

// The flow ends, if there was one; a mail that is with the main loop finds nobody when it comes back, and says so.
static void mail_part(struct stream *connection, enum stream_end end)
{
	struct stream_mail *mail = connection->mail;

	// These are written though the mail may be with the main loop, which leaves them alone.
	mail->end = (uint8_t)end;
	mail->heard = connection->heard;
	if (connection->asked) {
		mail->connection = NULL;
		return;
	}
	if (connection->generation == 0 && connection->dial == NULL) {
		mail_free(mail);
		return;
	}
	mail->type = MAIL_CLOSED;
	mailbox_put(&connection->thread->streams->inbox, mail);
}

bool stream_is_listed(const struct stream *connection)
{
	return connection->wait == WAIT_RING || connection->wait == WAIT_LINK;
}

void stream_close(struct stream *connection, enum stream_end end)
{
	struct stream_thread *thread = connection->thread;

	event_del(&connection->read_event);
	event_del(&connection->write_event);
	if (stream_is_listed(connection))
		LIST_REMOVE(connection, waiting);
	LIST_REMOVE(connection, all);
	// A slot is given out again; another connection may have it by now.
	if (connection->generation != 0 && thread->by_slot[connection->slot] == connection)
		thread->by_slot[connection->slot] = NULL;
	held_free_all(connection);
	mail_part(connection, end);
	websocket_free(connection->websocket);
	carrier_close(connection);
	close(connection->socket);
	if (connection->output != NULL)
		evbuffer_free(connection->output);
	free(connection->input);
	if (connection->dial == NULL)
		admission_release(&thread->streams->admission, &connection->peer);
	free(connection->dial);
	atomic_fetch_sub_explicit(&thread->open, 1, memory_order_relaxed);
	stream_thread_add(thread, end);
	free(connection);
}

void stream_wait_for(struct stream *connection, enum stream_wait wait)
{
	connection->wait = (uint8_t)wait;
	event_del(&connection->read_event);
	if (stream_is_listed(connection))
		stream_thread_wait(connection->thread, connection);
}

// --- Waiting ---

void stream_resume(struct stream *connection)
{
	connection->wait = WAIT_NOTHING;
	if (connection->websocket != NULL)
		stream_resume_websocket(connection);
	else
		stream_take_input(connection, span_of(NULL, 0));
	if (connection->wait != WAIT_NOTHING)
		return;
	event_add(&connection->read_event, NULL);
	if (carrier_has_more(connection))
		event_active(&connection->read_event, EV_READ, 0);
}

// The message that waits is the one to be answered.
static void message_read_again(struct stream *connection)
{
	struct span octets = span_of(connection->input, connection->input_length);

	if (connection->websocket != NULL)
		(void)message_parse(&connection->thread->message, octets.octets, octets.length);
	else
		(void)framer_next(&connection->framer, octets, &connection->thread->message);
}

static void flow_miss(struct stream *connection, enum stream_refusal refusal)
{
	if (refusal == REFUSAL_STRANGER || connection->dial != NULL) {
		stream_end_later(connection,
			refusal == REFUSAL_STRANGER ? STREAM_END_STRANGER : STREAM_END_REFUSED);
		return;
	}
	message_read_again(connection);
	stream_answer(connection, 503, SPAN("Retry-After: 30\r\n"));
	stream_end_later(connection, STREAM_END_REFUSED);
}

void stream_take_flow(struct stream *connection, struct stream_mail *mail)
{
	connection->asked = false;
	if (mail->refusal != REFUSAL_NONE) {
		flow_miss(connection, mail->refusal);
		return;
	}
	connection->slot = mail->slot;
	connection->generation = mail->generation;
	connection->mark = mail->mark;
	connection->thread->by_slot[mail->slot] = connection;
	if (connection->wait == WAIT_FLOW)
		stream_resume(connection);
}

static bool message_is_late(const struct stream *connection)
{
	const struct stream_limits *limits = stream_thread_limits(connection->thread);
	uint64_t taken_ms = connection->thread->now_ms - connection->message_ms;

	return connection->message_ms != 0 && connection->wait == WAIT_NOTHING
		&& taken_ms > limits->header_ms + connection->framer.whole / OCTETS_A_MS;
}

// One that we have opened answers probes, and those come by way of a flow and a dataplane: without these it is not silent.
static void silence_excuse(struct stream *connection)
{
	if (connection->dial != NULL
		&& (connection->generation == 0 || connection->thread->lane_session == 0))
		connection->heard_ms = connection->thread->now_ms;
}

static bool is_silent(const struct stream *connection)
{
	const struct stream_limits *limits = stream_thread_limits(connection->thread);
	uint64_t silent_ms = connection->thread->now_ms - connection->heard_ms;

	if (connection->dial != NULL)
		return silent_ms > connection->dial->silent_ms;
	return silent_ms > (connection->pinged ? limits->keepalive_ms : limits->idle_ms);
}

void stream_check(struct stream *connection)
{
	const struct stream_limits *limits = stream_thread_limits(connection->thread);
	uint64_t now_ms = connection->thread->now_ms;

	silence_excuse(connection);
	if (stream_output_length(connection) > 0
		&& now_ms - connection->written_ms > limits->write_ms)
		stream_close(connection, STREAM_END_STALLED);
	else if (connection->dial != NULL && connection->generation == 0
		&& now_ms - connection->opened_ms > STREAM_CONNECT_MS)
		stream_close(connection, STREAM_END_UNREACHABLE);
	else if (message_is_late(connection)
		|| (connection->generation == 0
			&& now_ms - connection->opened_ms > limits->first_ms))
		stream_close(connection, STREAM_END_SLOW);
	else if (is_silent(connection))
		stream_close(connection, STREAM_END_SILENT);
	else if (connection->wait == WAIT_LINK && stream_thread_is_cut_off(connection->thread)) {
		LIST_REMOVE(connection, waiting);
		stream_resume(connection);
	}
}
