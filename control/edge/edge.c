#include "edge.h"

#include "edge_private.h"

#include <openssl/rand.h>

#include <errno.h>
#include <stdlib.h>

static bool flow_current(void *context, uint32_t slot, struct flow_record *record)
{
	struct edge *edge = context;

	return flow_book_next(edge->book, slot - 1, record) && record->id.slot == slot;
}

static int store_start(struct edge *edge)
{
	struct control *control = edge->control;
	const struct config *config = control->config;
	const struct store_options options = {
		.path = config->store_path,
		.edge = config->node.id,
		.flows_max = config->limits.flows,
		.current = flow_current,
		.context = edge,
		.log = control->log,
	};
	char place[128];

	if (config->store_path == NULL) {
		edge->incarnation = clock_wall_ms() * 1000000;
		return 0;
	}
	int status = store_open(&options, &control->store);
	if (status != 0) {
		control_fault(control, "E-STORE",
			"make the folder writable for weir-control, or set 'store: {path: off}'",
			"cannot use the store %s (%s): %s", config->store_path,
			control_place(control, &config->store_path, place, sizeof(place)),
			strerror(-status));
		return status;
	}
	edge->incarnation = store_incarnation(control->store);
	return 0;
}

struct restoring {
	struct edge *edge;
	struct flow_time time;
	uint64_t outage_ms;
	uint64_t moved; // flows of listeners that are others now
};

static void flow_restore(void *context, const struct flow_record *record)
{
	struct restoring *restoring = context;

	if (!restoring->edge->listener_stands[record->listener]) {
		const struct flow_record gone = {.id = record->id,
			.state = FLOW_GONE,
			.listener = record->listener,
			.transport = record->transport};
		store_put(restoring->edge->control->store, &gone);
		restoring->moved++;
		return;
	}
	flow_book_restore(restoring->edge->book, record, restoring->outage_ms, restoring->time);
}

static void book_restore(struct edge *edge)
{
	struct store *store = edge->control->store;
	struct restoring restoring = {.edge = edge, .time = edge_now()};
	uint64_t now_s = restoring.time.wall_ms / 1000;

	if (store == NULL)
		return;
	uint64_t last_s = store_last_s(store);
	restoring.outage_ms = now_s > last_s ? (now_s - last_s) * 1000 : 0;
	store_read(store, flow_restore, &restoring);
	flow_book_note_generation(edge->book, store_newest_generation(store));
	if (restoring.moved > 0)
		log_event(edge->control->log, LOG_LEVEL_WARNING, "flows-of-other-listeners",
			LOG_NUMBER("ended", restoring.moved),
			LOG_TEXT("why", "their listeners have other addresses now"),
			LOG_TEXT("hint", "give listeners an 'id' before reordering them"));
}

static struct flow_bounds bounds_of(const struct config *config)
{
	return (struct flow_bounds){
		.reserved_percent = config->limits.reserved_percent,
		.reserved_per_network = config->limits.reserved_per_network,
		.shared = config->flows.shared_flows.items,
		.shared_count = (unsigned)config->flows.shared_flows.count,
	};
}

static int book_open(struct edge *edge)
{
	const struct config *config = edge->control->config;
	struct flow_book_options options = {
		.edge = config->node.id,
		.flows_max = config->limits.flows,
		.rows_max = config->limits.rows,
		.bounds = bounds_of(config),
	};

	if (RAND_bytes((unsigned char *)&options.seed, sizeof(options.seed)) != 1)
		return -EIO;
	edge->book = flow_book_new(&options, edge_now());
	edge->copies = peer_copies_new(config->limits.peer_flows);
	return edge->book == NULL || edge->copies == NULL ? -ENOMEM : 0;
}

static int registration_open(struct edge *edge)
{
	const struct registration_options options = {
		.book = edge->book,
		.hashes = token_keys_hashes(edge->control->token_keys),
		.send = edge_send,
		.removed = edge_retract,
		.context = edge,
	};

	edge->registration = registration_new(&options);
	return edge->registration == NULL ? -ENOMEM : 0;
}

