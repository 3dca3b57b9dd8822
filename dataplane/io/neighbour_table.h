// neighbour_table.h: neighbours by interface and address, a hash with open addressing. Made once, then only read.

#pragma once

#include "next_hop.h"

struct neighbour_slot {
	uint8_t address[16];
	uint32_t interface; // 0: empty
	uint8_t family;
	struct next_hop hop;
};

struct neighbour_table {
	struct neighbour_slot *slot;
	size_t mask;
	size_t used;
	uint64_t
		seed[2]; // neighbours choose their addresses, and must not choose who shares a slot
};

// With room for `count`. 0 or -ENOMEM.
[[nodiscard]] int neighbour_table_init(struct neighbour_table *table, size_t count);
void neighbour_table_fini(struct neighbour_table *table);
// What is put again replaces what was put before. No more than the table has room for.
void neighbour_table_put(struct neighbour_table *table, const struct endpoint *address,
	uint32_t interface, const struct next_hop *hop);
// NULL: not known.
[[nodiscard]] const struct next_hop *neighbour_table_find(
	const struct neighbour_table *table, const struct endpoint *address, uint32_t interface);
