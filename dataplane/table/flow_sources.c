// flow_sources.c: flows by where their messages come from: (listener, address, port).
//
// Our own are all there. Of other edges only those of listeners whose address may become ours, in a table of their own: nobody else's lookup
// is any longer for it.

#include "flow_table.h"

#include <errno.h>

struct source_key {
	const struct flow_table *table;
	const struct endpoint *peer;
	uint8_t edge;
	uint8_t listener;
};

static struct cds_lfht_node *nodes_of(const struct flow_table *table, uint8_t edge)
{
	return edge == table->own_edge ? table->source_nodes : table->edges[edge].source_nodes;
}

static bool source_matches(const struct source_key *key, const struct flow *flow)
{
	return flow->listener == key->listener && endpoint_equal(&flow->peer, key->peer);
}

static const struct flow *source_flow(const struct source_key *key, struct cds_lfht_node *node)
{
	return &key->table->edges[key->edge].cold[node - nodes_of(key->table, key->edge)];
}

static int match_source(struct cds_lfht_node *node, const void *argument)
{
	const struct source_key *key = argument;

	publish_meet(node);
	return source_matches(key, source_flow(key, node));
}

// Several edges' nodes are in one table: which one's it is says where it lies.
static int match_peer_source(struct cds_lfht_node *node, const void *argument)
{
	const struct source_key *key = argument;
	const struct cds_lfht_node *nodes = nodes_of(key->table, key->edge);

	publish_meet(node);
	return node >= nodes && node < nodes + key->table->edges[key->edge].slots
		&& source_matches(key, source_flow(key, node));
}

// Sources are chosen by phones, so the hash is mixed well, but a chosen collision costs only the chooser's own lookups: no two
// flows have the same source, and the number of flows is bounded.
static unsigned long source_hash(uint8_t listener, const struct endpoint *peer)
{
	uint64_t words[2];

	memcpy(words, peer->address, sizeof(words));
	uint64_t hash = words[0] ^ words[1] * 0x9e3779b97f4a7c15u ^ (uint64_t)peer->port << 40
		^ (uint64_t)listener << 56;
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53u;
	return (unsigned long)(hash ^ hash >> 33);
}

const struct flow *flow_find_source(
	const struct flow_table *table, uint8_t listener, const struct endpoint *peer)
{
	const struct source_key key = {table, peer, table->own_edge, listener};
	struct cds_lfht_iter iter;

	cds_lfht_lookup(table->sources, source_hash(listener, peer), match_source, &key, &iter);
	struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
	return node == NULL ? NULL : source_flow(&key, node);
}

const struct flow *flow_find_peer_source(
	const struct flow_table *table, uint8_t edge, uint8_t listener, const struct endpoint *peer)
{
	const struct source_key key = {table, peer, edge, listener};
	// Pairs with the release of flow_table_index_sources(): the edge's nodes are there.
	struct cds_lfht *sources = atomic_load_explicit(
		&((struct flow_table *)table)->peer_sources, memory_order_acquire);
	struct cds_lfht_iter iter;

	if (sources == NULL || table->edges[edge].source_nodes == NULL)
		return NULL;
	cds_lfht_lookup(sources, source_hash(listener, peer), match_peer_source, &key, &iter);
	struct cds_lfht_node *node = cds_lfht_iter_get_node(&iter);
	return node == NULL ? NULL : source_flow(&key, node);
}

// --- The keeper ---

static bool is_indexed(const struct flow_table *table, const struct flow *flow)
{
	const struct edge_flows *edge = &table->edges[flow->id.edge];

	return flow->listener <= LISTENERS_MAX && flow->transport == TRANSPORT_UDP
		&& (edge->source_listeners[flow->listener / 64] >> flow->listener % 64 & 1) != 0;
}

static void node_add(struct cds_lfht *sources, struct cds_lfht_node *node, const struct flow *flow)
{
	cds_lfht_node_init(node);
	publish_node(node);
	cds_lfht_add(sources, source_hash(flow->listener, &flow->peer), node);
}

void flow_source_add(struct flow_table *table, struct flow *flow)
{
	struct cds_lfht_node *node = nodes_of(table, flow->id.edge) + flow->id.slot;

	if (flow->id.edge == table->own_edge) {
		node_add(table->sources, node, flow);
	} else if (is_indexed(table, flow)) {
		flow->life |= FLOW_LIFE_SOURCE;
		node_add(table->peer_sources, node, flow);
	}
}

void flow_source_remove(struct flow_table *table, struct flow *flow)
{
	if (flow->id.edge == table->own_edge)
		cds_lfht_del(table->sources, &table->source_nodes[flow->id.slot]);
	else if ((flow->life & FLOW_LIFE_SOURCE) != 0)
		cds_lfht_del(table->peer_sources,
			&table->edges[flow->id.edge].source_nodes[flow->id.slot]);
	flow->life &= (uint8_t)~FLOW_LIFE_SOURCE;
}

static void peers_flows_add(struct flow_table *table, uint8_t edge_id)
{
	struct edge_flows *edge = &table->edges[edge_id];

	for (uint32_t slot = 1; slot <= edge->highest; slot++) {
		struct flow *flow = &edge->cold[slot];

		if (atomic_load_explicit(&edge->hot[slot].generation, memory_order_relaxed) != 0
			&& (flow->life & FLOW_LIFE_SOURCE) == 0)
			flow_source_add(table, flow);
	}
}

static int peer_sources_open(struct flow_table *table)
{
	unsigned long size = lfht_size(table->limits.peer_flows);
	struct cds_lfht *sources =
		cds_lfht_new_flavor(size, size, size, 0, &urcu_qsbr_flavor, NULL);

	if (sources == NULL)
		return -ENOMEM;
	atomic_store_explicit(&table->peer_sources, sources, memory_order_release);
	return 0;
}

int flow_table_index_sources(struct flow_table *table, uint8_t edge_id, uint8_t listener)
{
	struct edge_flows *edge = &table->edges[edge_id];
	uint64_t bit = UINT64_C(1) << listener % 64;

	if (edge_id == table->own_edge || listener > LISTENERS_MAX
		|| (edge->source_listeners[listener / 64] & bit) != 0)
		return 0;
	if (flow_table_open_edge(table, edge_id) != 0)
		return -ENOMEM;
	if (edge->source_nodes == NULL)
		edge->source_nodes = flow_table_reserve(edge->slots * sizeof(*edge->source_nodes));
	if (edge->source_nodes == NULL
		|| (table->peer_sources == NULL && peer_sources_open(table) != 0))
		return -ENOMEM;
	edge->source_listeners[listener / 64] |= bit;
	peers_flows_add(table, edge_id);
	return 0;
}

static void sources_empty(struct cds_lfht *sources)
{
	struct cds_lfht_iter iter;

	if (sources == NULL)
		return;
	for (cds_lfht_first(sources, &iter); cds_lfht_iter_get_node(&iter) != NULL;
		cds_lfht_next(sources, &iter))
		cds_lfht_del(sources, cds_lfht_iter_get_node(&iter));
	cds_lfht_destroy(sources, NULL);
}

// The nodes lie in arrays, so the tables are emptied before those go.
void flow_sources_free(struct flow_table *table)
{
	sources_empty(table->sources);
	sources_empty(table->peer_sources);
}
