// cpus.h: a set of processors, as "2-5,8" names it.

#pragma once

#include <weir/span.h>

enum {
	CPUS_MAX = 1024,
};

struct cpus {
	uint64_t set[CPUS_MAX / 64]; // a bit for each
};

[[nodiscard]] static inline bool cpus_has(const struct cpus *cpus, unsigned cpu)
{
	return cpu < CPUS_MAX && (cpus->set[cpu / 64] >> (cpu % 64) & 1) != 0;
}

// Numbers and ranges, rising, with commas between. False: it is none; nothing is written.
[[nodiscard]] bool cpus_read(struct span text, struct cpus *cpus);
// Ends in a NUL; what does not fit is left out. Returns out.
const char *cpus_write(const struct cpus *cpus, char *out, size_t capacity);
unsigned cpus_count(const struct cpus *cpus);
// The n-th, counted from 0; -1: there are not so many.
[[nodiscard]] int cpus_find(const struct cpus *cpus, unsigned index);
