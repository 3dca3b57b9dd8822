// weirctl_keys.h: `weirctl keys init`: makes a cluster's secrets, on this machine, without a daemon.

#pragma once

// argv[0] is "init". Returns weirctl's exit status: 0, 1 (a file could not be made) or 2 (usage).
[[nodiscard]] int weirctl_keys(int argc, char **argv);
