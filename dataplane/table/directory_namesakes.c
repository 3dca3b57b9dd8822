// directory_namesakes.c: which listeners have one address, because it moves between their edges.

#include "directory_parts.h"

#include <stdlib.h>

// Ours stand as edge 0, so they come first of those with one address.
static int place_compare(const void *a, const void *b)
{
	const struct listener_place *one = a, *other = b;
	int difference = memcmp(&one->address, &other->address, sizeof(one->address));

	if (difference == 0)
		difference = (one->edge > other->edge) - (one->edge < other->edge);
	return difference != 0
		? difference
		: (one->listener > other->listener) - (one->listener < other->listener);
}

static void namesake_add(
	struct directory *directory, uint8_t own, const struct listener_place *place)
{
	struct directory_listener *listener = &directory->listeners[own]->listener;

	if (listener->namesake_count == DIRECTORY_NAMESAKES_MAX)
		return;
	listener->namesakes[listener->namesake_count++] =
		(struct directory_namesake){place->edge, place->listener};
	directory->shared[place->edge][place->listener].own = own + 1;
}

// The first other edge; of another edge's address that we know to be its own, that edge.
static uint8_t claimant_find(const struct directory *directory, const struct listener_place *group,
	uint32_t count, const struct listener_place *place)
{
	uint8_t owner =
		group[0].edge == 0 ? directory->listeners[group[0].listener]->listener.owner : 0;

	if (owner != 0 && owner != place->edge)
		return owner;
	for (uint32_t i = 0; i < count; i++)
		if (group[i].edge != 0 && group[i].edge != place->edge)
			return group[i].edge;
	return 0;
}

static void group_note(
	struct directory *directory, const struct listener_place *group, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct listener_place *place = &group[i];

		if (place->edge == directory->settings.edge)
			continue; // what is said of ourselves counts for nothing
		uint8_t edge = place->edge == 0 ? directory->settings.edge : place->edge;

		directory->shared[edge][place->listener].claimant =
			claimant_find(directory, group, count, place);
		if (group[0].edge == 0 && place->edge != 0)
			namesake_add(directory, group[0].listener, place);
	}
}

void directory_find_namesakes(struct directory *directory)
{
	const struct listener_place *places = directory->places;
	uint32_t end;

	if (directory->place_count > 0)
		qsort(directory->places, directory->place_count, sizeof(*places), place_compare);
	for (uint32_t begin = 0; begin < directory->place_count; begin = end) {
		end = begin + 1;
		while (end < directory->place_count
			&& endpoint_equal(&places[begin].address, &places[end].address))
			end++;
		if (end - begin > 1)
			group_note(directory, places + begin, end - begin);
	}
}
