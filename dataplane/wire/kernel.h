// kernel.h: which kernels this processor can run.

#pragma once

#include <stdbool.h>

// True if what is compiled for x86-64-v3 runs here. May be asked before main().
[[nodiscard]] bool kernel_v3_is_supported(void);
