// quantity.h: numbers with a unit, such as 30s, 16KiB, 50/s and 1M.

#pragma once

#include <weir/span.h>

struct unit {
	const char *suffix;
	uint32_t factor;
};

// Tables end with a NULL suffix and go from small to large.
extern const struct unit count_units[]; // 12, 20k, 1M
extern const struct unit octet_units[]; // 1500, 16KiB
extern const struct unit rate_units[]; // 50/s, 20k/s
extern const struct unit percent_units[]; // 10%
extern const struct unit duration_units[]; // 300ms, 30s, 15m, 6h, 7d; in milliseconds

// Digits and one of the units. False: anything else.
[[nodiscard]] bool quantity_read(struct span text, const struct unit *units, uint64_t *number);
// With the largest unit that leaves a whole number.
void quantity_write(uint64_t number, const struct unit *units, char *out, size_t capacity);
