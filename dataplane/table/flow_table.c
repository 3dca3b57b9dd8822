#include "flow_table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

// --- Memory ---

void *flow_table_reserve(size_t octets)
{
	void *memory = mmap(NULL, octets, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void edge_close(struct edge_flows *edge)
{
	struct hot *hot = atomic_load_explicit(&edge->hot, memory_order_relaxed);

	if (hot != NULL)
		munmap(hot, edge->slots * sizeof(*hot));
	if (edge->cold != NULL)
		munmap(edge->cold, edge->slots * sizeof(*edge->cold));
	if (edge->source_nodes != NULL)
		munmap(edge->source_nodes, edge->slots * sizeof(*edge->source_nodes));
	memset(edge, 0, sizeof(*edge));
}

// Readers look at `hot` first: it is published last.
static int edge_open(struct edge_flows *edge, uint32_t slots)
{
	struct hot *hot = flow_table_reserve(slots * sizeof(*hot));

	edge->slots = slots;
	edge->cold = flow_table_reserve(slots * sizeof(*edge->cold));
	if (hot == NULL || edge->cold == NULL) {
		atomic_store_explicit(&edge->hot, hot, memory_order_relaxed);
		edge_close(edge);
		return -ENOMEM;
	}
	atomic_store_explicit(&edge->hot, hot, memory_order_release);
	return 0;
}

struct flow_table *flow_table_new(uint8_t own_edge, const struct flow_limits *limits)
{
	struct flow_table *table = calloc(1, sizeof(*table));
	unsigned long size = lfht_size(limits->own_flows);

	if (table == NULL)
		return NULL;
	table->own_edge = own_edge;
	table->limits = *limits;
	table->source_nodes = calloc((size_t)limits->own_flows + 1, sizeof(*table->source_nodes));
	table->lost = calloc(LOST_ENTRIES, sizeof(*table->lost));
	table->sources = cds_lfht_new_flavor(size, size, size, 0, &urcu_qsbr_flavor, NULL);
	if (table->source_nodes == NULL || table->lost == NULL || table->sources == NULL
		|| edge_open(&table->edges[own_edge], limits->own_flows + 1) != 0
		|| row_pool_init(&table->rows, limits->rows) != 0) {
		flow_table_free(table);
		return NULL;
	}
	return table;
}

void flow_table_free(struct flow_table *table)
{
	if (table->rows.rows != NULL)
		row_pool_fini(&table->rows);
	flow_sources_free(table);
	for (unsigned i = 0; i < EDGES; i++)
		edge_close(&table->edges[i]);
	free(table->source_nodes);
	free(table->lost);
	free(table);
}

// --- Readers ---

static struct hot *hot_find(const struct flow_table *table, struct flow_id id)
{
	const struct edge_flows *edge = &table->edges[id.edge];
	struct hot *hot = atomic_load_explicit(&edge->hot, memory_order_acquire);

	return hot == NULL || id.slot >= edge->slots ? NULL : &hot[id.slot];
}

void flow_prefetch(const struct flow_table *table, struct flow_id id)
{
	const struct hot *hot = hot_find(table, id);

	if (hot == NULL)
		return;
	__builtin_prefetch(hot);
	// Where it goes stands there. Records do not begin where lines do.
	const struct flow *flow = &table->edges[id.edge].cold[id.slot];

	__builtin_prefetch(flow);
	__builtin_prefetch((const uint8_t *)(flow + 1) - 1);
}

enum flow_state flow_check(const struct flow_table *table, struct flow_id id)
{
	struct hot *hot = hot_find(table, id);

	if (hot == NULL || id.generation == 0
		|| atomic_load_explicit(&hot->generation, memory_order_acquire) != id.generation)
		return FLOW_GONE;
	return (enum flow_state)atomic_load_explicit(&hot->state, memory_order_relaxed);
}

bool flow_is_known_gone(const struct flow_table *table, struct flow_id id)
{
	struct hot *hot = hot_find(table, id);

	if (hot == NULL)
		return false;
	// A record older than the token says nothing of it.
	return atomic_load_explicit(&hot->last, memory_order_acquire) >= id.generation
		&& atomic_load_explicit(&hot->generation, memory_order_relaxed) != id.generation;
}

const struct flow *flow_find(const struct flow_table *table, struct flow_id id)
{
	if (flow_check(table, id) == FLOW_GONE)
		return NULL;
	return &table->edges[id.edge].cold[id.slot];
}

enum flow_state flow_state_of(const struct flow_table *table, const struct flow *flow)
{
	return flow_check(table, flow->id);
}

// --- The keeper ---

static uint32_t *usage_of(struct flow_table *table, uint8_t edge)
{
	return edge == table->own_edge ? &table->usage.own_flows : &table->usage.peer_flows;
}

static void flow_empty(struct flow_table *table, uint8_t edge_id, uint32_t slot, uint64_t now_ms)
{
	struct edge_flows *edge = &table->edges[edge_id];
	struct hot *hot = &edge->hot[slot];

	if (atomic_load_explicit(&hot->generation, memory_order_relaxed) == 0)
		return;
	atomic_store_explicit(&hot->state, FLOW_GONE, memory_order_relaxed);
	atomic_store_explicit(&hot->generation, 0, memory_order_release);
	hot->emptied = table->grace;
	flow_source_remove(table, &edge->cold[slot]);
	row_pool_remove_all(table, &edge->cold[slot], now_ms);
	(*usage_of(table, edge_id))--;
}

// Fill an empty slot. Its cold record is written only when no reader can still hold what was there before.
static int flow_fill(struct flow_table *table, const struct flow_record *record, uint64_t now_ms)
{
	struct edge_flows *edge = &table->edges[record->id.edge];
	struct hot *hot = &edge->hot[record->id.slot];
	struct flow *flow = &edge->cold[record->id.slot];

	if (atomic_load_explicit(&hot->last, memory_order_relaxed) != 0
		&& hot->emptied == table->grace)
		flow_table_reclaim(table);
	*flow = (struct flow){
		.id = record->id,
		.peer = record->peer,
		.listener = record->listener,
		.transport = record->transport,
		.flags = record->flags,
		// Another edge's flow has not been heard here.
		.heard = record->id.edge == table->own_edge ? heard_second(now_ms) : 0,
		.thread = record->thread,
	};
	int status = row_pool_update(table, flow, record, now_ms);
	if (status != 0)
		return status;
	flow_source_add(table, flow);
	atomic_store_explicit(&hot->state, record->state, memory_order_relaxed);
	atomic_store_explicit(&hot->generation, record->id.generation, memory_order_release);
	atomic_store_explicit(&hot->last, record->id.generation, memory_order_release);
	(*usage_of(table, record->id.edge))++;
	if (record->id.slot > edge->highest)
		edge->highest = record->id.slot;
	return 0;
}

// A flow that is there and stays: only state, flags and rows may differ.
static int flow_update(struct flow_table *table, const struct flow_record *record, uint64_t now_ms)
{
	struct edge_flows *edge = &table->edges[record->id.edge];
	struct flow *flow = &edge->cold[record->id.slot];

	if (!endpoint_equal(&flow->peer, &record->peer) || flow->listener != record->listener
		|| flow->transport != record->transport)
		return -EINVAL;
	int status = row_pool_update(table, flow, record, now_ms);
	if (status != 0)
		return status;
	__atomic_store_n(&flow->flags, record->flags, __ATOMIC_RELAXED);
	flow->life &= (uint8_t)~FLOW_LIFE_DOUBTED; // what control says now counts
	atomic_store_explicit(
		&edge->hot[record->id.slot].state, record->state, memory_order_relaxed);
	return 0;
}

int flow_table_open_edge(struct flow_table *table, uint8_t edge)
{
	return table->edges[edge].hot != NULL ? 0 : edge_open(&table->edges[edge], PEER_SLOTS_MAX);
}

static int edge_prepare(struct flow_table *table, const struct flow_record *record)
{
	struct edge_flows *edge = &table->edges[record->id.edge];

	if (record->id.edge == 0 || record->id.generation == 0)
		return -EINVAL;
	if (flow_table_open_edge(table, record->id.edge) != 0)
		return -ENOSPC;
	return record->id.slot == 0 || record->id.slot >= edge->slots ? -ENOSPC : 0;
}

static int record_apply(struct flow_table *table, const struct flow_record *record, uint64_t now_ms)
{
	struct edge_flows *edge = &table->edges[record->id.edge];
	struct hot *hot = &edge->hot[record->id.slot];
	uint32_t present = atomic_load_explicit(&hot->generation, memory_order_relaxed);

	// Generations of a slot only grow: this record is older than what we know.
	if (record->id.generation < atomic_load_explicit(&hot->last, memory_order_relaxed))
		return -EINVAL;
	if (record->state == FLOW_GONE) {
		flow_empty(table, record->id.edge, record->id.slot, now_ms);
		atomic_store_explicit(&hot->last, record->id.generation, memory_order_release);
		return 0;
	}
	if (present == record->id.generation)
		return flow_update(table, record, now_ms);
	bool full = record->id.edge != table->own_edge && present == 0
		&& table->usage.peer_flows >= table->limits.peer_flows;
	if (full)
		return -ENOSPC;
	flow_empty(table, record->id.edge, record->id.slot, now_ms);
	return flow_fill(table, record, now_ms);
}

int flow_table_put(struct flow_table *table, const struct flow_record *record, uint64_t now_ms)
{
	int status = edge_prepare(table, record);

	if (status == 0)
		status = record_apply(table, record, now_ms);
	if (status == 0) {
		struct edge_flows *edge = &table->edges[record->id.edge];
		edge->hot[record->id.slot].mark = edge->round;
	} else {
		table->usage.refused++;
	}
	return status;
}

void flow_table_mark(struct flow_table *table, uint8_t edge)
{
	table->edges[edge].round++;
}

void flow_table_sweep(struct flow_table *table, uint8_t edge_id, uint64_t now_ms)
{
	struct edge_flows *edge = &table->edges[edge_id];

	for (uint32_t slot = 1; edge->hot != NULL && slot <= edge->highest; slot++)
		if (edge->hot[slot].mark != edge->round)
			flow_empty(table, edge_id, slot, now_ms);
}

void flow_table_end_streams(struct flow_table *table, uint64_t now_ms)
{
	struct edge_flows *edge = &table->edges[table->own_edge];

	for (uint32_t slot = 1; slot <= edge->highest; slot++)
		if (atomic_load_explicit(&edge->hot[slot].generation, memory_order_relaxed) != 0
			&& edge->cold[slot].transport != TRANSPORT_UDP)
			flow_empty(table, table->own_edge, slot, now_ms);
}

void flow_table_reclaim(struct flow_table *table)
{
	urcu_qsbr_synchronize_rcu();
	publish_grace(table);
	row_pool_reclaim(&table->rows);
	table->grace++;
}

bool flow_table_suspect(struct flow_table *table, struct flow_id id)
{
	if (flow_check(table, id) == FLOW_GONE)
		return false;
	atomic_store_explicit(
		&table->edges[id.edge].hot[id.slot].state, FLOW_DOUBTFUL, memory_order_relaxed);
	return true;
}

void flow_table_count(const struct flow_table *table, struct flow_usage *usage)
{
	*usage = table->usage;
	usage->rows = table->rows.used;
}
