// ports.h: every worker's end of what the listeners are on: kernel sockets, DPDK devices, or both.

#pragma once

#include "link_setup.h"

struct plane;

// Devices are open already. LINK_STEP_WAIT, or LINK_STEP_REFUSE and *failed says why; ports that are open stay the workers'.
[[nodiscard]] enum link_step ports_open(
	const struct link_setup *setup, struct plane *plane, struct link_failed *failed);
