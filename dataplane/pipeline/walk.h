// walk.h: step 2: the own Routes of a request, popped from the top down to the first incoming token.

#pragma once

#include "request.h"

// Fills decision->popped and the walk's part of the request.
[[nodiscard]] enum verdict walk_routes(struct request *request);
