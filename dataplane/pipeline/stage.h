// stage.h: what every file of the stages includes, last of its own folder's headers: the burst, and what no stage may use.

#pragma once

#include "../wire/poison.h"
#include "burst.h"

// This edge's id. The directory is there.
static inline uint8_t world_edge(const struct world *world)
{
	return directory_settings(world->directory)->edge;
}

// Nothing can be decided before control has sent names and keys.
static inline bool world_is_known(const struct world *world)
{
	return world->directory != NULL && world->hashes != NULL && world->keys != NULL;
}

[[nodiscard]] static inline bool listener_is_stream(const struct directory_listener *listener)
{
	return listener->listener.transport != TRANSPORT_UDP;
}

static inline struct flow_id world_flow(
	const struct world *world, uint32_t slot, uint32_t generation)
{
	return (struct flow_id){world_edge(world), slot, generation};
}

// The connection that a message came by, directly or by way of control; of edge 0: it came by none.
static inline struct flow_id stage_carrier(
	const struct world *world, const struct burst *burst, unsigned index)
{
	if (burst->origin[index] == ORIGIN_WIRE || burst->listener[index] == NULL
		|| !listener_is_stream(burst->listener[index]))
		return (struct flow_id){0, 0, 0};
	return world_flow(world, burst->grant[index].slot, burst->grant[index].generation);
}
