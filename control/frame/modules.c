// modules.c: what weir-control is made of, in the order in which it starts.

#include "../answers/answers.h"
#include "../core/core_role.h"
#include "../edge/edge.h"
#include "admin_module.h"
#include "control.h"
#include "resolver_module.h"

const struct control_module control_modules[] = {
	{"commands", CONTROL_EDGE | CONTROL_CORE, commands_module_open, commands_module_close,
		NULL},
	{"resolver", CONTROL_EDGE | CONTROL_CORE, resolver_module_open, resolver_module_close,
		NULL},
	{"core", CONTROL_CORE, core_role_open, core_role_close, core_role_reload},
	{"edge", CONTROL_EDGE, edge_open, edge_close, edge_reload},
	{"answers", CONTROL_EDGE | CONTROL_CORE, answers_open, answers_close, NULL},
	{"admin", CONTROL_EDGE | CONTROL_CORE, admin_module_open, admin_module_close, NULL},
};

const size_t control_module_count = sizeof(control_modules) / sizeof(control_modules[0]);
