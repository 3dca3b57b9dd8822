// resolver_module.h: names are looked up where the configuration says.

#pragma once

#include "control.h"

[[nodiscard]] int resolver_module_open(struct control *control);
void resolver_module_close(struct control *control);
