// call_list.h: which system calls weir-control may still make once it runs (seccomp).

#pragma once

// From now on every thread may make the system calls of a list; another one ends the process (SIGSYS). 0; -EINVAL or -ENOSYS: the
// kernel has no such filter, nothing was closed; or another negative errno.
[[nodiscard]] int call_list_enforce(void);
