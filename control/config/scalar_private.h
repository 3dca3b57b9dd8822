// scalar_private.h: what the readers of the configuration's values share.

#pragma once

#include "scalar.h"

// Reads a text that is not empty, as scalar_read says.
typedef bool scalar_reader(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault);

scalar_reader scalar_read_host;
scalar_reader scalar_read_host_port;
scalar_reader scalar_read_uri;
scalar_reader scalar_read_device;
scalar_reader scalar_read_cpus;

// Always false, with the reason in *fault; `hint` may be NULL. The texts belong to the arena or are literals.
bool scalar_refuse(struct scalar_fault *fault, const char *message, const char *hint);
bool scalar_refuse_memory(struct scalar_fault *fault);
// A copy in the arena, ending in a NUL. False: out of memory, and *fault says so.
[[nodiscard]] bool scalar_text_keep(
	struct span text, struct arena *arena, struct span *out, struct scalar_fault *fault);
