// suggest.h: what somebody may have meant.

#pragma once

#include <weir/span.h>

struct arena;

// How many letters must be changed, added, left out or swapped with their neighbour to make one word of the other; words longer
// than 63 octets are infinitely far.
unsigned suggest_distance(struct span a, struct span b);
// A hint for a key that the section does not have; NULL: out of memory.
const char *suggest_key(struct arena *arena, const char *section, struct span key);
