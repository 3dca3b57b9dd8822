// kernel_tables.h: the kernel's links, routes and neighbours, read in one go, and the picture that they make.

#pragma once

#include "io/next_hop.h"

// An interface of the kernel that is a device of ours.
struct kernel_device {
	uint32_t interface; // the kernel's index
	uint8_t device; // io_dpdk.h
};

struct kernel_tables {
	struct next_hops *hops; // the reader's to free
	bool diverted; // rules send packets past the tables: nothing has a next hop
	bool crowded; // more routes than NEXT_HOP_ROUTES_MAX: nothing has a next hop
};

// 0 or a negative errno: *tables is untouched.
[[nodiscard]] int kernel_tables_read(
	const struct kernel_device *devices, unsigned count, struct kernel_tables *tables);
