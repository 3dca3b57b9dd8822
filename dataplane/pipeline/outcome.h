// outcome.h: a verdict becomes an action: sent through the guard, answered, handed up, or released.

#pragma once

#include "stage.h"

enum {
	// With our own 503: long enough for a burst of REGISTERs to pass, short beside a phone's patience.
	OUTCOME_RETRY_AFTER_S = 5,
};

// An empty decision: nothing is sent.
void outcome_begin(struct burst *burst, unsigned index);
// Sets the message's one verdict and what follows from it. A forwarding verdict has its decision's out and destination already.
void outcome_set(
	const struct world *world, struct burst *burst, unsigned index, enum verdict verdict);
// The same for an answer whose status control has chosen.
void outcome_answer(const struct world *world, struct burst *burst, unsigned index,
	enum verdict verdict, uint16_t status, uint16_t retry_after_s);
