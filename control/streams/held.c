#include "held.h"

#include "../base/clock.h"
#include "../flows/mix.h"
#include "stream_private.h"

#include <weir/side.h>

#include <stdlib.h>

struct held {
	LIST_ENTRY(held) next; // of its connection
	struct stream *connection;
	uint32_t tag;
	uint32_t cseq;
	uint8_t method; // enum method
	bool confirmed; // it left by UDP, or waits
	bool proceeding; // a provisional response has passed
	uint32_t interval_ms; // until it is repeated next
	uint64_t begun_ms;
	struct event timer;
	struct slice branch; // of its top Via
	uint16_t length;
	uint8_t octets[];
};

static void timer_set(struct held *held)
{
	const struct timeval wait = {
		.tv_sec = held->interval_ms / 1000, .tv_usec = held->interval_ms % 1000 * 1000};

	evtimer_add(&held->timer, &wait);
}

// RFC 3261 section 17.1.1.2: an INVITE's interval doubles for ever; section 17.1.2.2: others' do up to T2, which is what counts after a
// provisional response.
static void interval_grow(struct held *held)
{
	held->interval_ms *= 2;
	if (held->method != METHOD_INVITE && (held->proceeding || held->interval_ms > HELD_T2_MS))
		held->interval_ms = HELD_T2_MS;
}

// What nobody has said anything of after T1 left by a transport that loses nothing, or was answered here.
static bool is_over(const struct held *held, uint64_t now_ms)
{
	return !held->confirmed || now_ms - held->begun_ms >= HELD_LIFE_MS;
}

static void repeat(evutil_socket_t fd, short what, void *argument)
{
	struct held *held = argument;
	struct stream *connection = held->connection;

	connection->thread->now_ms = clock_ms();
	if (is_over(held, connection->thread->now_ms)) {
		held_free(held);
		return;
	}
	// Without room or a dataplane it is the next one's turn.
	if (stream_send_down(connection, span_of(held->octets, held->length), held->tag) == 0)
		stream_thread_add(connection->thread, COUNT_REPEATED);
	interval_grow(held);
	timer_set(held);
}

static uint32_t *source_octets(const struct stream *connection)
{
	const struct stream_thread *thread = connection->thread;
	const struct endpoint *peer = &connection->peer;
	size_t length = peer->family == ENDPOINT_V6 ? 8 : 4;
	uint64_t mixed =
		mix_octets(thread->streams->admission.seed, span_of(peer->address, length));

	return &connection->thread->held_by_source[mixed % HELD_SOURCES];
}

// Proxies and registrars, who are few and trusted, share among themselves as they come.
static bool has_share(const struct stream *connection, size_t length)
{
	const struct stream_thread *thread = connection->thread;
	size_t free_octets = HELD_OCTETS_MAX - thread->held_octets;

	if (length > free_octets)
		return false;
	if (connection->listener->side != SIDE_ACCESS)
		return true;
	size_t share = free_octets / HELD_SOURCE_PART;
	return connection->held_octets + length <= share / 2
		&& *source_octets(connection) + length <= share;
}

// An ACK is answered by nobody, and repeated only by who sent it.
static bool is_held(const struct stream *connection, size_t length)
{
	const struct stream_thread *thread = connection->thread;
	const struct message *message = &thread->message;

	return message->request && message->answerable && message->method != METHOD_ACK
		&& message->via.branch.length > 0 && connection->held_count < HELD_MAX
		&& has_share(connection, length);
}

static void octets_count(struct stream *connection, int32_t octets)
{
	connection->held_octets += (uint32_t)octets;
	connection->thread->held_octets += (uint32_t)octets;
	*source_octets(connection) += (uint32_t)octets;
}

struct held *held_new(struct stream *connection, struct span octets)
{
	struct stream_thread *thread = connection->thread;
	const struct message *message = &thread->message;

	if (!is_held(connection, octets.length))
		return NULL;
	struct held *held = malloc(sizeof(*held) + octets.length);

	if (held == NULL)
		return NULL;
	// 0 is no tag.
	thread->last_tag += thread->last_tag == UINT32_MAX ? 2 : 1;
	*held = (struct held){.connection = connection,
		.tag = thread->last_tag,
		.cseq = message->cseq,
		.method = message->method,
		.interval_ms = HELD_T1_MS,
		.begun_ms = thread->now_ms,
		.branch = message->via.branch,
		.length = (uint16_t)octets.length};
	memcpy(held->octets, octets.octets, octets.length);
	evtimer_assign(&held->timer, thread->base, repeat, held);
	timer_set(held);
	LIST_INSERT_HEAD(&connection->held, held, next);
	connection->held_count++;
	octets_count(connection, held->length);
	return held;
}

void held_free(struct held *held)
{
	if (held == NULL)
		return;
	evtimer_del(&held->timer);
	LIST_REMOVE(held, next);
	held->connection->held_count--;
	octets_count(held->connection, -(int32_t)held->length);
	free(held);
}

void held_free_all(struct stream *connection)
{
	while (!LIST_EMPTY(&connection->held))
		held_free(LIST_FIRST(&connection->held));
}

uint32_t held_tag(const struct held *held)
{
	return held == NULL ? 0 : held->tag;
}

void held_confirm(struct stream *connection, uint32_t tag)
{
	struct held *held = LIST_FIRST(&connection->held);

	while (held != NULL && held->tag != tag)
		held = LIST_NEXT(held, next);
	if (held != NULL)
		held->confirmed = true;
}

// RFC 3261 section 17.1.3: by the branch of the top Via, which is the phone's own again, and the method in CSeq.
static bool answers(const struct message *response, const struct held *held)
{
	return held->cseq == response->cseq && held->method == response->method
		&& span_equal(slice_span(held->octets, held->branch),
			message_span(response, response->via.branch));
}

static struct held *held_find(struct stream *connection, const struct message *response)
{
	struct held *held = LIST_FIRST(&connection->held);

	while (held != NULL && !answers(response, held))
		held = LIST_NEXT(held, next);
	return held;
}

void held_hear(struct stream *connection, struct span octets)
{
	struct message *message = &connection->thread->message;

	if (LIST_EMPTY(&connection->held)
		|| message_parse(message, octets.octets, octets.length) != MESSAGE_OK
		|| message->request)
		return;
	struct held *held = held_find(connection, message);

	// An INVITE is not repeated any more once it is known to have come (section 17.1.1.2).
	if (held != NULL && (message->status >= 200 || held->method == METHOD_INVITE))
		held_free(held);
	else if (held != NULL)
		held->proceeding = true;
}
