// explain.h: what a token says and which rule would serve it now, for people.

#pragma once

#include "burst.h"

#include <weir/link.h>

// As a mid-dialog request from the core with this token and no matching request-URI would be decided. Fills everything but
// `request`. The keyring is the caller's own.
void explain_token(const struct world *world, struct span text, struct link_explained *explained);
