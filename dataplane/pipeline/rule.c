#include "rule.h"

#include "adoption.h"
#include "filter.h"

#include <stdatomic.h>

// Fills *result and says true if the rule applies.
typedef bool (*rule_try)(
	const struct world *world, const struct rule_query *query, struct rule_result *result);

static bool is_own(const struct world *world, const struct flow *flow)
{
	return flow->id.edge == world_edge(world);
}

// Another edge's flow that the token names, if its address is here; else NULL. Seldom more than a look at an empty place.
static const struct flow *adopted_find(const struct world *world, const struct rule_query *query)
{
	const struct flow *flow;

	if (directory_own_namesake(world->directory, query->flow.edge, query->listener) == NULL)
		return NULL;
	flow = flow_find(world->flows, query->flow);
	return flow != NULL && adoption_serves(world, flow) ? flow : NULL;
}

static bool own_flow_find(const struct world *world, const struct rule_query *query,
	enum flow_state state, struct rule_result *result)
{
	if (flow_check(world->flows, query->flow) != state)
		return false;
	// The slot may have been emptied since: then this is a miss like any other.
	result->flow = flow_find(world->flows, query->flow);
	return result->flow != NULL && adoption_keeps(world, result->flow);
}

static bool rule_own(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	result->verdict = VERDICT_R1_OWN;
	if (query->flow.edge == world_edge(world))
		return own_flow_find(world, query, FLOW_LIVE, result);
	result->flow = adopted_find(world, query);
	return result->flow != NULL && adoption_is_heard(world, result->flow)
		&& flow_state_of(world->flows, result->flow) == FLOW_LIVE;
}

static bool rule_doubtful(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	result->verdict = VERDICT_R1B_DOUBTFUL;
	if (query->flow.edge == world_edge(world))
		return own_flow_find(world, query, FLOW_DOUBTFUL, result);
	result->flow = adopted_find(world, query);
	return result->flow != NULL;
}

// Known, and its address is here.
static bool is_held(const struct world *world, const struct rule_query *query)
{
	const struct flow *flow;

	if (directory_own_namesake(world->directory, query->flow.edge, query->listener) == NULL)
		return false;
	flow = flow_find(world->flows, query->flow);
	return flow != NULL && adoption_holds(world, flow);
}

// Only in the orders of an owner that is up or suspect. An owner whose address is here would only send it back.
static bool rule_owner(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	result->verdict = VERDICT_R2_OWNER;
	result->edge = query->flow.edge;
	return query->budget == RELAY_ANY && query->flow.edge != world_edge(world)
		&& query->flow.edge != 0
		&& filter_passes_peer(world->directory, query->secure_link, query->flow.edge)
		&& !flow_is_known_gone(world->flows, query->flow) && !is_held(world, query);
}

// Contact equal to the request-URI first, then same transport, then newest; the flow's id makes it one order on every run.
static bool row_is_better(
	const struct rule_query *query, const struct flow_row *a, const struct flow_row *b)
{
	bool a_contact = a->row.contact == query->contact;
	bool b_contact = b->row.contact == query->contact;
	bool a_transport = a->flow->transport == query->transport;
	bool b_transport = b->flow->transport == query->transport;

	if (a_contact != b_contact)
		return a_contact;
	if (a_transport != b_transport)
		return a_transport;
	if (row_committed_at_ms(&a->row) != row_committed_at_ms(&b->row))
		return row_committed_at_ms(&a->row) > row_committed_at_ms(&b->row);
	if (a->flow->id.edge != b->flow->id.edge)
		return a->flow->id.edge < b->flow->id.edge;
	return a->flow->id.slot < b->flow->id.slot;
}

// Where a row leads, as one rule sees it.
typedef bool row_judge(
	const struct world *world, const struct rule_query *query, const struct flow *flow);

static bool flow_is_here(
	const struct world *world, const struct rule_query *query, const struct flow *flow)
{
	return adoption_serves(world, flow) && adoption_is_heard(world, flow);
}

static bool flow_is_believed(
	const struct world *world, const struct rule_query *query, const struct flow *flow)
{
	return !is_own(world, flow) && adoption_serves(world, flow)
		&& adoption_is_believed(world, flow);
}

static bool flow_is_there(
	const struct world *world, const struct rule_query *query, const struct flow *flow)
{
	uint8_t edge = flow->id.edge;

	return !is_own(world, flow) && peer_liveness_read(world->peers, edge) == PEER_UP
		&& filter_passes_peer(world->directory, query->secure_link, edge)
		&& !adoption_holds(world, flow);
}

// Its own edge cannot serve it, and another has its address, or may have it.
static bool flow_is_claimed(
	const struct world *world, const struct rule_query *query, const struct flow *flow)
{
	uint8_t edge = adoption_claimant(world, flow);

	return edge != 0 && edge != flow->id.edge && !adoption_holds(world, flow)
		&& filter_passes_peer(world->directory, query->secure_link, edge);
}

static bool row_is_usable(const struct world *world, const struct rule_query *query,
	const struct flow_row *row, row_judge *judge)
{
	return row_is_current(&row->row, world->now_s)
		&& flow_state_of(world->flows, row->flow) == FLOW_LIVE
		&& filter_passes_flow(query->secure_flow, row->flow)
		&& judge(world, query, row->flow);
}

static const struct flow_row *row_find_best(
	const struct world *world, const struct rule_query *query, row_judge *judge)
{
	const struct flow_row *best = NULL;
	const struct flow_row *row;
	struct flow_walk walk;

	if (query->uak == 0)
		return NULL;
	for (row = flow_rows_by_uak(world->flows, query->uak, &walk); row != NULL;
		row = flow_rows_next(&walk))
		if (row_is_usable(world, query, row, judge)
			&& (best == NULL || row_is_better(query, row, best)))
			best = row;
	return best;
}

