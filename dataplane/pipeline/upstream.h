// upstream.h: which core target an outgoing request goes to (ROUTING section 5, step 4).

#pragma once

#include "stage.h"

// The Route (or, without one, the request-URI) if it names a known target, else the default upstream for this Call-ID. Nothing
// is resolved here. NULL: there is no target.
[[nodiscard]] const struct link_target *upstream_find(const struct world *world,
	const struct message *message, const struct uri *target, const struct routes *routes);
