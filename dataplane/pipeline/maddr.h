// maddr.h: a request-URI whose maddr is one of our own addresses (RFC 3261 section 16.4).

#pragma once

#include "request.h"

// It names us, and the request came by the port and transport that it says.
[[nodiscard]] bool maddr_is_own(const struct request *request);
// Take maddr, port and transport out of the request-URI.
void maddr_cut(struct edit_plan *plan, const struct message *message);
