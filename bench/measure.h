// measure.h: what a piece of code costs, again and again, beside floors of the same run.
//
// A row is measured in samples of some milliseconds. All rows take one sample in turn, then all take the next: what drifts
// (clock, neighbours, heat) drifts for all of them alike. Figures are CPU time of the thread, so that being put aside does not
// count; time stamp ticks are kept for comparison only, for they are not core cycles.

#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	SAMPLES_MIN = 9,
	SAMPLES_MAX = 64,
};

// What the machine can do at best: each stage is told as a multiple of one of these.
enum floor {
	FLOOR_NONE,
	FLOOR_CLOCK, // one core cycle
	FLOOR_SCAN, // one pass over a message, 32 octets at a time
	FLOOR_AES,
	FLOOR_LOAD, // independent
	FLOOR_DEPENDENT_LOAD,
	FLOOR_MOVE,
	FLOOR_RING,
	FLOOR_COUNT,
};

struct bench_row {
	const char *name;
	const char *unit; // what one figure is of
	enum floor floor; // what it is told as a multiple of
	unsigned units; // in one round of run()
	void *(*setup)(void); // NULL and errno: cannot be measured here
	void (*run)(void *state, uint64_t rounds);
	void (*teardown)(void *state);
};

struct sample {
	double ns; // of CPU time, a unit
	double ticks; // of the time stamp counter, a unit
};

struct measurement {
	const struct bench_row *row;
	void *state;
	int error; // errno of setup(), or 0
	uint64_t rounds; // in one sample
	struct sample samples[SAMPLES_MAX];
};

struct spread {
	double median;
	double min;
	double max;
};

struct effort {
	unsigned samples; // SAMPLES_MIN to SAMPLES_MAX
	uint64_t sample_ns;
};

// Keeps this thread on one core; core < 0: the last one it may use. Returns the core or a negative errno.
[[nodiscard]] int measure_pin(int core);
// Sets up, calibrates, samples and tears down `count` rows. measurements[i].row is given.
void measure_all(struct measurement *measurements, unsigned count, const struct effort *effort);

enum figure {
	FIGURE_NS,
	FIGURE_TICKS,
};
struct spread measure_spread(
	const struct measurement *measurement, unsigned samples, enum figure figure);
// Of the multiples of a floor that each sample is of the floor's own sample beside it.
struct spread measure_ratio(
	const struct measurement *measurement, const struct measurement *floor, unsigned samples);

// Makes the compiler believe that the value is used, and that memory may have changed.
static inline void measure_keep(uint64_t value)
{
	__asm__ volatile("" : : "r"(value) : "memory");
}
