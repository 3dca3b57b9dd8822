// inbox.c: messages of control and errands of the keeper.

#include "inbox.h"

#include "counters.h"
#include "plane.h"

#include <errno.h>

enum {
	// Half a burst, so that neither the wire nor control waits for the other.
	INBOX_BURST = BURST_MAX / 2,
	// A control message is read so that its octets come to lie at the packet's beginning.
	INBOX_HEAD = sizeof(struct link_down_message),
};
static_assert(sizeof(struct link_down_message) <= PACKET_HEAD_ROOM_MIN,
	"the head is read into the head room");

static const uint8_t inbox_origins[] = {
	[LINK_DOWN_GRANT] = ORIGIN_GRANT,
	[LINK_DOWN_REFUSE] = ORIGIN_REFUSE,
	[LINK_DOWN_RETURN] = ORIGIN_RETURN,
	[LINK_DOWN_SEND] = ORIGIN_CONTROL,
	[LINK_DOWN_STREAM] = ORIGIN_STREAM,
};
static_assert(sizeof(inbox_origins) == LINK_DOWN_KINDS, "every kind has an origin");

static bool head_is_valid(const struct link_down_message *head, int64_t length)
{
	return head->kind < sizeof(inbox_origins) && head->length == length - INBOX_HEAD
		&& (head->peer.family == ENDPOINT_V4 || head->peer.family == ENDPOINT_V6)
		&& (head->kind != LINK_DOWN_REFUSE || (head->status >= 300 && head->status <= 699));
}

static void burst_append(
	struct burst *burst, struct packet *packet, const struct link_down_message *head)
{
	packet->length = head->length;
	packet->peer = head->peer;
	packet->listener = head->listener;
	burst->origin[burst->count] = inbox_origins[head->kind];
	burst->grant[burst->count] = (struct grant){
		.uak = head->uak,
		.slot = head->slot,
		.generation = head->generation,
		.status = head->status,
		.retry_after_s = head->retry_after_s,
		.flow_timer = head->flow_timer != 0,
		.tag = head->tag,
	};
	burst->packet[burst->count++] = packet;
}

// 1, 0 (it waits, or there is nothing) or -EBADMSG.
static int record_is_due(
	struct worker *worker, struct session *session, uint32_t lane, uint32_t *length)
{
	struct ring *ring = &session->down[lane][worker->index];
	struct link_down_message head;
	struct record_header header;
	int status = ring_peek(ring, &header);

	if (status != 1)
		return status;
	if (header.type != LINK_DOWN_MESSAGE || header.length < INBOX_HEAD
		|| ring_peek_payload(ring, (uint8_t *)&head, sizeof(head)) != INBOX_HEAD)
		return -EBADMSG;
	*length = header.length - INBOX_HEAD;
	if (head.after <= atomic_load_explicit(&session->applied, memory_order_acquire))
		return 1;
	worker->lane_held[lane] = head.after;
	return 0;
}

// 1, 0 (nothing to take now) or -EBADMSG.
static int record_take(struct worker *worker, struct session *session, uint32_t lane)
{
	const struct io_ops *io = worker->port->ops;
	struct link_down_message head;
	struct record_header header;
	struct packet *packet;
	uint32_t expected;
	int status = record_is_due(worker, session, lane, &expected);

	if (status != 1)
		return status;
	packet = io->allocate(worker->port, expected);
	if (packet == NULL)
		return expected > UINT16_MAX ? -EBADMSG : 0;
	// Looked at once more after the copy: the first look was at memory that control can write.
	int64_t length = ring_read(&session->down[lane][worker->index], &header,
		packet->octets - INBOX_HEAD, INBOX_HEAD + (size_t)expected);

	if (length >= INBOX_HEAD)
		memcpy(&head, packet->octets - INBOX_HEAD, sizeof(head));
	if (length < INBOX_HEAD || !head_is_valid(&head, length)) {
		io->release(worker->port, &packet, 1);
		return -EBADMSG;
	}
	burst_append(worker->burst, packet, &head);
	return 1;
}

// The least that some lane waits for, published for the keeper.
static void held_publish(struct worker *worker, uint32_t lanes)
{
	uint64_t least = 0;

	for (uint32_t lane = 0; lane < lanes; lane++)
		if (worker->lane_held[lane] != 0 && (least == 0 || worker->lane_held[lane] < least))
			least = worker->lane_held[lane];
	atomic_store(&worker->held, least);
}

static void lanes_take(struct worker *worker, struct session *session)
{
	uint32_t lanes = session_lanes(session);
	uint32_t lane = worker->lane_first++ % lanes;
	int status = 1;

	for (uint32_t i = 0; i < lanes && status >= 0; i++) {
		worker->lane_held[lane] = 0;
		status = 1;
		while (status == 1 && worker->burst->count < INBOX_BURST)
			status = record_take(worker, session, lane);
		lane = (lane + 1) % lanes;
	}
	if (status < 0)
		plane_break_session(worker->plane, session);
	held_publish(worker, lanes);
}

void inbox_take(struct worker *worker, struct session *session)
{
	atomic_store_explicit(&worker->held, 0, memory_order_relaxed);
	if (session != NULL && !atomic_load_explicit(&session->broken, memory_order_relaxed))
		lanes_take(worker, session);
}

void inbox_run_errands(struct worker *worker)
{
	const struct io_ops *io = worker->port->ops;
	struct channel_record record;
	enum channel_type type;

	while (channel_read(&worker->from_keeper, &type, &record)) {
		struct packet *packet = io->allocate(worker->port, record.length);

		if (packet == NULL)
			return;
		memcpy(packet->octets, record.text, record.length);
		packet->length = record.length;
		packet->peer = record.peer;
		packet->listener = record.listener;
		if (io->send(worker->port, &packet, 1) == 0)
			counter_add(&worker->counters.sent, 1);
	}
}

// A record that is held is no reason to stay awake: the keeper wakes whoever waits for what it has applied.
static bool lane_sleeps(struct worker *worker, struct session *session, uint32_t lane)
{
	uint64_t held = worker->lane_held[lane];

	if (held != 0)
		return atomic_load(&session->applied) < held;
	return ring_sleep(&session->down[lane][worker->index]);
}

static void lanes_wake(struct worker *worker, struct session *session)
{
	for (uint32_t lane = 0; lane < session_lanes(session); lane++)
		ring_wake(&session->down[lane][worker->index]);
}

static bool lanes_sleep(struct worker *worker, struct session *session)
{
	if (session == NULL || atomic_load_explicit(&session->broken, memory_order_relaxed))
		return true;
	for (uint32_t lane = 0; lane < session_lanes(session); lane++)
		if (!lane_sleeps(worker, session, lane)) {
			lanes_wake(worker, session);
			return false;
		}
	return true;
}

bool inbox_sleep(struct worker *worker, struct session *session)
{
	if (!ring_sleep(&worker->from_keeper.reader))
		return false;
	if (lanes_sleep(worker, session))
		return true;
	ring_wake(&worker->from_keeper.reader);
	return false;
}

void inbox_wake(struct worker *worker, struct session *session)
{
	ring_wake(&worker->from_keeper.reader);
	if (session != NULL)
		lanes_wake(worker, session);
}
