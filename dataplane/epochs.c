// epochs.c: the majority's epoch (Boyer and Moore, 1981: the one candidate, then counted).

#include "epochs.h"

static uint32_t candidate_find(uint32_t ours, const uint32_t *others, unsigned count)
{
	uint32_t candidate = ours;
	unsigned weight = 1;

	for (unsigned i = 0; i < count; i++) {
		if (weight == 0)
			candidate = others[i];
		weight = others[i] == candidate ? weight + 1 : weight - 1;
	}
	return candidate;
}

bool epochs_find_majority(uint32_t ours, const uint32_t *others, unsigned count, uint32_t *majority)
{
	uint32_t candidate = candidate_find(ours, others, count);
	unsigned held = ours == candidate ? 1 : 0;

	for (unsigned i = 0; i < count; i++)
		held += others[i] == candidate ? 1 : 0;
	if (held * 2 <= count + 1)
		return false;
	*majority = candidate;
	return true;
}

bool epochs_differ(uint32_t ours, uint32_t majority)
{
	uint32_t distance = ours - majority;

	return distance != 0 && distance != 1 && distance != UINT32_MAX;
}
