// io_memory.h: a backend without a network: tests, benchmarks and replay feed datagrams and look at what was sent.
//
// The port is one worker's like any other; feed, take, refuse may be called from another thread at the same time.

#pragma once

#include "io.h"

#include <weir/span.h>

// A datagram that was sent. The octets are the caller's to free().
struct io_memory_sent {
	struct endpoint peer;
	uint8_t listener;
	uint32_t length;
	uint8_t *octets;
};

// NULL: out of memory. wakeup, an eventfd (-1: none) ends a wait and stays the caller's.
[[nodiscard]] struct io_port *io_memory_open(int wakeup);
// Put a copy of a datagram at the end of the queue. 0, -ENOMEM or -EMSGSIZE.
[[nodiscard]] int io_memory_feed(
	struct io_port *port, uint8_t listener, const struct endpoint *peer, struct span octets);
// Take the oldest datagram that was sent; false: there is none.
[[nodiscard]] bool io_memory_take(struct io_port *port, struct io_memory_sent *sent);
// From now on sends to this endpoint are refused and reported as unreachable. A zeroed endpoint ends that.
void io_memory_refuse(struct io_port *port, const struct endpoint *peer);
// Packets that are out: not in the pools. A test that ends with another number than 0 has found a leak.
[[nodiscard]] unsigned io_memory_packets_out(struct io_port *port);
