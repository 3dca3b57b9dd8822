#include "rows.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	LINE = 64,
	WORDS = LINE / sizeof(uint64_t),
	SHIFT_MAX = 30, // 1 GiB
	SHIFT_MIN = 26, // less would measure caches
};

struct loads {
	uint64_t (*lines)
		[WORDS]; // the first word of each names another line: all of them are one cycle
	uint64_t count; // a power of two
	uint64_t at;
	uint64_t random;
	unsigned users;
};

// Both rows that load share one memory.
static struct loads loads;

// A full cycle of all lines (Hull and Dobell 1962) whose order no prefetcher follows from page to page.
static uint64_t line_next(uint64_t line)
{
	return (line * 0x5851f42d4c957f2d + 0x14057b7ef767814f) & (loads.count - 1);
}

static int lines_map(unsigned shift)
{
	loads.count = (UINT64_C(1) << shift) / LINE;
	loads.lines = mmap(NULL, loads.count * LINE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (loads.lines == MAP_FAILED)
		return -errno;
	for (uint64_t line = 0; line < loads.count; line++)
		loads.lines[line][0] = line_next(line);
	return 0;
}

// At most half of what is free, so that measuring puts nobody else out of memory.
static unsigned memory_shift(void)
{
	uint64_t free_octets =
		(uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned shift = SHIFT_MAX;

	while (shift >= SHIFT_MIN && (UINT64_C(1) << shift) > free_octets / 2)
		shift--;
	return shift;
}

void *loads_setup(void)
{
	unsigned shift = memory_shift();
	int error = 0;

	if (loads.users == 0)
		error = shift < SHIFT_MIN ? -ENOMEM : lines_map(shift);
	if (error != 0) {
		errno = -error;
		return NULL;
	}
	loads.users++;
	return &loads;
}

void loads_run(void *state, uint64_t rounds)
{
	uint64_t sum = 0;

	for (; rounds > 0; rounds--) {
		uint64_t lines[LOADS_BATCH];

		for (unsigned i = 0; i < LOADS_BATCH; i++) {
			loads.random = loads.random * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
			lines[i] = loads.random >> 33 & (loads.count - 1);
			__builtin_prefetch(loads.lines[lines[i]]);
		}
		for (unsigned i = 0; i < LOADS_BATCH; i++)
			sum += loads.lines[lines[i]][0];
	}
	measure_keep(sum);
}

void loads_dependent_run(void *state, uint64_t rounds)
{
	for (uint64_t left = rounds * LOADS_BATCH; left > 0; left--)
		loads.at = loads.lines[loads.at][0];
	measure_keep(loads.at);
}

void loads_teardown(void *state)
{
	if (--loads.users == 0)
		munmap(loads.lines, loads.count * LINE);
}

uint64_t loads_octets(void)
{
	return loads.count * LINE;
}
