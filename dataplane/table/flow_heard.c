// flow_heard.c: when the peers of own flows were last heard, what follows from their silence (ROUTING section 4), and what they owe.

#include "flow_table.h"

void flow_hear(const struct flow *flow, bool keepalive, uint64_t now_ms)
{
	// Readers get flows as const: of all members these and paid_ns are theirs to write.
	struct flow *heard = (struct flow *)flow;
	uint16_t second = heard_second(now_ms);

	if (atomic_load_explicit(&heard->heard, memory_order_relaxed) != second)
		atomic_store_explicit(&heard->heard, second, memory_order_relaxed);
	if (keepalive && !atomic_load_explicit(&heard->keepalive, memory_order_relaxed))
		atomic_store_explicit(&heard->keepalive, true, memory_order_relaxed);
}

bool flow_spend(
	const struct flow *flow, const struct bucket_size *size, uint64_t kept_ns, uint64_t now_ns)
{
	struct flow *spender = (struct flow *)flow;
	uint64_t paid_ns = atomic_load_explicit(&spender->paid_ns, memory_order_relaxed);

	if (!bucket_take(&paid_ns, size, kept_ns, now_ns))
		return false;
	atomic_store_explicit(&spender->paid_ns, paid_ns, memory_order_relaxed);
	return true;
}

static uint32_t silent_s(uint16_t heard, uint64_t now_ms)
{
	return (heard_second(now_ms) + UINT16_MAX - heard) % UINT16_MAX;
}

uint32_t flow_silent_s(const struct flow *flow, uint64_t now_ms)
{
	uint16_t heard = atomic_load_explicit(&((struct flow *)flow)->heard, memory_order_relaxed);

	return heard == 0 ? FLOW_NEVER_HEARD : silent_s(heard, now_ms);
}

// Takes the second back, unless it has just been written anew.
static void silence_find(struct flow *flow, uint32_t limit_s, uint64_t now_ms)
{
	uint16_t heard = atomic_load_explicit(&flow->heard, memory_order_relaxed);

	if (heard != 0 && (flow->flags & FLOW_KEEPALIVE_SHOWN) != 0
		&& silent_s(heard, now_ms) > limit_s)
		(void)atomic_compare_exchange_strong_explicit(
			&flow->heard, &heard, 0, memory_order_relaxed, memory_order_relaxed);
}

// The table follows at once, with or without control; why else a flow is doubtful control alone knows.
static void state_follow(struct hot *hot, struct flow *flow, bool silent)
{
	if (silent && atomic_load_explicit(&hot->state, memory_order_relaxed) == FLOW_LIVE) {
		atomic_store_explicit(&hot->state, FLOW_DOUBTFUL, memory_order_relaxed);
		flow->life |= FLOW_LIFE_DOUBTED;
	} else if (!silent && (flow->life & FLOW_LIFE_DOUBTED) != 0) {
		atomic_store_explicit(&hot->state, FLOW_LIVE, memory_order_relaxed);
		flow->life &= (uint8_t)~FLOW_LIFE_DOUBTED;
	}
}

bool flow_table_judge(struct flow_table *table, uint32_t slot, uint32_t limit_s, uint64_t now_ms,
	struct flow_life *life)
{
	struct edge_flows *edge = &table->edges[table->own_edge];
	struct hot *hot = &edge->hot[slot];
	struct flow *flow = &edge->cold[slot];

	if (atomic_load_explicit(&hot->generation, memory_order_relaxed) == 0
		|| flow->transport != TRANSPORT_UDP)
		return false;
	silence_find(flow, limit_s, now_ms);
	*life = (struct flow_life){
		.id = flow->id,
		.silent = atomic_load_explicit(&flow->heard, memory_order_relaxed) == 0,
		.keepalive = (flow->flags & FLOW_KEEPALIVE_SHOWN) == 0
			&& atomic_load_explicit(&flow->keepalive, memory_order_relaxed),
	};
	state_follow(hot, flow, life->silent);
	return life->keepalive || life->silent != ((flow->life & FLOW_LIFE_TOLD_SILENT) != 0);
}

void flow_table_mark_told(struct flow_table *table, const struct flow_life *life)
{
	struct flow *flow = &table->edges[table->own_edge].cold[life->id.slot];

	if (life->silent)
		flow->life |= FLOW_LIFE_TOLD_SILENT;
	else
		flow->life &= (uint8_t)~FLOW_LIFE_TOLD_SILENT;
}

void flow_table_forget_told(struct flow_table *table)
{
	struct edge_flows *edge = &table->edges[table->own_edge];

	for (uint32_t slot = 1; slot <= edge->highest; slot++)
		edge->cold[slot].life &= (uint8_t)~FLOW_LIFE_TOLD_SILENT;
}

uint8_t flow_table_listener(const struct flow_table *table, uint32_t slot)
{
	const struct edge_flows *edge = &table->edges[table->own_edge];

	return atomic_load_explicit(&edge->hot[slot].generation, memory_order_relaxed) == 0
		? 0
		: edge->cold[slot].listener;
}

uint32_t flow_table_highest(const struct flow_table *table)
{
	return table->edges[table->own_edge].highest;
}
