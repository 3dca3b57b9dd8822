#include "../frame/source.h"
#include "edge_private.h"

#include <weir/identity.h>
#include <weir/uri.h>

#include <errno.h>
#include <stdlib.h>

static bool source_next_flow(void *context, uint32_t slot, struct flow_record *record)
{
	struct edge *edge = context;

	return flow_book_next(edge->book, slot, record);
}

static void source_count_flows(void *context, uint32_t *held, uint32_t *live, uint32_t *rows)
{
	struct edge *edge = context;
	struct flow_book_usage usage;

	flow_book_count(edge->book, &usage);
	*held = usage.held;
	*live = usage.live;
	*rows = usage.rows;
}

static bool source_count_streams(void *context, struct stream_counts *counts)
{
	const struct edge *edge = context;

	if (edge->streams == NULL)
		return false;
	streams_count(edge->streams, counts);
	return true;
}

static bool source_hash_aor(void *context, struct span aor, uint64_t *hash)
{
	struct edge *edge = context;
	const struct hash_keys *keys = token_keys_hashes(edge->control->token_keys);
	struct uri uri;

	if (aor.length > UINT16_MAX
		|| !uri_parse(aor.octets, (struct slice){0, (uint16_t)aor.length}, &uri)
		|| uri.scheme == URI_OTHER)
		return false;
	*hash = identity_hash_aor(keys, aor.octets, &uri);
	return true;
}

static bool source_peer(void *context, uint8_t id, struct source_peer *out)
{
	struct edge *edge = context;
	const struct edge_peer *peer = &edge->peers[id];
	struct mesh_status status;

	if (edge->control->mesh == NULL || !mesh_read_status(edge->control->mesh, id, &status))
		return false;
	*out = (struct source_peer){
		.connected = status.peer.connected,
		.complete = status.peer.complete,
		.liveness = peer->liveness,
		.round_trip_us = peer->round_trip_us,
		.changed_ms =
			peer->changed_ms > status.since_ms ? peer->changed_ms : status.since_ms,
		.received = status.records_in,
		.sent = status.records_out,
		.name = span_of(peer->sync.hello.name, peer->sync.hello.name_length),
	};
	return true;
}

static void table_add(void *context, struct span record)
{
	struct source_table *table = context;

	table->flows++;
	table->digest += record_checksum(record);
}

static void source_table(void *context, uint8_t id, struct source_table *table)
{
	struct edge *edge = context;
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	struct flow_record record = {0};

	*table = (struct source_table){0};
	if (id != edge->control->config->node.id) {
		peer_copies_walk(edge->copies, id, table_add, table);
		return;
	}
	while (flow_book_next(edge->book, record.id.slot, &record))
		table_add(table, span_of(octets, flow_record_encode(&record, octets)));
}

static bool source_device(void *context, unsigned index, struct link_event_device *state)
{
	struct edge *edge = context;

	if (index >= LINK_DEVICES_MAX || !edge->device_states[index].known)
		return false;
	*state = edge->device_states[index].state;
	return true;
}

static bool source_address(void *context, uint8_t listener, bool *here, uint64_t *since_ms)
{
	const struct edge *edge = context;
	const struct edge_address *address = &edge->addresses[listener];

	if (!address->known)
		return false;
	*here = address->here;
	*since_ms = address->changed_ms;
	return true;
}

static void source_explain(
	void *context, struct span token, source_explained *done, void *done_context)
{
	if (edge_explain(context, token, done, done_context) != 0)
		done(done_context, NULL);
}

int edge_source_open(struct edge *edge)
{
	edge->source = calloc(1, sizeof(*edge->source));
	if (edge->source == NULL)
		return -ENOMEM;
	*edge->source = (struct edge_source){
		.context = edge,
		.next_flow = source_next_flow,
		.count_flows = source_count_flows,
		.count_streams = source_count_streams,
		.hash_aor = source_hash_aor,
		.peer = source_peer,
		.table = source_table,
		.device = source_device,
		.address = source_address,
		.explain = source_explain,
	};
	edge->control->source = edge->source;
	return 0;
}
