// suggest.h: what somebody may have meant.

#pragma once

#include <weir/span.h>

struct arena;
struct schema_row;

// How many letters must be changed, added, left out or swapped with their neighbour to make one word of the other; words longer
// than 63 octets are infinitely far.
unsigned suggest_distance(struct span a, struct span b);
// The key of the section that is near enough to be meant, or NULL.
const struct schema_row *suggest_row(const char *section, struct span key);
// A hint for a key that the section does not have; NULL: out of memory.
const char *suggest_key(struct arena *arena, const char *section, struct span key);
