// launch.h: from what control has asked for to running threads, and their end.

#pragma once

#include "link_setup.h"

struct confinement;
struct plane;

// confinement is what the process gives up once everything is open; NULL: nothing. *spent is set once
// DPDK has been started, or has failed to start: it can be neither again in this process. LINK_STEP_WAIT and *plane runs; or
// LINK_STEP_REFUSE and *failed says why.
[[nodiscard]] enum link_step launch_plane(const struct link_setup *setup,
	const struct confinement *confinement, bool *spent, struct plane **plane,
	struct link_failed *failed);
// Stops and frees it; devices stay open.
void launch_end(struct plane *plane);
