// strict.h: strict routers, as RFC 2543 had them, on either side of us (RFC 3261 sections 16.4 and 16.6).

#pragma once

#include "own_names.h"

#include <weir/edit.h>
#include <weir/message.h>

// Section 16.4: a request-URI that we wrote into a Record-Route stands where a strict router has put it; the destination is the last
// Route value. False: nothing is to be done.
[[nodiscard]] bool strict_repair(
	const struct own_names *own, const struct message *request, struct edit_plan *plan);
// Section 16.6 step 6: the URI of a Route value, on which `base` is, if it lacks `lr`: it must become the request-URI. False: it is a loose
// router's.
[[nodiscard]] bool strict_hop(const uint8_t *base, struct slice value, struct span *uri);
