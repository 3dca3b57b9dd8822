// addresses.h: which listeners' addresses are on this host. They move between edges, if takeover is on; else all are here for good.

#pragma once

#include <weir/side.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct address_state {
	_Atomic bool
		away; // keeper writes, workers read; relaxed: the network moves an address at no instant either
	_Atomic uint64_t
		since_ms; // monotonic, when it came or went; 0: always so; keeper writes, workers read; relaxed
};

// By id of own listeners. A zeroed one has all addresses here.
struct address_board {
	struct address_state listener[LISTENERS_MAX + 1];
};

static inline bool address_is_here(const struct address_board *board, uint8_t listener)
{
	return !atomic_load_explicit(&board->listener[listener].away, memory_order_relaxed);
}

static inline uint64_t address_since_ms(const struct address_board *board, uint8_t listener)
{
	return atomic_load_explicit(&board->listener[listener].since_ms, memory_order_relaxed);
}
