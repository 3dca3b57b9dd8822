#include "timers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
	CAPACITY_FIRST = 64,
};

// A binary heap; heap[1] is due first.
struct timers {
	struct timer **heap;
	uint32_t set; // timers in the heap
	uint32_t opened;
	uint32_t capacity;
};

struct timers *timers_new(void)
{
	return calloc(1, sizeof(struct timers));
}

void timers_free(struct timers *timers)
{
	if (timers == NULL)
		return;
	assert(timers->opened == 0);
	free(timers->heap);
	free(timers);
}

int timer_open(struct timers *timers, struct timer *timer, timer_fired *fired, void *context)
{
	if (timers->opened + 1 >= timers->capacity) {
		uint32_t capacity = timers->capacity == 0 ? CAPACITY_FIRST : timers->capacity * 2;
		struct timer **heap = reallocarray(timers->heap, capacity, sizeof(struct timer *));
		if (heap == NULL)
			return -ENOMEM;
		timers->heap = heap;
		timers->capacity = capacity;
	}
	timers->opened++;
	*timer = (struct timer){.fired = fired, .context = context};
	return 0;
}

static void place(struct timers *timers, uint32_t at, struct timer *timer)
{
	timers->heap[at] = timer;
	timer->place = at;
}

static void rise(struct timers *timers, uint32_t at, struct timer *timer)
{
	while (at > 1 && timers->heap[at / 2]->at_ms > timer->at_ms) {
		place(timers, at, timers->heap[at / 2]);
		at /= 2;
	}
	place(timers, at, timer);
}

static void sink(struct timers *timers, uint32_t at, struct timer *timer)
{
	for (uint32_t child = at * 2; child <= timers->set; child = at * 2) {
		if (child < timers->set
			&& timers->heap[child + 1]->at_ms < timers->heap[child]->at_ms)
			child++;
		if (timers->heap[child]->at_ms >= timer->at_ms)
			break;
		place(timers, at, timers->heap[child]);
		at = child;
	}
	place(timers, at, timer);
}

void timer_unset(struct timers *timers, struct timer *timer)
{
	uint32_t at = timer->place;

	if (at == 0)
		return;
	struct timer *last = timers->heap[timers->set--];
	timer->place = 0;
	if (last == timer)
		return;
	if (at > 1 && timers->heap[at / 2]->at_ms > last->at_ms)
		rise(timers, at, last);
	else
		sink(timers, at, last);
}

void timer_set(struct timers *timers, struct timer *timer, uint64_t at_ms)
{
	assert(timer->fired != NULL);
	timer_unset(timers, timer);
	timer->at_ms = at_ms;
	rise(timers, ++timers->set, timer);
}

void timer_close(struct timers *timers, struct timer *timer)
{
	if (timer->fired == NULL)
		return;
	timer_unset(timers, timer);
	timer->fired = NULL;
	timers->opened--;
}

uint64_t timers_due(const struct timers *timers)
{
	return timers->set == 0 ? TIMERS_NEVER : timers->heap[1]->at_ms;
}

void timers_run(struct timers *timers, uint64_t now_ms)
{
	while (timers_due(timers) <= now_ms) {
		struct timer *timer = timers->heap[1];
		timer_unset(timers, timer);
		timer->fired(timer->context, now_ms);
	}
}
