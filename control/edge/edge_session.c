#include "../directory/directory.h"
#include "edge_private.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>

enum {
	EXPLAIN_WAIT_MS = 2000,
	EDGES = 256,
};

static struct link_client *link_of(const struct edge *edge)
{
	return edge->control->link;
}

void edge_send_keys(struct edge *edge)
{
	struct token_keys *keys = edge->control->token_keys;
	uint64_t now_s = clock_wall_ms() / 1000;
	struct key_material material;

	int status = token_keys_derive(keys, now_s, &material);
	if (status != 0) {
		log_event(edge->control->log, LOG_LEVEL_ERROR, "keys-not-derived",
			LOG_TEXT("error", strerror(-status)));
		return;
	}
	link_client_put(link_of(edge), LINK_KEYS, span_of(&material, sizeof(material)));
	OPENSSL_cleanse(&material, sizeof(material));
	edge->keys_sent_s = now_s;
}

static int directory_record(void *context, uint16_t type, struct span record)
{
	struct edge *edge = context;

	link_client_put(link_of(edge), type, record);
	return 0;
}

void edge_send_directory(struct edge *edge)
{
	const struct sync_hello *hellos[EDGES] = {0};
	struct link_target targets[UPSTREAM_TARGETS_MAX];
	struct directory_input input = {
		.config = edge->control->config,
		.incarnation = edge->incarnation,
		.hellos = hellos,
		.targets = targets,
	};

	if (!link_client_is_up(link_of(edge)))
		return;
	for (unsigned id = 1; id < EDGES; id++)
		if (edge->peers[id].known)
			hellos[id] = &edge->peers[id].sync.hello;
	if (edge->control->upstream != NULL)
		input.target_count = upstream_list(edge->control->upstream, targets);
	// It refuses nothing that the configuration let pass.
	(void)directory_write(&input, directory_record, edge);
}

void edge_send_peer_state(struct edge *edge, uint8_t id)
{
	const struct sync_peer *peer = &edge->peers[id].sync;
	const struct link_peer_state state = {
		.edge = id,
		.connected = peer->connected,
		.complete = peer->complete,
		.incarnation = peer->hello.incarnation,
	};

	link_client_put(link_of(edge), LINK_PEER_STATE, span_of(&state, sizeof(state)));
}

static void snapshot_mark(struct edge *edge, uint16_t type, uint8_t id)
{
	const struct link_snapshot mark = {.edge = id};

	link_client_put(link_of(edge), type, span_of(&mark, sizeof(mark)));
}

static void own_snapshot_send(struct edge *edge)
{
	uint8_t id = edge->control->config->node.id;
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	struct flow_record record;
	uint32_t slot = 0;

	snapshot_mark(edge, LINK_SNAPSHOT_BEGIN, id);
	while (flow_book_next(edge->book, slot, &record)) {
		slot = record.id.slot;
		link_client_put(link_of(edge), LINK_FLOW,
			span_of(octets, flow_record_encode(&record, octets)));
	}
	snapshot_mark(edge, LINK_SNAPSHOT_END, id);
}

static void copy_send(void *context, struct span record)
{
	link_client_put(link_of(context), LINK_FLOW, record);
}

// Swept only if we hold the peer's whole table: a dataplane that ran on may know more than a control that has just started.
// A snapshot that the mesh is in the middle of is opened anew: its END comes in this session and sweeps what follows.
static void peer_snapshots_send(struct edge *edge)
{
	for (unsigned id = 1; id < EDGES; id++) {
		if (peer_copies_are_complete(edge->copies, (uint8_t)id)) {
			snapshot_mark(edge, LINK_SNAPSHOT_BEGIN, (uint8_t)id);
			peer_copies_walk(edge->copies, (uint8_t)id, copy_send, edge);
			snapshot_mark(edge, LINK_SNAPSHOT_END, (uint8_t)id);
		}
		if (peer_copies_are_open(edge->copies, (uint8_t)id)) {
			snapshot_mark(edge, LINK_SNAPSHOT_BEGIN, (uint8_t)id);
			peer_copies_walk_open(edge->copies, (uint8_t)id, copy_send, edge);
		}
	}
}

// The stream threads come last: what their messages need is on its way into the tables.
static void lanes_attach(struct edge *edge)
{
	if (edge->streams == NULL)
		return;
	unsigned wanted = edge->control->config->streams.threads;
	unsigned attached = link_client_attach_lanes(link_of(edge));

	if (attached < wanted)
		log_event(edge->control->log, LOG_LEVEL_ERROR, "stream-lanes",
			LOG_NUMBER("threads", wanted), LOG_NUMBER("dataplane", attached),
			LOG_TEXT("hint", "restart weir-dataplane: it was started with fewer"));
	streams_look(edge->streams);
}

