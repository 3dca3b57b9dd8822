// apply.h: a running configuration takes over what can be changed while running.

#pragma once

#include "schema.h"

// Called for every key that differs; applied: it is in force now, else it waits for the restart that row->applies names.
typedef void config_changed(void *context, const struct schema_row *row, bool applied);

// Put the live keys of `fresh` into `running`, whose address and other members stay as they are, and report every difference.
// Consumes fresh; running keeps what it needs of it. A list of sections counts as one key unless all its entries differ in live
// keys only. 0, or -ENOMEM: nothing was changed.
[[nodiscard]] int config_apply(
	struct config *running, struct config *fresh, config_changed *changed, void *context);
