// neighbour_table.c: neighbours by interface and address.

#include "neighbour_table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
	SPARSENESS = 2, // slots a neighbour, at least
};

// A product of 64 by 64 bits folded into 64 (wyhash, Wang Yi 2019): both halves of the address reach every bit.
static size_t slot_first(
	const struct neighbour_table *table, const struct endpoint *address, uint32_t interface)
{
	uint64_t high, low;

	memcpy(&high, address->address, 8);
	memcpy(&low, address->address + 8, 8);
	low ^= (uint64_t)interface << 8 | address->family;
	unsigned __int128 product =
		(unsigned __int128)(high ^ table->seed[0]) * (low ^ table->seed[1]);

	return (size_t)((uint64_t)product ^ (uint64_t)(product >> 64)) & table->mask;
}

static bool slot_matches(
	const struct neighbour_slot *slot, const struct endpoint *address, uint32_t interface)
{
	return slot->interface == interface && slot->family == address->family
		&& memcmp(slot->address, address->address, sizeof(slot->address)) == 0;
}

// Its slot, or the empty one where it would be: there always is one.
static struct neighbour_slot *slot_find(
	const struct neighbour_table *table, const struct endpoint *address, uint32_t interface)
{
	size_t at = slot_first(table, address, interface);

	while (table->slot[at].interface != 0
		&& !slot_matches(&table->slot[at], address, interface))
		at = (at + 1) & table->mask;
	return &table->slot[at];
}

int neighbour_table_init(struct neighbour_table *table, size_t count)
{
	size_t slots = SPARSENESS;

	while (slots < count * SPARSENESS)
		slots *= 2;
	*table = (struct neighbour_table){
		.slot = calloc(slots, sizeof(*table->slot)),
		.mask = slots - 1,
	};
	if (table->slot == NULL)
		return -ENOMEM;
	// Sixteen octets never come in parts.
	return getrandom(table->seed, sizeof(table->seed), 0) == sizeof(table->seed) ? 0 : -errno;
}

void neighbour_table_fini(struct neighbour_table *table)
{
	free(table->slot);
	table->slot = NULL;
}

void neighbour_table_put(struct neighbour_table *table, const struct endpoint *address,
	uint32_t interface, const struct next_hop *hop)
{
	struct neighbour_slot *slot = slot_find(table, address, interface);

	*slot = (struct neighbour_slot){
		.interface = interface, .family = address->family, .hop = *hop};
	memcpy(slot->address, address->address, sizeof(slot->address));
}

const struct next_hop *neighbour_table_find(
	const struct neighbour_table *table, const struct endpoint *address, uint32_t interface)
{
	const struct neighbour_slot *slot = slot_find(table, address, interface);

	return slot->interface == 0 ? NULL : &slot->hop;
}