static bool rule_here(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	const struct flow_row *row = row_find_best(world, query, flow_is_here);

	if (row == NULL)
		return false;
	result->verdict = VERDICT_R3_HERE;
	result->flow = row->flow;
	return true;
}

// The flow that the token names, or another of that user agent, at the edge that its address has moved to.
static const struct flow *claimed_find(const struct world *world, const struct rule_query *query)
{
	const struct flow *flow = flow_find(world->flows, query->flow);
	const struct flow_row *row;

	if (flow != NULL && flow_state_of(world->flows, flow) == FLOW_LIVE
		&& flow_is_claimed(world, query, flow))
		return flow;
	row = row_find_best(world, query, flow_is_claimed);
	return row == NULL ? NULL : row->flow;
}

static bool rule_there(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	const struct flow_row *row;
	const struct flow *flow;

	if (query->budget == RELAY_NEVER)
		return false;
	row = row_find_best(world, query, flow_is_there);
	flow = row != NULL ? row->flow : claimed_find(world, query);
	if (flow == NULL)
		return false;
	result->verdict = VERDICT_R5_THERE;
	// 0: it was up a moment ago. The keeper writes at any time.
	result->edge = adoption_claimant(world, flow);
	return result->edge != 0;
}

// What its phone has not been heard by yet: the flow that the token names, else another of that user agent.
static bool rule_address(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	const struct flow *flow = adopted_find(world, query);
	const struct flow_row *row;

	result->verdict = VERDICT_R4_ADDRESS;
	if (flow != NULL && query->uak != 0 && filter_passes_flow(query->secure_flow, flow)
		&& flow_holds_uak(flow, query->uak, world->now_s)) {
		result->flow = flow;
		return true;
	}
	row = row_find_best(world, query, flow_is_believed);
	result->flow = row == NULL ? NULL : row->flow;
	return row != NULL;
}

static bool rule_not_ready(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	result->verdict = VERDICT_NOT_READY;
	return rule_tables_are_partial(world);
}

static bool lost_lately(const struct world *world, uint64_t at_ms)
{
	return at_ms != 0 && world->now_ms - at_ms < directory_settings(world->directory)->park_ms;
}

static uint64_t started_ms(const struct world *world)
{
	return atomic_load_explicit(&world->peers->started_ms, memory_order_relaxed);
}

// On its way to another edge, which will be known by its retransmission.
static bool address_left_lately(const struct world *world, const struct rule_query *query)
{
	const struct directory_listener *listener =
		directory_listener(world->directory, query->listener);

	return query->flow.edge == world_edge(world) && listener != NULL
		&& !adoption_is_here(world, listener)
		&& lost_lately(world, address_since_ms(world->addresses, query->listener));
}

// The user agent is on its way to another flow: its retransmission will find it there.
static bool rule_wait(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	result->verdict = VERDICT_R8_PARKED;
	if (!query->parkable || query->uak == 0)
		return false;
	if (lost_lately(world, flow_uak_lost_at(world->flows, query->uak))
		|| lost_lately(world, started_ms(world)) || address_left_lately(world, query))
		return true;
	return query->flow.edge != world_edge(world)
		&& lost_lately(world,
			atomic_load_explicit(&world->peers->edge[query->flow.edge].lost_at_ms,
				memory_order_relaxed));
}

static bool rule_gone(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	result->verdict = VERDICT_R9_GONE;
	return true;
}

// A miss meets rule_not_ready() before it is waited for or given up.
static const rule_try order_up[] = {rule_own, rule_owner, rule_here, rule_there, rule_address,
	rule_doubtful, rule_not_ready, rule_wait, rule_gone};
// A false alarm costs a hop, never a call: the owner is still asked when nobody else can serve.
static const rule_try order_suspect[] = {rule_own, rule_here, rule_there, rule_address, rule_owner,
	rule_doubtful, rule_not_ready, rule_wait, rule_gone};
static const rule_try order_dead[] = {rule_own, rule_here, rule_there, rule_address, rule_doubtful,
	rule_not_ready, rule_wait, rule_gone};

static const rule_try *rule_order(const struct world *world, uint8_t owner)
{
	if (owner == 0 || owner == world_edge(world))
		return order_up;
	switch (peer_liveness_read(world->peers, owner)) {
	case PEER_UP:
		return order_up;
	case PEER_SUSPECT:
		return order_suspect;
	case PEER_DEAD:
		break;
	}
	return order_dead;
}

void rule_find(
	const struct world *world, const struct rule_query *query, struct rule_result *result)
{
	const rule_try *rule = rule_order(world, query->flow.edge);

	do {
		result->flow = NULL;
		result->edge = 0;
	} while (!(*rule++)(world, query, result));
}

static bool start_is_recent(const struct world *world)
{
	return world->now_ms - started_ms(world)
		< directory_settings(world->directory)->not_ready_ms;
}

bool rule_own_table_is_partial(const struct world *world)
{
	return !atomic_load_explicit(&world->peers->own_complete, memory_order_acquire)
		&& start_is_recent(world);
}

bool rule_tables_are_partial(const struct world *world)
{
	if (!start_is_recent(world))
		return false;
	if (!atomic_load_explicit(&world->peers->own_complete, memory_order_acquire))
		return true;
	for (unsigned edge = 1; edge < 256; edge++)
		if (peer_liveness_read(world->peers, (uint8_t)edge) == PEER_UP
			&& !atomic_load_explicit(
				&world->peers->edge[edge].complete, memory_order_acquire))
			return true;
	return false;
}
