// vault.h: memory for secrets, which no core dump holds, and which is locked where the system allows.
//
// Two kinds. Pages are for the few octets that last as long as the process: children do not inherit them, and where there is
// memfd_secret not even the kernel maps them. The heap is for what libcrypto expands keys into, and for what is allocated beside that by OPENSSL_malloc().

#pragma once

#include <stdbool.h>
#include <stddef.h>

// Pages of zeros; NULL and errno. A lock that is refused (RLIMIT_MEMLOCK) is no reason to go without.
[[nodiscard]] void *vault_map(size_t size);
void vault_unmap(void *pages, size_t size); // wipes

// From now on all of libcrypto's memory is of a heap of its own, which is left out of core dumps. Before libcrypto is first used, and
// before threads are started. locked: and in memory, too, for a process whose libcrypto needs little. 0 or a negative errno: it uses
// the ordinary heap. Builds with sanitizers, which have an allocator of their own, leave it there: 0.
[[nodiscard]] int vault_open_heap(bool locked);
