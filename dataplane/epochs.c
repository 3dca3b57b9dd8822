#include "epochs.h"

static bool is_near(uint32_t one, uint32_t other)
{
	uint32_t distance = one - other;

	return distance == 0 || distance == 1 || distance == UINT32_MAX;
}

static unsigned near_count(uint32_t epoch, uint32_t ours, const uint32_t *others, unsigned count)
{
	unsigned near = is_near(epoch, ours);

	for (unsigned i = 0; i < count; i++)
		near += is_near(epoch, others[i]);
	return near;
}

enum link_epoch epochs_judge(
	uint32_t ours, const uint32_t *others, unsigned count, uint32_t *theirs)
{
	const unsigned half = (count + 1) / 2;
	unsigned ours_count = near_count(ours, ours, others, count);
	bool split = false;

	*theirs = ours;
	if (ours_count > half)
		return LINK_EPOCH_AGREES;
	for (unsigned i = 0; i < count; i++) {
		if (is_near(ours, others[i]))
			continue;
		if (!split)
			*theirs = others[i];
		split = true;
		if (near_count(others[i], ours, others, count) > half) {
			*theirs = others[i];
			return LINK_EPOCH_MINORITY;
		}
	}
	return split ? LINK_EPOCH_SPLIT : LINK_EPOCH_AGREES;
}
