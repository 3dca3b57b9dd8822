#include "slots.h"

#include "mix.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
	COUNTERS_PER_RESERVED = 4, // so that two prefixes seldom share one
	V4_PREFIX_OCTETS = 3,
	V6_PREFIX_OCTETS = 7,
};

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t share_of(uint32_t count, uint8_t percent)
{
	return larger((uint32_t)((uint64_t)count * percent / 100), 1);
}

void slots_set_bounds(struct slots *slots, uint8_t reserved_percent, uint32_t per_network)
{
	slots->reserved_max = share_of(slots->count, reserved_percent);
	slots->prefix_max = larger(per_network, 1);
}

int slots_init(struct slots *slots, uint32_t count, uint8_t reserved_percent, uint64_t seed)
{
	*slots = (struct slots){
		.count = count,
		.fresh = 1,
		.prefix_mask = mix_mask(share_of(count, reserved_percent) * COUNTERS_PER_RESERVED),
		.seed = seed,
	};
	slots->slot = calloc((size_t)count + 1, sizeof(*slots->slot));
	slots->prefixes = calloc((size_t)slots->prefix_mask + 1, sizeof(*slots->prefixes));
	if (slots->slot != NULL && slots->prefixes != NULL)
		return 0;
	slots_fini(slots);
	return -ENOMEM;
}

void slots_fini(struct slots *slots)
{
	free(slots->slot);
	free(slots->prefixes);
	slots->slot = NULL;
	slots->prefixes = NULL;
}

static uint32_t *prefix_counter(struct slots *slots, const struct endpoint *peer)
{
	size_t octets = peer->family == ENDPOINT_V4 ? V4_PREFIX_OCTETS : V6_PREFIX_OCTETS;
	uint64_t hash = mix_octets(slots->seed, span_of(peer->address, octets));

	return &slots->prefixes[hash & slots->prefix_mask];
}

static uint32_t fresh_find(struct slots *slots)
{
	while (slots->fresh <= slots->count && slots->slot[slots->fresh].phase != SLOT_FRESH)
		slots->fresh++;
	return slots->fresh <= slots->count ? slots->fresh : 0;
}

static uint32_t rested_find(const struct slots *slots, uint64_t now_ms)
{
	uint32_t index = slots->oldest;

	return index != 0 && slots->slot[index].rested_ms <= now_ms ? index : 0;
}

static void rested_unlink(struct slots *slots, uint32_t index)
{
	slots->oldest = slots->slot[index].next;
	if (slots->oldest == 0)
		slots->newest = 0;
	slots->slot[index].next = 0;
	slots->resting--;
}

static enum flow_result bounds_check(struct slots *slots, const struct endpoint *peer)
{
	if (slots->reserved >= slots->reserved_max)
		return FLOW_RESERVED_FULL;
	if (*prefix_counter(slots, peer) >= slots->prefix_max)
		return FLOW_PREFIX_FULL;
	return FLOW_OK;
}

static enum flow_result slot_give(
	struct slots *slots, enum slot_phase phase, struct flow_time time, uint32_t *index)
{
	uint32_t found = fresh_find(slots);

	if (found == 0) {
		found = rested_find(slots, time.now_ms);
		if (found == 0)
			return FLOW_FULL;
		rested_unlink(slots, found);
	}
	struct slot *slot = &slots->slot[found];
	slot->phase = (uint8_t)phase;
	slot->generation = larger((uint32_t)(time.wall_ms / 1000), slot->generation + 1);
	slots->newest_generation = larger(slots->newest_generation, slot->generation);
	*index = found;
	return FLOW_OK;
}

static bool clock_is_behind(const struct slots *slots, struct flow_time time)
{
	return time.wall_ms / 1000 <= slots->floor;
}

enum flow_result slots_take(
	struct slots *slots, const struct endpoint *peer, struct flow_time time, uint32_t *index)
{
	enum flow_result result =
		clock_is_behind(slots, time) ? FLOW_CLOCK_BEHIND : bounds_check(slots, peer);

	if (result == FLOW_OK)
		result = slot_give(slots, SLOT_RESERVED, time, index);
	if (result != FLOW_OK)
		return result;
	slots->reserved++;
	++*prefix_counter(slots, peer);
	return FLOW_OK;
}

enum flow_result slots_take_held(struct slots *slots, struct flow_time time, uint32_t *index)
{
	if (clock_is_behind(slots, time))
		return FLOW_CLOCK_BEHIND;
	return slot_give(slots, SLOT_HELD, time, index);
}

static void reserved_end(struct slots *slots, const struct endpoint *peer)
{
	uint32_t *counter = prefix_counter(slots, peer);

	assert(slots->reserved > 0 && *counter > 0);
	slots->reserved--;
	--*counter;
}

void slots_hold(struct slots *slots, uint32_t index, const struct endpoint *peer)
{
	assert(slots->slot[index].phase == SLOT_RESERVED);
	reserved_end(slots, peer);
	slots->slot[index].phase = SLOT_HELD;
}

void slots_release(
	struct slots *slots, uint32_t index, const struct endpoint *peer, uint64_t now_ms)
{
	struct slot *slot = &slots->slot[index];

	assert(slot->phase == SLOT_RESERVED || slot->phase == SLOT_HELD);
	if (slot->phase == SLOT_RESERVED)
		reserved_end(slots, peer);
	slot->phase = SLOT_RESTING;
	slot->rested_ms = now_ms + FLOW_REST_MS;
	slot->next = 0;
	if (slots->newest != 0)
		slots->slot[slots->newest].next = index;
	else
		slots->oldest = index;
	slots->newest = index;
	slots->resting++;
}

bool slots_restore(struct slots *slots, uint32_t index, uint32_t generation)
{
	if (index == 0 || index > slots->count || slots->slot[index].phase != SLOT_FRESH)
		return false;
	slots->slot[index].phase = SLOT_HELD;
	slots->slot[index].generation = generation;
	slots_note_generation(slots, generation);
	return true;
}

void slots_note_generation(struct slots *slots, uint32_t generation)
{
	slots->floor = larger(slots->floor, generation);
}
