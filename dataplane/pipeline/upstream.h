// upstream.h: which core target an outgoing request goes to (ROUTING section 5, step 4).

#pragma once

#include "stage.h"

// The Route (or, without one, the request-URI) if it names a known target, else the default upstream for this Call-ID. Nothing
// is resolved here. A target of a stream transport is open. NULL: there is no target, or none that can be sent to.
[[nodiscard]] const struct link_target *upstream_find(const struct world *world,
	const struct message *message, const struct uri *target, const struct routes *routes);
// The connection that is open to a target of a stream transport; NULL: none is.
[[nodiscard]] const struct flow *upstream_carrier(
	const struct world *world, const struct link_target *target);
// The same server by a connection that is open; NULL: there is none.
[[nodiscard]] const struct link_target *upstream_find_stream(
	const struct world *world, const struct link_target *target);
