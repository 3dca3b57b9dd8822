// mix.h: a seeded hash for tables of this process. Not cryptographic: with a seed that nobody knows it is good enough against chosen
// collisions in tables whose lists are bounded by what a source may reserve.

#pragma once

#include <weir/span.h>

// One less than the smallest power of two that is not below n.
static inline uint32_t mix_mask(uint32_t n)
{
	uint32_t mask = 1;

	while (mask < n - (n > 0))
		mask = mask << 1 | 1;
	return mask;
}

// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
static inline uint64_t mix_number(uint64_t seed, uint64_t number)
{
	uint64_t mixed = seed ^ number;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
	return mixed ^ mixed >> 31;
}

static inline uint64_t mix_octets(uint64_t seed, struct span octets)
{
	uint64_t mixed = seed;

	for (size_t at = 0; at < octets.length; at += sizeof(uint64_t)) {
		uint64_t word = 0;
		size_t left = octets.length - at;

		memcpy(&word, octets.octets + at, left < sizeof(word) ? left : sizeof(word));
		mixed = mix_number(mixed + seed, word);
	}
	return mixed;
}
