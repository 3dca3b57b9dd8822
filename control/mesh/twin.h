// twin.h: two edges with one id. The newer incarnation is the peer, the other is refused, and both are told, once.

#pragma once

#include "connection.h"

extern const char twin_why[]; // a refusal for that

// A connection says HELLO as that peer, in that incarnation: may it be the peer's? Who was the peer's before is refused if it is
// the older one.
[[nodiscard]] bool twin_displace(
	struct connection *connection, struct peer *peer, uint64_t incarnation);
// MESH_TWIN came. False: malformed.
[[nodiscard]] bool twin_take(struct connection *connection, struct span payload);
