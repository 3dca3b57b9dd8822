// ticks.h: time around a few hundred nanoseconds. Ticks are the processor's, or nanoseconds where it has none that can be read.

#pragma once

#include <stdint.h>

#if defined(__x86_64__)
#include <x86intrin.h>

// What stands before has ended; what stands behind has not begun.
static inline uint64_t ticks_begin(void)
{
	_mm_lfence();
	uint64_t now = __rdtsc();
	_mm_lfence();
	return now;
}

static inline uint64_t ticks_end(void)
{
	unsigned processor;
	uint64_t now = __rdtscp(&processor);

	_mm_lfence();
	return now;
}
#else
#include <time.h>

static inline uint64_t ticks_begin(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t ticks_end(void)
{
	return ticks_begin();
}
#endif
