#include "endpoint_set.h"

#include <errno.h>
#include <stdlib.h>

// FNV-1a over the octets, of which two equal endpoints have the same. What is in the set comes from the configuration, so a
// sender who chooses what is looked up cannot make a search longer than the longest run here.
static uint32_t endpoint_hash(const struct endpoint *endpoint)
{
	const uint8_t *octets = (const uint8_t *)endpoint;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(*endpoint); i++)
		hash = (hash ^ octets[i]) * 16777619u;
	return hash ^ hash >> 15;
}

// The entry of the endpoint, or the free one where it would go. At most half of them are taken, so there is one.
static struct endpoint_entry *entry_find(
	const struct endpoint_set *set, const struct endpoint *endpoint)
{
	for (uint32_t at = endpoint_hash(endpoint);; at++) {
		struct endpoint_entry *entry = &set->entries[at & (set->room - 1)];
		if (entry->endpoint.family == ENDPOINT_NONE
			|| endpoint_equal(&entry->endpoint, endpoint))
			return entry;
	}
}

static int set_grow(struct endpoint_set *set)
{
	struct endpoint_set grown = {
		.count = set->count, .room = set->room == 0 ? 32 : set->room * 2};

	grown.entries = calloc(grown.room, sizeof(*grown.entries));
	if (grown.entries == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->room; i++)
		if (set->entries[i].endpoint.family != ENDPOINT_NONE)
			*entry_find(&grown, &set->entries[i].endpoint) = set->entries[i];
	free(set->entries);
	*set = grown;
	return 0;
}

int endpoint_set_add(
	struct endpoint_set *set, const struct endpoint *endpoint, enum endpoint_kind kind)
{
	assert(endpoint->family != ENDPOINT_NONE);
	if (set->count * 2 >= set->room) {
		int status = set_grow(set);
		if (status != 0)
			return status;
	}
	struct endpoint_entry *entry = entry_find(set, endpoint);
	if (entry->endpoint.family == ENDPOINT_NONE) {
		entry->endpoint = *endpoint;
		set->count++;
	}
	entry->kinds |= (uint8_t)kind;
	return 0;
}

bool endpoint_set_holds(
	const struct endpoint_set *set, const struct endpoint *endpoint, enum endpoint_kind kind)
{
	if (set->count == 0 || endpoint->family == ENDPOINT_NONE)
		return false;
	return (entry_find(set, endpoint)->kinds & kind) != 0;
}

void endpoint_set_fini(struct endpoint_set *set)
{
	free(set->entries);
	*set = (struct endpoint_set){0};
}
