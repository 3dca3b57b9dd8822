// core_status.h: what the core role has to say to `weirctl status`.

#pragma once

#include "../command/commands.h"
#include "core.h"

// 0 or a negative errno. commands may be NULL: nobody asks.
[[nodiscard]] int core_status_register(struct core *core, struct commands *commands);
void core_status_unregister(struct commands *commands);
