#include "contact.h"

#include "adoption.h"
#include "filter.h"

// What the walk has found, of the AOR in To and of any.
struct found {
	const struct flow_row *row;
	bool several; // user agents
};

static bool row_is_reachable(
	const struct world *world, const struct contact_query *query, const struct flow_row *row)
{
	uint8_t edge = row->flow->id.edge;

	if (!row_is_current(&row->row, world->now_s)
		|| flow_state_of(world->flows, row->flow) != FLOW_LIVE
		|| !filter_passes_flow(query->secure_flow, row->flow))
		return false;
	if (adoption_serves(world, row->flow))
		return adoption_is_believed(world, row->flow);
	return edge != world_edge(world) && !adoption_holds(world, row->flow)
		&& (peer_liveness_read(world->peers, edge) == PEER_UP
			&& filter_passes_peer(world->directory, query->secure_link, edge));
}

// Ours before another edge's, then the newest.
static bool row_is_better(
	const struct world *world, const struct flow_row *a, const struct flow_row *b)
{
	bool a_here = adoption_serves(world, a->flow);
	bool b_here = adoption_serves(world, b->flow);

	if (a_here != b_here)
		return a_here;
	if (row_committed_at_ms(&a->row) != row_committed_at_ms(&b->row))
		return row_committed_at_ms(&a->row) > row_committed_at_ms(&b->row);
	if (a->flow->id.edge != b->flow->id.edge)
		return a->flow->id.edge < b->flow->id.edge;
	return a->flow->id.slot < b->flow->id.slot;
}

static void found_add(const struct world *world, struct found *found, const struct flow_row *row)
{
	if (found->row != NULL && found->row->row.uak != row->row.uak)
		found->several = true;
	if (found->row == NULL || row_is_better(world, row, found->row))
		found->row = row;
}

bool contact_find(
	const struct world *world, const struct contact_query *query, struct contact_result *result)
{
	struct found of_aor = {NULL, false};
	struct found of_any = {NULL, false};
	const struct found *found;
	const struct flow_row *row;
	struct flow_walk walk;

	for (row = flow_rows_by_contact(world->flows, query->contact, &walk); row != NULL;
		row = flow_rows_next(&walk)) {
		if (!row_is_reachable(world, query, row))
			continue;
		found_add(world, &of_any, row);
		if (row->row.aor == query->aor)
			found_add(world, &of_aor, row);
	}
	found = query->aor_required || of_aor.row != NULL ? &of_aor : &of_any;
	if (found->row == NULL || found->several)
		return false;
	result->uak = found->row->row.uak;
	result->edge = found->row->flow->id.edge;
	result->flow = adoption_serves(world, found->row->flow) ? found->row->flow : NULL;
	return true;
}
