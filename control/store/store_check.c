// store_check.c: whether the file of an earlier process may be used.

#include "store_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PATH_MAX_OCTETS = 512,
	CHILD_SECONDS_MAX = 60,
};

const char *store_health_text(enum store_health health)
{
	static const char *const TEXTS[] = {
		[STORE_SOUND] = "sound",
		[STORE_DAMAGED] = "damaged",
		[STORE_CRASHED] = "so damaged that reading it crashes",
		[STORE_FOREIGN] = "of another edge or version",
	};

	return TEXTS[health];
}

struct check {
	uint8_t edge;
	bool foreign;
};

static void check_record(void *context, const struct flow_record *record)
{
	struct check *check = context;

	check->foreign |= record->id.edge != check->edge;
}

static void check_note(void *context, uint32_t key, struct span octets)
{
}

// In the child.
static enum store_health file_judge(const char *path, uint8_t edge)
{
	struct store_file file = {0};
	struct store_facts facts;
	struct check check = {.edge = edge};
	int status = store_file_open_read(&file, path);

	if (status == MDB_NOTFOUND || status == -ENOENT)
		return STORE_SOUND; // begun and never written
	if (status != 0)
		return status == MDB_VERSION_MISMATCH ? STORE_FOREIGN : STORE_DAMAGED;
	status = store_file_read_facts(&file, &facts);
	if (status == 0)
		status = store_file_read(&file, check_record, &check);
	if (status == 0)
		status = store_file_read_notes(&file, check_note, NULL);
	if (status == MDB_VERSION_MISMATCH
		|| (status == 0 && facts.edge != 0 && facts.edge != edge))
		return STORE_FOREIGN;
	if (status != 0)
		return STORE_DAMAGED;
	return check.foreign ? STORE_FOREIGN : STORE_SOUND;
}

static void file_path(const char *path, const char *name, char *out)
{
	snprintf(out, PATH_MAX_OCTETS, "%s/%s", path, name);
}

// A file that this user may not write, as one that was once started as another user leaves, is not damaged.
static int file_may_be_used(const char *path, const char *name)
{
	char file[PATH_MAX_OCTETS];

	file_path(path, name, file);
	return access(file, R_OK | W_OK) == 0 ? 0 : -errno;
}

static int child_await(pid_t child, enum store_health *health)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	*health = WIFEXITED(status) && WEXITSTATUS(status) <= STORE_FOREIGN
		? (enum store_health)WEXITSTATUS(status)
		: STORE_CRASHED;
	return 0;
}

int store_file_check(const char *path, uint8_t edge, enum store_health *health)
{
	int status = file_may_be_used(path, "data.mdb");

	*health = STORE_SOUND;
	if (status == -ENOENT)
		return 0;
	if (status == 0)
		status = file_may_be_used(path, "lock.mdb");
	if (status != 0 && status != -ENOENT)
		return status;
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		alarm(CHILD_SECONDS_MAX); // a damaged tree may also be an endless one
		_exit((int)file_judge(path, edge));
	}
	return child_await(child, health);
}

int store_file_set_aside(const char *path, char *aside, size_t size)
{
	char data[PATH_MAX_OCTETS];
	char lock[PATH_MAX_OCTETS];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	file_path(path, "data.mdb", data);
	file_path(path, "lock.mdb", lock);
	snprintf(aside, size, "%s/damaged-%lld.mdb", path, (long long)now.tv_sec);
	if (rename(data, aside) != 0)
		return -errno;
	unlink(lock);
	return 0;
}
