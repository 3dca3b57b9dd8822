#include "descriptors.h"

#include <sys/resource.h>

enum {
	DESCRIPTORS_SPARE = 256, // of everything that is no connection
};

void descriptors_raise(uint64_t connections)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)connections + DESCRIPTORS_SPARE;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}
