#include "measure.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static struct measurement of(const double *ns, unsigned count)
{
	struct measurement measurement = {.row = NULL};

	for (unsigned i = 0; i < count; i++)
		measurement.samples[i] = (struct sample){.ns = ns[i], .ticks = 10 * ns[i]};
	return measurement;
}

Test(measure, spread_is_median_smallest_and_largest_whatever_the_order)
{
	struct measurement odd = of((double[]){5, 1, 9, 2, 3}, 5);
	struct measurement even = of((double[]){8, 2, 4, 6}, 4);
	struct spread spread = measure_spread(&odd, 5, FIGURE_NS);

	cr_assert(eq(dbl, spread.median, 3));
	cr_assert(eq(dbl, spread.min, 1));
	cr_assert(eq(dbl, spread.max, 9));
	cr_assert(eq(dbl, measure_spread(&odd, 5, FIGURE_TICKS).max, 90));
	cr_assert(eq(dbl, measure_spread(&even, 4, FIGURE_NS).median, 5));
}

// A machine that gets slower by half gets slower for the floor too.
Test(measure, ratio_is_of_samples_side_by_side)
{
	struct measurement stage = of((double[]){10, 20, 40}, 3);
	struct measurement floor = of((double[]){1, 2, 4}, 3);
	struct spread ratio = measure_ratio(&stage, &floor, 3);

	cr_assert(eq(dbl, ratio.min, 10));
	cr_assert(eq(dbl, ratio.median, 10));
	cr_assert(eq(dbl, ratio.max, 10));
}

static unsigned long rounds_run;
static unsigned torn_down;

static void *counting_setup(void)
{
	return &rounds_run;
}

static void *failing_setup(void)
{
	errno = ENOTSUP;
	return NULL;
}

static void counting_run(void *state, uint64_t rounds)
{
	*(unsigned long *)state += rounds;
	for (; rounds > 0; rounds--)
		for (unsigned i = 0; i < 100; i++)
			measure_keep(i);
}

static void counting_teardown(void *state)
{
	torn_down++;
}

static const struct bench_row counted = {
	"counted", "round", FLOOR_NONE, 1, counting_setup, counting_run, counting_teardown};
static const struct bench_row failing = {
	"failing", "round", FLOOR_NONE, 1, failing_setup, counting_run, counting_teardown};

Test(measure, takes_every_sample_and_goes_on_where_a_row_cannot_be_measured)
{
	struct measurement measurements[] = {{.row = &counted}, {.row = &failing}};

	measure_all(measurements, 2, &(struct effort){SAMPLES_MIN, 200000});
	cr_assert(gt(ulong, rounds_run, SAMPLES_MIN * measurements[0].rounds));
	for (unsigned i = 0; i < SAMPLES_MIN; i++)
		cr_assert(gt(dbl, measurements[0].samples[i].ns, 0));
	cr_assert(eq(int, measurements[1].error, ENOTSUP));
	cr_assert(eq(uint, torn_down, 1));
}

Test(measure, keeps_to_the_core_that_was_asked_for)
{
	int core = measure_pin(-1);

	cr_assert(ge(int, core, 0));
	cr_assert(eq(int, measure_pin(core), core));
	cr_assert(lt(int, measure_pin(100000), 0));
}
