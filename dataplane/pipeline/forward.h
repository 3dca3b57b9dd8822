// forward.h: steps 3 and 4: to a phone, to another edge, or to the core.

#pragma once

#include "request.h"

// After walk_routes().
[[nodiscard]] enum verdict forward_request(struct request *request);
// Routes have been popped, and this edge delivers: what the next Route, if it is a strict router's, makes of the request.
void forward_decide_next(struct request *request);
// A granted REGISTER, or any outgoing request, to its upstream target.
[[nodiscard]] enum verdict forward_upstream(struct request *request);
