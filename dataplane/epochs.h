// epochs.h: whether this edge's epoch is the cluster's: an edge whose clock is off mints tokens that others refuse.

#pragma once

#include <stdbool.h>
#include <stdint.h>

// The epoch that more than half of all edges hold (our own and `count` others), low 32 bits. False: there is none.
[[nodiscard]] bool epochs_find_majority(
	uint32_t ours, const uint32_t *others, unsigned count, uint32_t *majority);
// At a change of epoch edges differ by one for as long as their clocks do: only more is a fault.
[[nodiscard]] bool epochs_differ(uint32_t ours, uint32_t majority);
