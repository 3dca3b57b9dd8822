#include "edge_private.h"

#include <stdlib.h>

void edge_batch_soon(struct edge *edge)
{
	struct timeval soon = {.tv_usec = EDGE_BATCH_MS * 1000};

	if (!evtimer_pending(edge->batch_timer, NULL))
		evtimer_add(edge->batch_timer, &soon);
}

static void store_change(void *context, const struct flow_record *record)
{
	store_put(context, record);
}

struct telling {
	struct edge *edge;
	uint64_t sequence; // of the last record put; 0: none
};

static void table_change(void *context, const struct flow_record *record)
{
	struct telling *telling = context;
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	size_t length = flow_record_encode(record, octets);

	telling->sequence =
		link_client_put(telling->edge->control->link, LINK_FLOW, span_of(octets, length));
}

static void peers_change(void *context, const struct flow_record *record)
{
	struct sync *sync = context;

	sync->publish(sync, record);
}

static void deferred_send(struct edge *edge, uint64_t sequence)
{
	while (edge->deferred != NULL) {
		struct deferred *message = edge->deferred;
		edge->deferred = message->next;
		message->head.after = sequence;
		// A full ring loses it, as any network may: the phone repeats its REGISTER.
		if (link_client_send(edge->control->link, message->worker, &message->head,
			    span_of(message->octets, message->length))
			!= 0)
			log_event(edge->control->log, LOG_LEVEL_WARNING, "down-ring-full",
				LOG_NUMBER("worker", message->worker));
		free(message);
	}
	edge->deferred_end = &edge->deferred;
}

// Store, table, wire, peers: in this order.
void edge_batch_flush(struct edge *edge)
{
	struct telling telling = {.edge = edge};
	struct control *control = edge->control;

	if (control->store != NULL) {
		flow_book_walk_changes(edge->book, store_change, control->store);
		// A failure has been said; the edge goes on without.
		(void)store_commit(control->store, clock_wall_ms() / 1000);
	}
	flow_book_walk_changes(edge->book, table_change, &telling);
	deferred_send(edge, telling.sequence);
	edge_streams_flushed(edge, telling.sequence);
	if (control->mesh != NULL)
		flow_book_walk_changes(edge->book, peers_change, mesh_sync(control->mesh));
	flow_book_clear_changes(edge->book);
}

void edge_batch_fired(evutil_socket_t socket, short what, void *context)
{
	edge_batch_flush(context);
}

static void defer(struct edge *edge, unsigned worker, const struct link_down_message *head,
	struct span message)
{
	struct deferred *deferred = malloc(sizeof(*deferred) + message.length);

	if (deferred == NULL)
		return; // lost, as on any network
	*deferred = (struct deferred){
		.worker = worker, .head = *head, .length = (uint16_t)message.length};
	memcpy(deferred->octets, message.octets, message.length);
	*edge->deferred_end = deferred;
	edge->deferred_end = &deferred->next;
	edge_batch_soon(edge);
}

void edge_send(void *context, unsigned worker, const struct link_down_message *head,
	struct span message, bool after_changes)
{
	struct edge *edge = context;

	if (after_changes)
		defer(edge, worker, head, message);
	else if (link_client_send(edge->control->link, worker, head, message) != 0)
		log_event(edge->control->log, LOG_LEVEL_WARNING, "down-ring-full",
			LOG_NUMBER("worker", worker));
}

void edge_deferred_drop(struct edge *edge)
{
	while (edge->deferred != NULL) {
		struct deferred *message = edge->deferred;
		edge->deferred = message->next;
		free(message);
	}
	edge->deferred_end = &edge->deferred;
}

void edge_retract(void *context, const struct row_removal *removal)
{
	struct edge *edge = context;

	if (edge->control->mesh != NULL)
		mesh_sync(edge->control->mesh)->retract(mesh_sync(edge->control->mesh), removal);
}
