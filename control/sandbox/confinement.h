// confinement.h: what weir-control gives up on its way: capabilities and files before its threads start, system calls once they run.
//
//     configuration is read -> confinement_begin() -> modules open, threads start -> confinement_finish()
//
// What stays open is what reloads, restarts of the dataplane and the store take. Builds with sanitizers close neither files nor
// calls (rules_none.c), since those need what is closed here.

#pragma once

#include "../frame/control.h"

// control has its configuration and its log. 0 or a negative errno, and control_fault() has said why.
[[nodiscard]] int confinement_begin(const struct control *control, bool sandboxed);
// Likewise; all threads run.
[[nodiscard]] int confinement_finish(const struct control *control, bool sandboxed);
