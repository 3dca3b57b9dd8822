// clock.h: the clocks of the dataplane. A worker reads them once a burst, the keeper once a turn; nobody below does.

#pragma once

#include <stdint.h>
#include <time.h>

// Steady, for intervals.
static inline uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// The wall, for what other machines and other lives of this process understand.
static inline uint64_t clock_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_wall_s(void)
{
	return clock_wall_ns() / 1000000000;
}
