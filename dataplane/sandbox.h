// sandbox.h: what is left to the process once it forwards: its sockets, its memory, its clocks.
//
//     everything is opened -> sandbox_close_files() -> threads start -> sandbox_close_calls()
//
// A fault in a parser then finds no file to read, no program to start and no connection to make. Builds with sanitizers have
// sandbox_none.c in place of it, since those need what is closed here.

#pragma once

#include <stdbool.h>

// No file can be opened, made or changed any more (Landlock); only what lies in `folder` can still be removed: the socket that control
// connects to. For this thread and those that it starts. 0; -ENOSYS or -EOPNOTSUPP: the kernel has no Landlock, nothing was closed; or
// another negative errno.
[[nodiscard]] int sandbox_close_files(const char *folder);
// From now on every thread may make the system calls of a list; another one ends the process (SIGSYS). devices: the kernel is asked for links,
// routes and neighbours, and DPDK answers its telemetry, which takes some more. 0 or a negative errno: nothing was closed.
[[nodiscard]] int sandbox_close_calls(bool devices);
