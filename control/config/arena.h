// arena.h: memory that is taken piece by piece and given back at once.

#pragma once

#include <weir/span.h>

struct arena;

[[nodiscard]] struct arena *arena_new(void); // NULL: out of memory
void arena_free(struct arena *arena); // NULL is fine
// Zeroed and aligned for any type. NULL: out of memory.
[[nodiscard]] void *arena_take(struct arena *arena, size_t octets);
// A copy that ends in a NUL. NULL: out of memory.
[[nodiscard]] char *arena_copy(struct arena *arena, struct span text);
[[nodiscard]] char *arena_format(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
// What `other` holds lives on with `arena`. Consumes other.
void arena_adopt(struct arena *arena, struct arena *other);
