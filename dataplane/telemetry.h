// telemetry.h: what the workers count, for those who read DPDK's telemetry socket already.
//
//     /weir/verdicts    every verdict, summed over all workers
//     /weir/workers     the workers there are
//     /weir/worker,N    messages and verdicts of one

#pragma once

struct plane;

// DPDK has been started, the plane's workers are made. 0 or a negative errno.
[[nodiscard]] int telemetry_open(struct plane *plane);
// From now on nobody asks the plane. Without telemetry_open() before it: nothing.
void telemetry_close(void);
