// skew.c: the wall clock of a process, off by WEIR_SKEW_S seconds: preloaded by labs. The steady clock is left alone.

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

typedef int gettime(clockid_t clock, struct timespec *now);

// Whoever asks first may do so before any constructor of ours has run.
static gettime *real_gettime(void)
{
	static gettime *real;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	return real;
}

static time_t skew_s(void)
{
	static time_t skew;
	static int known;
	const char *text = known ? NULL : getenv("WEIR_SKEW_S");

	if (text != NULL)
		skew = strtol(text, NULL, 10);
	known = 1;
	return skew;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int status = real_gettime()(clock, now);

	if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += skew_s();
	return status;
}

time_t time(time_t *out)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}
