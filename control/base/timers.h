// timers.h: many timers whose clock is an argument: a heap that hands out whoever is due.
//
// Nothing here asks for the time: the loop passes the steady clock in, a test any clock that it likes. A timer is a member of what
// it belongs to, opened once, so that setting it can never fail.

#pragma once

#include <stdbool.h>
#include <stdint.h>

struct timers;

typedef void timer_fired(void *context, uint64_t now_ms);

struct timer {
	uint64_t at_ms;
	uint32_t place; // in the heap, from 1; 0: not set
	timer_fired *fired;
	void *context;
};

#define TIMERS_NEVER UINT64_MAX

[[nodiscard]] struct timers *timers_new(void); // NULL: out of memory
void timers_free(struct timers *timers); // all timers are closed

// Keeps room for one more timer. 0 or -ENOMEM.
[[nodiscard]] int timer_open(
	struct timers *timers, struct timer *timer, timer_fired *fired, void *context);
// A timer that was not opened (all zero) may be closed too.
void timer_close(struct timers *timers, struct timer *timer);
// Anew, if it was set already.
void timer_set(struct timers *timers, struct timer *timer, uint64_t at_ms);
void timer_unset(struct timers *timers, struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
	return timer->place != 0;
}

// When the first timer is due; TIMERS_NEVER: none is set.
uint64_t timers_due(const struct timers *timers);
// Fires everything due at now_ms, earliest first. A timer is no longer set when it fires; it may be set again or closed from there.
void timers_run(struct timers *timers, uint64_t now_ms);
