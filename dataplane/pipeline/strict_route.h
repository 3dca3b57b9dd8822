// strict_route.h: a request that came through a strict router (RFC 3261 section 16.4).

#pragma once

#include "../table/directory.h"
#include "route.h"

#include <weir/edit.h>
#include <weir/message.h>
#include <weir/packet.h>

// If the request-URI is a Record-Route URI of ours, put the last Route in its place and the old one on top of the Routes: the
// request then reads as a loose router would have sent it. True: the packet was rewritten and must be parsed again.
[[nodiscard]] bool strict_route_repair(const struct directory *directory, struct edit_plan *plan,
	struct packet *packet, const struct message *message);

// RFC 3261 section 16.6, step 6: a next hop that knows no loose routing gets its URI as request-URI, and the old one as the last
// Route. Its Route value is the caller's to cut.
void strict_route_write(
	struct edit_plan *plan, const struct message *message, const struct routes *routes);
