#include "measure.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

struct reading {
	uint64_t ticks;
	uint64_t ns;
};

static struct reading reading_take(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (struct reading){
		.ticks = __rdtsc(),
		.ns = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec,
	};
}

static struct reading row_time(const struct measurement *measurement, uint64_t rounds)
{
	struct reading before = reading_take();

	measurement->row->run(measurement->state, rounds);
	struct reading after = reading_take();

	return (struct reading){after.ticks - before.ticks, after.ns - before.ns};
}

int measure_pin(int core)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -errno;
	if (core < 0)
		for (int i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET(i, &set))
				core = i;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0 ? core : -errno;
}

// Doubles the rounds until they fill a good part of a sample; that also warms caches up.
static void row_calibrate(struct measurement *measurement, uint64_t sample_ns)
{
	uint64_t rounds = 1;
	struct reading taken = row_time(measurement, rounds);

	while (taken.ns < sample_ns / 4) {
		rounds *= 2;
		taken = row_time(measurement, rounds);
	}
	measurement->rounds = rounds * sample_ns / taken.ns;
	if (measurement->rounds == 0)
		measurement->rounds = 1;
}

static void row_sample(struct measurement *measurement, unsigned sample)
{
	struct reading taken = row_time(measurement, measurement->rounds);
	double units = (double)measurement->rounds * measurement->row->units;

	measurement->samples[sample] =
		(struct sample){(double)taken.ns / units, (double)taken.ticks / units};
}

static void rows_setup(struct measurement *measurements, unsigned count, uint64_t sample_ns)
{
	for (unsigned i = 0; i < count; i++) {
		errno = 0;
		measurements[i].state = measurements[i].row->setup();
		measurements[i].error = measurements[i].state == NULL ? errno : 0;
		if (measurements[i].state != NULL)
			row_calibrate(&measurements[i], sample_ns);
	}
}

void measure_all(struct measurement *measurements, unsigned count, const struct effort *effort)
{
	rows_setup(measurements, count, effort->sample_ns);
	for (unsigned sample = 0; sample < effort->samples; sample++)
		for (unsigned i = 0; i < count; i++)
			if (measurements[i].state != NULL)
				row_sample(&measurements[i], sample);
	for (unsigned i = 0; i < count; i++)
		if (measurements[i].state != NULL)
			measurements[i].row->teardown(measurements[i].state);
}

static int double_compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct spread spread_of(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), double_compare);
	return (struct spread){
		.median = (values[(count - 1) / 2] + values[count / 2]) / 2,
		.min = values[0],
		.max = values[count - 1],
	};
}

struct spread measure_spread(
	const struct measurement *measurement, unsigned samples, enum figure figure)
{
	double values[SAMPLES_MAX];

	for (unsigned i = 0; i < samples; i++)
		values[i] = figure == FIGURE_NS ? measurement->samples[i].ns
						: measurement->samples[i].ticks;
	return spread_of(values, samples);
}

struct spread measure_ratio(
	const struct measurement *measurement, const struct measurement *floor, unsigned samples)
{
	double values[SAMPLES_MAX];

	for (unsigned i = 0; i < samples; i++)
		values[i] = measurement->samples[i].ns / floor->samples[i].ns;
	return spread_of(values, samples);
}
