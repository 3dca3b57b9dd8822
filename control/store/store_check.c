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

static void data_path(const char *path, char *out)
{
	snprintf(out, PATH_MAX_OCTETS, "%s/data.mdb", path);
}

enum store_health store_file_check(const char *path, uint8_t edge)
{
	char data[PATH_MAX_OCTETS];
	int status;

	data_path(path, data);
	if (access(data, F_OK) != 0)
		return STORE_SOUND;
	pid_t child = fork();
	if (child < 0)
		return STORE_DAMAGED;
	if (child == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		alarm(CHILD_SECONDS_MAX); // a damaged tree may also be an endless one
		_exit((int)file_judge(path, edge));
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return STORE_DAMAGED;
	return WIFEXITED(status) ? (enum store_health)WEXITSTATUS(status) : STORE_CRASHED;
}

int store_file_set_aside(const char *path, char *aside, size_t size)
{
	char data[PATH_MAX_OCTETS];
	char lock[PATH_MAX_OCTETS];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	data_path(path, data);
	snprintf(aside, size, "%s/damaged-%lld.mdb", path, (long long)now.tv_sec);
	snprintf(lock, sizeof(lock), "%s/lock.mdb", path);
	if (rename(data, aside) != 0)
		return -errno;
	unlink(lock);
	return 0;
}
