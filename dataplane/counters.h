// counters.h: a worker's counters. It alone adds, so an addition needs no locked instruction; others read relaxed.

#pragma once

#include <weir/link.h>

#include <stddef.h>

enum {
	COUNTERS = offsetof(struct link_counters, verdicts) / sizeof(uint64_t) + VERDICT_COUNT,
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t count)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + count,
		memory_order_relaxed);
}

// Show control what the worker has counted. Ours are the true ones: control can write to those it reads, and its next life begins
// with all that was counted in this one.
static inline void counters_publish(
	const struct link_counters *counters, struct link_counters *shared)
{
	const _Atomic uint64_t *from = (const _Atomic uint64_t *)counters;
	_Atomic uint64_t *to = (_Atomic uint64_t *)shared;

	for (size_t i = 0; i < COUNTERS; i++)
		atomic_store_explicit(&to[i], atomic_load_explicit(&from[i], memory_order_relaxed),
			memory_order_relaxed);
}
