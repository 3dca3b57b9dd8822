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

static inline struct flow_id world_flow(
	const struct world *world, uint32_t slot, uint32_t generation)
{
	return (struct flow_id){world_edge(world), slot, generation};
}
