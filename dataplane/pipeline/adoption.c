#include "adoption.h"

enum {
	// After so long NATs may have forgotten what the dead edge's address meant to them (ROUTING section 4).
	OUTAGE_MAX_MS = 60000,
	SILENCE_GRACE_S = 10,
};

static bool is_own(const struct world *world, const struct flow *flow)
{
	return flow->id.edge == world_edge(world);
}

const struct directory_listener *adoption_listener(
	const struct world *world, const struct flow *flow)
{
	if (is_own(world, flow))
		return directory_listener(world->directory, flow->listener);
	if (flow->transport != TRANSPORT_UDP)
		return NULL;
	return directory_own_namesake(world->directory, flow->id.edge, flow->listener);
}

// Of the flows of other edges from one place, each in turn; the first is ours. NULL: there is none of that one.
static const struct flow *source_find(const struct world *world,
	const struct directory_listener *listener, const struct endpoint *peer, unsigned turn)
{
	if (turn == 0)
		return flow_find_source(world->flows, listener->listener.id, peer);
	return flow_find_peer_source(world->flows, listener->namesakes[turn - 1].edge,
		listener->namesakes[turn - 1].listener, peer);
}

// A NAT gives a port that it took from one phone to the next: a newer flow from the same place ends this one (ROUTING section 4).
static bool is_overtaken(const struct world *world, const struct directory_listener *listener,
	const struct flow *flow)
{
	for (unsigned turn = 0; turn <= listener->namesake_count; turn++) {
		const struct flow *other = source_find(world, listener, &flow->peer, turn);

		if (other != NULL && other->id.generation > flow->id.generation)
			return true;
	}
	return false;
}

bool adoption_holds(const struct world *world, const struct flow *flow)
{
	const struct directory_listener *listener = adoption_listener(world, flow);

	return listener != NULL && adoption_is_here(world, listener);
}

bool adoption_serves(const struct world *world, const struct flow *flow)
{
	return adoption_holds(world, flow)
		&& (is_own(world, flow)
			|| !is_overtaken(world, adoption_listener(world, flow), flow));
}

static uint64_t here_ms(const struct world *world, const struct directory_listener *listener)
{
	return world->addresses == NULL ? 0
					: address_since_ms(world->addresses, listener->listener.id);
}

bool adoption_is_heard(const struct world *world, const struct flow *flow)
{
	const struct link_settings *settings = directory_settings(world->directory);
	const struct directory_listener *listener = adoption_listener(world, flow);
	uint32_t silent_s = flow_silent_s(flow, world->now_ms);

	if (is_own(world, flow))
		return true;
	// Not what was heard when the address was here before.
	if (silent_s == FLOW_NEVER_HEARD
		|| silent_s > (world->now_ms - here_ms(world, listener)) / 1000)
		return false;
	return (flow->flags & FLOW_KEEPALIVE_SHOWN) == 0
		|| silent_s <= (uint32_t)settings->flow_timer_udp_s + SILENCE_GRACE_S;
}

bool adoption_is_believed(const struct world *world, const struct flow *flow)
{
	uint64_t lost_ms = atomic_load_explicit(
		&world->peers->edge[flow->id.edge].lost_at_ms, memory_order_relaxed);

	if (adoption_is_heard(world, flow)
		|| peer_liveness_read(world->peers, flow->id.edge) == PEER_UP)
		return true;
	return lost_ms != 0
		&& here_ms(world, adoption_listener(world, flow)) < lost_ms + OUTAGE_MAX_MS;
}

// Who is registered, then the newest.
static bool source_is_better(const struct world *world, const struct flow *a, const struct flow *b)
{
	bool a_registered = flow_is_registered(a, world->now_s);

	if (a_registered != flow_is_registered(b, world->now_s))
		return a_registered;
	return a->id.generation > b->id.generation;
}

const struct flow *adoption_find_source(
	const struct world *world, const struct directory_listener *in, const struct endpoint *peer)
{
	const struct flow *best = flow_find_source(world->flows, in->listener.id, peer);

	for (unsigned turn = 1; turn <= in->namesake_count; turn++) {
		const struct flow *other = source_find(world, in, peer, turn);

		if (other != NULL && (best == NULL || source_is_better(world, other, best)))
			best = other;
	}
	return best;
}

static bool edge_is_up(const struct world *world, uint8_t edge)
{
	return edge != 0 && edge != world_edge(world)
		&& peer_liveness_read(world->peers, edge) == PEER_UP;
}

uint8_t adoption_claimant(const struct world *world, const struct flow *flow)
{
	uint8_t claimant = directory_claimant(world->directory, flow->id.edge, flow->listener);

	if (edge_is_up(world, flow->id.edge))
		return flow->id.edge;
	return flow->transport == TRANSPORT_UDP && edge_is_up(world, claimant) ? claimant : 0;
}
