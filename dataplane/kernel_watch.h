// kernel_watch.h: the thread that keeps the picture of the kernel's tables (io/next_hop.h) as they are.
//
// A change in the kernel only rings: all tables are read anew, a few milliseconds later, so that what is forgotten, reordered or lost on the
// way cannot make a wrong picture (docs/decisions/0009). A thread of its own, since the kernel lets whoever asks for its tables wait
// while others change them. For the same reason it is this thread that asks DPDK's devices for the state of their links.

#pragma once

#include "kernel_tables.h"

struct kernel_watch;
struct plane;

// Reads the tables of the network namespace that it is called in, and publishes their first picture. Needs no privilege, then
// or later. devices are copied. 0 or a negative errno.
[[nodiscard]] int kernel_watch_open(struct plane *plane, const struct kernel_device *devices,
	unsigned count, struct kernel_watch **watch);
// Follow the changes. 0 or a negative errno.
[[nodiscard]] int kernel_watch_start(struct kernel_watch *watch);
void kernel_watch_stop(struct kernel_watch *watch);
// No thread runs any more. Frees the picture.
void kernel_watch_close(struct kernel_watch *watch);
