// admin_module.h: the registry of commands, which every module may add to, and the socket that they are asked through.

#pragma once

#include "control.h"

[[nodiscard]] int commands_module_open(struct control *control);
void commands_module_close(struct control *control);
[[nodiscard]] int admin_module_open(struct control *control);
void admin_module_close(struct control *control);
