// privileges.c: capabilities belong to threads, and a thread can give up its own alone.
//
// libpsx reaches threads that were made through it; those of DPDK are made by a shared library. So each thread is told by a signal,
// as the C library does it for user ids, until /proc says that none is left.

#include "privileges.h"

#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	PRIVILEGES_ROUNDS = 1000, // of a millisecond
	PRIVILEGES_LINE = 256,
};

static int self_drop(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

// In the thread that is to lose them. Whether it did is read from /proc.
static void told(int signal)
{
	int kept = errno;

	(void)signal;
	(void)self_drop();
	errno = kept;
}

// "CapPrm:\t00000000a80425fb" of a thread that may still do something.
static bool line_is_privilege(const char *line)
{
	if (strncmp(line, "CapPrm:", 7) == 0)
		return strtoull(line + 7, NULL, 16) != 0;
	return strncmp(line, "NoNewPrivs:", 11) == 0 && strtoul(line + 11, NULL, 10) == 0;
}

// A thread that is gone has none.
static bool thread_is_privileged(const char *thread)
{
	char path[PRIVILEGES_LINE + 64];
	char line[PRIVILEGES_LINE];
	bool privileged = false;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", thread);
	FILE *status = fopen(path, "re");

	if (status == NULL)
		return false;
	while (fgets(line, sizeof(line), status) != NULL)
		privileged |= line_is_privilege(line);
	fclose(status);
	return privileged;
}

// How many threads have some left; they are told. A negative errno: nobody knows.
static int threads_tell(int signal)
{
	DIR *threads = opendir("/proc/self/task");
	const struct dirent *thread;
	int left = 0;

	if (threads == NULL)
		return -errno;
	while ((thread = readdir(threads)) != NULL) {
		if (thread->d_name[0] == '.' || !thread_is_privileged(thread->d_name))
			continue;
		left++;
		(void)syscall(
			SYS_tgkill, getpid(), (pid_t)strtol(thread->d_name, NULL, 10), signal);
	}
	closedir(threads);
	return left;
}

static int threads_await(int signal)
{
	const struct timespec pause = {.tv_nsec = 1000 * 1000};

	for (unsigned round = 0; round < PRIVILEGES_ROUNDS; round++) {
		int left = threads_tell(signal);

		if (left <= 0)
			return left;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

int privileges_drop(void)
{
	struct sigaction action = {.sa_handler = told, .sa_flags = SA_RESTART};
	struct sigaction before;
	int error = self_drop();

	if (error < 0)
		return error;
	if (sigaction(SIGRTMIN, &action, &before) < 0)
		return -errno;
	error = threads_await(SIGRTMIN);
	// Told twice, a thread may hear the second time only now: then it must not die of it.
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGRTMIN, before.sa_handler == SIG_DFL ? &action : &before, NULL);
	return error;
}
