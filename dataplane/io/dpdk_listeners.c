// dpdk_listeners.c: whose a datagram is.

#include "dpdk_private.h"

#include <errno.h>

static uint64_t address_half(const struct endpoint *at, unsigned offset)
{
	uint64_t half;

	memcpy(&half, at->address + offset, sizeof(half));
	return half;
}

// There are a few listeners, and senders who choose where they send find them all the same: nothing to defend.
static unsigned hash(unsigned device, const struct endpoint *at)
{
	uint64_t mixed = address_half(at, 0) ^ address_half(at, 8) * 3
		^ ((uint64_t)at->port << 8 | device) * UINT64_C(0x9e3779b97f4a7c15);

	return (unsigned)((mixed * UINT64_C(0xff51afd7ed558ccd)) >> 56) % DPDK_LISTENER_SLOTS;
}

int dpdk_listeners_add(
	struct dpdk_listeners *listeners, const struct io_dpdk_listener *given, int family)
{
	unsigned at = hash(given->device, &given->address);

	if (listeners->count == 0) {
		memset(listeners->by_id, DPDK_NONE, sizeof(listeners->by_id));
		memset(listeners->slot, DPDK_NONE, sizeof(listeners->slot));
	}
	if (listeners->count == LISTENERS_MAX || given->id > LISTENERS_MAX)
		return -EINVAL;
	if (listeners->by_id[given->id] != DPDK_NONE
		|| dpdk_listeners_find(listeners, given->device, &given->address) != NULL)
		return -EEXIST;
	while (listeners->slot[at] != DPDK_NONE)
		at = (at + 1) % DPDK_LISTENER_SLOTS;
	listeners->entry[listeners->count] = (struct dpdk_listener){*given, family, false};
	listeners->by_id[given->id] = (uint8_t)listeners->count;
	listeners->slot[at] = (uint8_t)listeners->count++;
	return 0;
}

const struct dpdk_listener *dpdk_listeners_find(
	const struct dpdk_listeners *listeners, unsigned device, const struct endpoint *at)
{
	for (unsigned i = hash(device, at); listeners->slot[i] != DPDK_NONE;
		i = (i + 1) % DPDK_LISTENER_SLOTS) {
		const struct dpdk_listener *entry = &listeners->entry[listeners->slot[i]];

		if (entry->given.device == device && endpoint_equal(&entry->given.address, at))
			return entry;
	}
	return NULL;
}

const struct dpdk_listener *dpdk_listeners_get(const struct dpdk_listeners *listeners, uint8_t id)
{
	uint8_t index = id <= LISTENERS_MAX ? listeners->by_id[id] : DPDK_NONE;

	return index == DPDK_NONE ? NULL : &listeners->entry[index];
}
