// random.h: the same random inputs in every run (splitmix64, Steele, Lea and Flood 2014).

#pragma once

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

// 0 to bound - 1.
static inline unsigned random_below(struct random *random, unsigned bound)
{
	return (unsigned)(random_next(random) % bound);
}

static inline void random_fill(struct random *random, void *out, size_t length)
{
	uint8_t *octets = out;

	for (size_t i = 0; i < length; i++)
		octets[i] = (uint8_t)random_next(random);
}
