// privileges.h: the user that weir-control runs as, and what is left of the superuser's rights.

#pragma once

// Become a user, with the groups that /etc/group gives it, and keep the capabilities that bind ports below 1024 and widen receive
// buffers. Before any thread is started. 0; -ENOENT: there is no such user; -EPERM: only root can; or another negative errno.
[[nodiscard]] int privileges_become(const char *user);
// Give up every capability that control has no use for, and the way to get any back (no_new_privs). This thread's and those that it
// starts. 0 or a negative errno.
[[nodiscard]] int privileges_reduce(void);
// No core dump, and no debugger of another user: secrets are in memory. After the user is changed, which resets it.
void privileges_hide_memory(void);
