// register.h: a phone's REGISTER: up to control, and with control's grant to the registrar (ROUTING sections 8 and 11).

#pragma once

#include "request.h"

// After walk_routes(), on an access listener.
[[nodiscard]] enum verdict register_decide(struct request *request);
