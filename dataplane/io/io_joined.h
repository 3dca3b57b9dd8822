// io_joined.h: two backends as one port, such as DPDK devices on the access side and kernel sockets on the core side.
//
// A packet that leaves by the other backend than it came by is copied once. The first backend is waited on, a millisecond at a
// time; the second is asked whenever that is over.

#pragma once

#include "io.h"

// ids: listeners of the second port; all others are the first's. Both ports become the joined one's. 0 or -ENOMEM: they stay the
// caller's.
[[nodiscard]] int io_joined_open(struct io_port *first, struct io_port *second, const uint8_t *ids,
	unsigned count, struct io_port **port);