static void link_came_up(void *context)
{
	struct edge *edge = context;
	const struct config *config = edge->control->config;
	const struct hash_keys *hashes = token_keys_hashes(edge->control->token_keys);

	flow_book_forget_silence(edge->book, edge_now()); // this keeper tells anew
	edge_batch_flush(edge); // what is pending is part of the snapshot
	link_client_put(link_of(edge), LINK_HASH_KEYS, span_of(hashes, sizeof(*hashes)));
	edge_send_keys(edge);
	edge_send_directory(edge);
	own_snapshot_send(edge);
	peer_snapshots_send(edge);
	for (size_t i = 0; i < config->cluster.peers.count; i++)
		edge_send_peer_state(edge, config->cluster.peers.items[i].id);
	edge->linked = true;
	edge->fault_told[0] = 0;
	edge_ready_judge(edge);
	lanes_attach(edge);
}

static void link_went_down(void *context)
{
	struct edge *edge = context;

	edge->linked = false;
	edge->keys_sent_s = 0;
	edge_ready_judge(edge);
	edge_devices_forget(edge);
	edge_addresses_forget(edge);
	edge_deferred_drop(edge);
	edge_explain_expire(edge, true);
	if (edge->streams != NULL)
		streams_look(edge->streams);
}

static void probe_response(struct edge *edge, struct span octets)
{
	if (message_parse(&edge->message, octets.octets, octets.length) == MESSAGE_OK
		&& !edge->message.request && edge->control->upstream != NULL
		&& upstream_hear(edge->control->upstream, &edge->message))
		return;
	log_event(edge->control->log, LOG_LEVEL_DEBUG, "response-unasked");
}

static void message_came(
	void *context, unsigned worker, const struct link_up_message *head, struct span message)
{
	struct edge *edge = context;

	if (head->kind == LINK_UP_REGISTER)
		registration_take_request(edge->registration, worker, head, message, edge_now());
	else if (head->kind == LINK_UP_REGISTERED)
		registration_take_response(edge->registration, worker, head, message, edge_now());
	else
		probe_response(edge, message);
	if (flow_book_has_changes(edge->book))
		edge_batch_soon(edge);
}

static void peer_event(struct edge *edge, struct span payload)
{
	static const char *const NAMES[] = {"dead", "suspect", "up"};
	struct link_event_peer event;

	memcpy(&event, payload.octets, sizeof(event));
	struct edge_peer *peer = &edge->peers[event.edge];
	peer->liveness = event.liveness;
	peer->round_trip_us = event.round_trip_us;
	peer->changed_ms = clock_ms();
	log_event(edge->control->log, LOG_LEVEL_NOTICE, "peer-liveness",
		LOG_NUMBER("edge", event.edge),
		LOG_TEXT("state", event.liveness <= 2 ? NAMES[event.liveness] : "unknown"));
}

// Out of a majority we are the one whose clock is off. Where there is none, nobody can tell: all go on, and say so.
static void epoch_event(struct edge *edge, struct span payload)
{
	struct link_event_epoch event;

	memcpy(&event, payload.octets, sizeof(event));
	if (event.standing != LINK_EPOCH_AGREES)
		log_event(edge->control->log, LOG_LEVEL_ERROR, "epoch-differs",
			LOG_NUMBER("ours", event.ours), LOG_NUMBER("theirs", event.theirs),
			LOG_TEXT("of",
				event.standing == LINK_EPOCH_MINORITY ? "the majority"
								      : "another edge"),
			LOG_TEXT("hint", "is this machine's clock right?"));
	else if (edge->epoch_standing != LINK_EPOCH_AGREES)
		log_event(edge->control->log, LOG_LEVEL_NOTICE, "epoch-agrees",
			LOG_NUMBER("ours", event.ours));
	edge->epoch_standing = event.standing;
	edge_ready_judge(edge);
}

static void suspect_event(struct edge *edge, struct span payload)
{
	struct link_event_flow event;

	memcpy(&event, payload.octets, sizeof(event));
	const struct flow_id id = {.edge = edge->control->config->node.id,
		.slot = event.slot,
		.generation = event.generation};
	flow_book_suspect(edge->book, id, edge_now());
	edge_batch_soon(edge);
}

