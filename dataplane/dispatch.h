// dispatch.h: what was decided on a burst is done, and every message is counted once.

#pragma once

#include "session.h"
#include "worker.h"

// After rewrite_burst(). No packet is left in the burst.
void dispatch_burst(struct worker *worker, const struct world *world, struct session *session);
