// privileges.h: what opening sockets and devices needs, and forwarding does not.

#pragma once

// Every thread of the process, those of libraries too, loses all capabilities and the way to get any back (no_new_privs). 0; or a
// negative errno: some thread has kept them. Threads made later inherit it.
[[nodiscard]] int privileges_drop(void);