static void life_event(struct edge *edge, struct span payload)
{
	struct link_event_life event;

	memcpy(&event, payload.octets, sizeof(event));
	const struct flow_id id = {.edge = edge->control->config->node.id,
		.slot = event.slot,
		.generation = event.generation};
	if (event.silent)
		flow_book_miss(edge->book, id, edge_now());
	else
		flow_book_hear(edge->book, id, event.keepalive != 0, edge_now());
	if (flow_book_has_changes(edge->book))
		edge_batch_soon(edge);
}

static void explained_event(struct edge *edge, struct span payload)
{
	struct link_explained answer;

	memcpy(&answer, payload.octets, sizeof(answer));
	for (struct explain **at = &edge->explains; *at != NULL; at = &(*at)->next) {
		struct explain *explain = *at;
		if (explain->request != answer.request)
			continue;
		*at = explain->next;
		explain->done(explain->context, &answer);
		free(explain);
		return;
	}
}

static void event_came(void *context, uint16_t type, struct span payload)
{
	struct edge *edge = context;

	if (type == LINK_EVENT_PEER)
		peer_event(edge, payload);
	else if (type == LINK_EVENT_EPOCH)
		epoch_event(edge, payload);
	else if (type == LINK_EVENT_SUSPECT)
		suspect_event(edge, payload);
	else if (type == LINK_EVENT_LIFE)
		life_event(edge, payload);
	else if (type == LINK_EVENT_DEVICE)
		edge_device_event(edge, payload);
	else if (type == LINK_EVENT_ADDRESS)
		edge_address_event(edge, payload);
	else if (type == LINK_EVENT_EXPLAINED)
		explained_event(edge, payload);
}

int edge_explain(struct edge *edge, struct span token,
	void (*done)(void *context, const struct link_explained *answer), void *context)
{
	struct link_explain question = {.request = ++edge->explain_last};

	if (!link_client_is_up(link_of(edge)))
		return -ENOTCONN;
	if (token.length > sizeof(question.text))
		return -EMSGSIZE;
	struct explain *explain = malloc(sizeof(*explain));
	if (explain == NULL)
		return -ENOMEM;
	question.length = (uint8_t)token.length;
	memcpy(question.text, token.octets, token.length);
	*explain = (struct explain){.next = edge->explains,
		.request = question.request,
		.asked_ms = clock_ms(),
		.done = done,
		.context = context};
	edge->explains = explain;
	link_client_put(link_of(edge), LINK_EXPLAIN, span_of(&question, sizeof(question)));
	return 0;
}

void edge_explain_expire(struct edge *edge, bool all)
{
	uint64_t now_ms = clock_ms();

	for (struct explain **at = &edge->explains; *at != NULL;) {
		struct explain *explain = *at;
		if (!all && now_ms - explain->asked_ms < EXPLAIN_WAIT_MS) {
			at = &explain->next;
			continue;
		}
		*at = explain->next;
		explain->done(explain->context, NULL);
		free(explain);
	}
}

int edge_link_open(struct edge *edge)
{
	struct control *control = edge->control;
	const struct config *config = control->config;
	struct link_client_options options = {
		.base = control->base,
		.path = config->link_socket,
		.config =
			{
				.workers = config->dataplane.workers,
				.flows_max = config->limits.flows,
				.peer_flows_max = config->limits.peer_flows,
				.rows_max = config->limits.rows,
				.edge = config->node.id,
				.takeover = config->cluster.takeover == TAKEOVER_ADDRESS,
				.streams = edge->streams == NULL ? 0
								 : (uint8_t)config->streams.threads,
			},
		.listener_count = (unsigned)config->listeners.count,
		.lanes = edge->streams == NULL ? NULL : streams_lanes(edge->streams),
		.up = link_came_up,
		.down = link_went_down,
		.message = message_came,
		.event = event_came,
		.fault = edge_link_fault,
		.log = control->log,
		.context = edge,
	};

	edge->listeners = calloc(config->listeners.count, sizeof(*edge->listeners));
	if (edge->listeners == NULL || edge_devices_open(edge, &options.config) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		edge->listeners[i] = (struct link_listener){.id = listener->id,
			.side = listener->side,
			.transport = listener->transport,
			.driver = listener->driver,
			.address = listener->address,
			.device = listener->device};
	}
	options.listeners = edge->listeners;
	options.devices = edge->devices;
	options.device_count = (unsigned)config->devices.count;
	return link_client_open(&options, &control->link);
}
