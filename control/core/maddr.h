// maddr.h: a URI that says itself which host it leads to, whatever host it names (RFC 3261 section 19.1.1).

#pragma once

#include "own_names.h"

#include <weir/edit.h>

// The value of `maddr`. False: there is none.
[[nodiscard]] bool maddr_find(const uint8_t *base, const struct uri *uri, struct span *value);
// The host that a URI leads to (RFC 3263 section 4: TARGET).
struct span maddr_host(const uint8_t *base, const struct uri *uri);
// RFC 3261 section 16.4: a maddr of a request-URI that is ours goes, with what port and transport there are, if the request came by
// that port and transport. False: nothing is to be done.
[[nodiscard]] bool maddr_strip(const struct own_names *own, const uint8_t *base,
	const struct uri *uri, const struct endpoint *local, uint8_t transport,
	struct edit_plan *plan);
