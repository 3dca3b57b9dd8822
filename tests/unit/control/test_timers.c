// Timers whose clock the test turns.

#include "../random.h"
#include "base/timers.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum {
	MANY = 500,
};

struct item {
	struct timer timer;
	uint64_t wanted_ms; // 0: not set
	unsigned fired;
};

static struct timers *timers;
static struct item items[MANY];
static uint64_t latest_ms;

static void setup(void)
{
	timers = timers_new();
}

static void fire(void *context, uint64_t now_ms)
{
	struct item *item = context;

	item->fired++;
	cr_assert(ge(u64, now_ms, item->wanted_ms));
	cr_assert(ge(u64, item->wanted_ms, latest_ms), "fired out of order");
	latest_ms = item->wanted_ms;
	item->wanted_ms = 0;
}

static void open_all(void)
{
	for (unsigned i = 0; i < MANY; i++)
		cr_assert(eq(int, timer_open(timers, &items[i].timer, fire, &items[i]), 0));
}

static void close_all(void)
{
	for (unsigned i = 0; i < MANY; i++)
		timer_close(timers, &items[i].timer);
	cr_assert(eq(u64, timers_due(timers), TIMERS_NEVER));
	timers_free(timers);
}

Test(timers, fire_in_order_however_they_are_set_moved_and_taken_back, .init = setup)
{
	struct random random = {7};

	open_all();
	for (unsigned i = 0; i < 20 * MANY; i++) {
		struct item *item = &items[random_below(&random, MANY)];
		if (random_below(&random, 4) == 0) {
			timer_unset(timers, &item->timer);
			item->wanted_ms = 0;
		} else {
			item->wanted_ms = 1 + random_below(&random, 10000);
			timer_set(timers, &item->timer, item->wanted_ms);
		}
	}
	for (uint64_t now_ms = 0; now_ms <= 10000; now_ms += 100) {
		timers_run(timers, now_ms);
		for (unsigned i = 0; i < MANY; i++)
			cr_assert(items[i].wanted_ms == 0 || items[i].wanted_ms > now_ms);
	}
	close_all();
}

static void fire_again(void *context, uint64_t now_ms)
{
	struct item *item = context;

	if (++item->fired < 3)
		timer_set(timers, &item->timer, now_ms + 10);
	else
		timer_close(timers, &item->timer);
}

Test(timers, may_be_set_and_closed_while_they_fire, .init = setup)
{
	cr_assert(eq(int, timer_open(timers, &items[0].timer, fire_again, &items[0]), 0));
	timer_set(timers, &items[0].timer, 5);
	for (uint64_t now_ms = 0; now_ms < 100; now_ms += 5)
		timers_run(timers, now_ms);
	cr_assert(eq(uint, items[0].fired, 3));
	cr_assert(eq(u64, timers_due(timers), TIMERS_NEVER));
	timers_free(timers);
}
