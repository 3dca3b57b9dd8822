// traffic_control.c: weir-control: its flow book and its registration, between rings.

#include "traffic.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void down_put(
	struct traffic *traffic, const struct link_down_message *head, struct span message)
{
	fake_down(&traffic->control, head, message);
	traffic->handed++;
}

static void send_later(
	struct traffic *traffic, const struct link_down_message *head, struct span message)
{
	struct deferred *deferred = malloc(sizeof(*deferred) + message.length);

	if (deferred == NULL)
		abort();
	*deferred = (struct deferred){.head = *head};
	memcpy(deferred->octets, message.octets, message.length);
	*traffic->deferred_end = deferred;
	traffic->deferred_end = &deferred->next;
}

static void send_down(void *context, unsigned worker, const struct link_down_message *head,
	struct span message, bool after_changes)
{
	struct traffic *traffic = context;

	(void)worker;
	if (after_changes)
		send_later(traffic, head, message);
	else
		down_put(traffic, head, message);
}

static void removed(void *context, const struct row_removal *removal)
{
	(void)context;
	(void)removal;
}

static void table_change(void *context, const struct flow_record *record)
{
	struct traffic *traffic = context;
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];

	fake_record(&traffic->control, LINK_FLOW, octets, flow_record_encode(record, octets));
}

// Table before wire.
static void changes_flush(struct traffic *traffic)
{
	struct deferred *deferred = traffic->deferred;

	flow_book_walk_changes(traffic->book, table_change, traffic);
	flow_book_clear_changes(traffic->book);
	traffic->deferred = NULL;
	traffic->deferred_end = &traffic->deferred;
	while (deferred != NULL) {
		struct deferred *next = deferred->next;

		deferred->head.after = traffic->control.sequence;
		down_put(
			traffic, &deferred->head, span_of(deferred->octets, deferred->head.length));
		free(deferred);
		deferred = next;
	}
}

bool control_open(struct traffic *traffic)
{
	static const uint8_t secret[INDEX_SECRET_OCTETS] = "index secret of the fake control";
	const struct flow_book_options options = {.edge = 1,
		.flows_max = FLOWS_MAX,
		.rows_max = 2 * FLOWS_MAX,
		.bounds = {.reserved_percent = 10, .reserved_per_network = FLOWS_MAX / 10},
		.seed = 1};

	if (hash_keys_derive(&traffic->hashes, secret, SPAN("fake")) != 0)
		return false;
	traffic->deferred_end = &traffic->deferred;
	// The book gives out slots from the next second on.
	traffic->time = (struct flow_time){1000, (uint64_t)time(NULL) * 1000};
	traffic->book = flow_book_new(&options, traffic->time);
	traffic->time.now_ms += 1000;
	traffic->time.wall_ms += 1000;
	const struct registration_options registration = {
		.book = traffic->book,
		.hashes = &traffic->hashes,
		.send = send_down,
		.removed = removed,
		.context = traffic,
	};

	traffic->registration = traffic->book == NULL ? NULL : registration_new(&registration);
	return traffic->registration != NULL;
}

void control_close(struct traffic *traffic)
{
	registration_free(traffic->registration);
	flow_book_free(traffic->book);
}

void control_tick(struct traffic *traffic)
{
	traffic->time.now_ms++;
	traffic->time.wall_ms++;
	if (traffic->time.now_ms % 1000 != 0)
		return;
	flow_book_tick(traffic->book, traffic->time);
	registration_tick(traffic->registration, traffic->time);
	changes_flush(traffic);
}

static void event_take(struct traffic *traffic, uint16_t type, const uint8_t *octets)
{
	struct link_event_life event;

	if (type != LINK_EVENT_LIFE)
		return;
	memcpy(&event, octets, sizeof(event));
	const struct flow_id id = {1, event.slot, event.generation};

	if (event.silent)
		flow_book_miss(traffic->book, id, traffic->time);
	else
		flow_book_hear(traffic->book, id, event.keepalive != 0, traffic->time);
}

static void message_take(struct traffic *traffic, const uint8_t *octets, size_t length)
{
	struct link_up_message head;
	struct span message = span_of(octets + sizeof(head), length - sizeof(head));

	memcpy(&head, octets, sizeof(head));
	if (head.kind == LINK_UP_REGISTER)
		registration_take_request(traffic->registration, 0, &head, message, traffic->time);
	else if (head.kind == LINK_UP_REGISTERED)
		registration_take_response(traffic->registration, 0, &head, message, traffic->time);
}

bool control_play(struct traffic *traffic)
{
	static _Alignas(8) uint8_t octets[sizeof(struct link_up_message) + FAKE_MESSAGE_MAX];
	struct record_header header;
	bool played = false;

	while (ring_read(&traffic->control.events, &header, octets, sizeof(octets)) >= 0)
		event_take(traffic, header.type, octets);
	while (ring_read(&traffic->control.up, &header, octets, sizeof(octets)) >= 0) {
		message_take(traffic, octets, header.length);
		played = true;
	}
	if (flow_book_has_changes(traffic->book) || traffic->deferred != NULL)
		changes_flush(traffic);
	return played;
}