static void tick(evutil_socket_t socket, short what, void *context)
{
	struct edge *edge = context;
	struct flow_time now = edge_now();

	flow_book_tick(edge->book, now);
	registration_tick(edge->registration, now);
	edge_peers_tick(edge);
	edge_streams_tick(edge);
	edge_explain_expire(edge, false);
	if (token_keys_are_due(edge->control->token_keys, edge->keys_sent_s, now.wall_ms / 1000)
		&& link_client_is_up(edge->control->link))
		edge_send_keys(edge);
	edge_ready_judge(edge);
	// How long an outage was is told from the last commit; and after a failure it is tried again.
	if (edge->control->store != NULL)
		(void)store_commit(edge->control->store, now.wall_ms / 1000);
	if (flow_book_has_changes(edge->book))
		edge_batch_soon(edge);
}

static int timers_open(struct edge *edge)
{
	struct timeval second = {.tv_sec = 1};

	edge->deferred_end = &edge->deferred;
	edge->batch_timer = evtimer_new(edge->control->base, edge_batch_fired, edge);
	edge->tick_timer = event_new(edge->control->base, -1, EV_PERSIST, tick, edge);
	edge->ready_timer = evtimer_new(edge->control->base, edge_ready_fired, edge);
	return edge->batch_timer != NULL && edge->tick_timer != NULL && edge->ready_timer != NULL
			&& event_add(edge->tick_timer, &second) == 0
		? 0
		: -ENOMEM;
}

// In the order in which each needs the ones before it.
static int parts_open(struct edge *edge)
{
	int (*const opens[])(struct edge *) = {edge_keys_open, store_start, book_open, timers_open,
		registration_open, edge_streams_open, edge_outlets_open, edge_link_open,
		edge_upstream_open, edge_mesh_open, edge_source_open};
	int status = 0;

	for (size_t i = 0; status == 0 && i < sizeof(opens) / sizeof(opens[0]); i++) {
		status = opens[i](edge);
		if (status == 0 && opens[i] == book_open) {
			edge_notes_restore(edge);
			book_restore(edge);
		}
	}
	return status;
}

int edge_open(struct control *control)
{
	struct edge *edge = calloc(1, sizeof(*edge));

	if (edge == NULL)
		return -ENOMEM;
	control->edge = edge;
	edge->control = control;
	int status = parts_open(edge);
	if (status == 0)
		edge_ready_judge(edge);
	if (status != 0) {
		if (status == -ENOMEM)
			control_fault(control, "E-MEMORY", "lower 'limits'", "out of memory");
		edge_close(control);
	}
	return status;
}

// What talks to others goes first, so that nothing calls into what is freed.
static void links_close(struct control *control)
{
	if (control->mesh != NULL)
		mesh_close(control->mesh);
	control->mesh = NULL;
	edge_upstream_close(control->edge);
	if (control->link != NULL)
		link_client_close(control->link);
	control->link = NULL;
}

static void state_close(struct edge *edge)
{
	struct control *control = edge->control;

	if (edge->registration != NULL)
		registration_free(edge->registration);
	if (edge->book != NULL)
		flow_book_free(edge->book);
	if (edge->copies != NULL)
		peer_copies_free(edge->copies);
	if (control->store != NULL)
		store_close(control->store);
	control->store = NULL;
	if (control->token_keys != NULL)
		token_keys_close(control->token_keys);
	control->token_keys = NULL;
}

void edge_close(struct control *control)
{
	struct edge *edge = control->edge;

	if (edge->book != NULL && control->link != NULL)
		edge_batch_flush(edge);
	links_close(control);
	edge_streams_close(edge);
	edge_outlets_close(edge);
	edge_deferred_drop(edge);
	edge_explain_expire(edge, true);
	state_close(edge);
	if (edge->batch_timer != NULL)
		event_free(edge->batch_timer);
	if (edge->tick_timer != NULL)
		event_free(edge->tick_timer);
	if (edge->ready_timer != NULL)
		event_free(edge->ready_timer);
	control->source = NULL;
	free(edge->source);
	SSL_CTX_free(edge->tls);
	free(edge->mesh_peers);
	free(edge->listeners);
	free(edge->devices);
	free(edge);
	control->edge = NULL;
}

void edge_reload(struct control *control)
{
	const struct flow_bounds bounds = bounds_of(control->config);

	edge_keys_reload(control->edge);
	flow_book_set_bounds(control->edge->book, &bounds);
	edge_upstream_reload(control->edge);
	edge_send_directory(control->edge);
	edge_ready_judge(control->edge);
	if (control->mesh != NULL)
		mesh_sync(control->mesh)->announce(mesh_sync(control->mesh));
	edge_streams_reload(control->edge);
}
