// epochs.h: whether this edge's epoch is the cluster's: an edge whose clock is off mints tokens that others refuse.

#pragma once

#include <weir/link.h>

// How our epoch stands to those of `count` other edges, low 32 bits each. At a change of epoch edges differ by one for as long as
// their clocks do: only more is a fault. A majority is more than half of all edges, ours among them, within one of each other. *theirs:
// the majority's if we are not in it; if there is none, of an edge that differs; else ours.
[[nodiscard]] enum link_epoch epochs_judge(
	uint32_t ours, const uint32_t *others, unsigned count, uint32_t *theirs);
