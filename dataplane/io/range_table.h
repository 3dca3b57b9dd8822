// range_table.h: nested prefixes as ranges that lie side by side, so that the longest prefix is one binary search.
//
// Made once, then only read.

#pragma once

#include <weir/endpoint.h>

#include <stddef.h>

// An address as a number; IPv4 in its highest 32 bits.
typedef unsigned __int128 range_address;

struct range_prefix {
	struct prefix prefix;
	uint32_t value;
	uint32_t metric; // of equal prefixes the least counts, then the first given
	bool local; // before all that are not, and hides the longer prefixes inside
};

struct range_table {
	range_address *from; // rising; the first is 0
	uint32_t *value; // beside it
	size_t count;
};

// Prefixes of another family are passed over. What no prefix holds has value 0. 0 or -ENOMEM.
[[nodiscard]] int range_table_init(struct range_table *table, uint8_t family,
	const struct range_prefix *prefixes, size_t count);
void range_table_fini(struct range_table *table);

static inline range_address range_address_read(const uint8_t address[16])
{
	uint64_t high, low;

	memcpy(&high, address, 8);
	memcpy(&low, address + 8, 8);
	return (range_address)__builtin_bswap64(high) << 64 | __builtin_bswap64(low);
}

[[nodiscard]] static inline uint32_t range_table_find(
	const struct range_table *table, const uint8_t address[16])
{
	range_address wanted = range_address_read(address);
	size_t at = 0;

	// The answer is among the `left` ranges from `at`.
	for (size_t left = table->count; left > 1;) {
		size_t half = left / 2;

		at += table->from[at + half] <= wanted ? half : 0;
		left -= half;
	}
	return table->value[at];
}
