// descriptors.h: how many descriptors this process may have open.

#pragma once

#include <stdint.h>

// For so many connections and everything else, or as far as the system lets us; beyond it connections wait in the kernel until others
// have closed. Before the sandbox, which lets nobody raise limits.
void descriptors_raise(uint64_t connections);
