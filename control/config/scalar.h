// scalar.h: one value of the configuration: from text, and back to it.

#pragma once

#include "schema.h"

struct arena;

// Why a value was refused. The texts belong to the arena or are literals.
struct scalar_fault {
	const char *message;
	const char *hint; // or NULL
};

// Read a word as the row's type and keep it at `out`, which is of row->size octets. False: nothing was written and
// *fault says why. Texts that are kept belong to the arena.
[[nodiscard]] bool scalar_read(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault);
// The value as it would be written in a file, secrets too; NULL: it was not given and has no default, or out of memory.
const char *scalar_write(const struct schema_row *row, const void *value, struct arena *arena);
