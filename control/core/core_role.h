// core_role.h: the module that runs a core (core.h) as the configuration says: `role: core`.

#pragma once

#include "../frame/control.h"

struct core_role;

[[nodiscard]] int core_role_open(struct control *control);
void core_role_reload(struct control *control);
void core_role_close(struct control *control);
