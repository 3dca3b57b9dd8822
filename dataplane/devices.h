// devices.h: the DPDK devices of this process, as control asks for them.
//
// DPDK starts once in the life of a process. A set-up that fails after that cannot be tried again here: the process ends, and the
// next one tries.

#pragma once

#include "link_setup.h"

struct plane;

// Whether any listener is on a device.
[[nodiscard]] bool devices_are_wanted(const struct link_setup *setup);
// Start DPDK and open all devices. LINK_STEP_WAIT, or LINK_STEP_REFUSE and *failed says why.
[[nodiscard]] enum link_step devices_open(
	const struct link_setup *setup, struct link_failed *failed);
// Every worker has its port: devices begin to receive.
[[nodiscard]] enum link_step devices_run(struct link_failed *failed);
// From now on the plane knows the kernel's routes by the interfaces of the devices; before threads start.
[[nodiscard]] enum link_step devices_watch(struct plane *plane, struct link_failed *failed);
void devices_close(void);
