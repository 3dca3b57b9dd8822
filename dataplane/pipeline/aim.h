// aim.h: where a phone's request says that it goes, held against what no phone may have us send to (ROUTING section 10).
//
// This edge resolves no Route and no request-URI, but the core behind it follows both, and trusts what comes from an edge.

#pragma once

#include "request.h"

// Of the next Route, or without one the request-URI, and of its maddr: an address that is no unicast one, or loopback; and for a
// request outside of a dialog, whose request-URI nobody but the phone has chosen, one on the inside that is no upstream.
[[nodiscard]] bool aim_is_forbidden(const struct request *request);
