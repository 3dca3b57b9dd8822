// guard.h: octets beside a page that may not be touched, so that reading or writing past them ends the test.

#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
	uint8_t *map;
	size_t page;
	size_t room; // octets between the two guard pages
};

static inline struct guard guard_new(size_t octets)
{
	struct guard guard = {.page = (size_t)sysconf(_SC_PAGESIZE)};

	guard.room = (octets + guard.page) / guard.page * guard.page;
	guard.map = mmap(
		NULL, guard.room + 2 * guard.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(guard.map != MAP_FAILED);
	int failed = mprotect(guard.map + guard.page, guard.room, PROT_READ | PROT_WRITE);

	assert(failed == 0);
	(void)failed;
	return guard;
}

static inline void guard_free(struct guard *guard)
{
	munmap(guard->map, guard->room + 2 * guard->page);
}

// Room for `length` octets that begin right behind the first guard page.
static inline uint8_t *guard_begin(const struct guard *guard)
{
	return guard->map + guard->page;
}

// Room for `length` octets that end right before the second guard page.
static inline uint8_t *guard_end(const struct guard *guard, size_t length)
{
	return guard->map + guard->page + guard->room - length;
}
