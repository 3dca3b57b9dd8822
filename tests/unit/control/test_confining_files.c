// Which files weir-control may use when it runs, and which of a superuser's rights it keeps.

#include "sandbox/file_rules.h"
#include "sandbox/privileges.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHILD_NOT_CLOSED = 100, // the sandbox could not be entered
};

static int await(pid_t child)
{
	int status;

	cr_assert(child > 0 && waitpid(child, &status, 0) == child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static char folder[] = "/tmp/weir-confining-XXXXXX";

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static bool can_open(const char *name, int flags)
{
	int file = open(path_of(name), flags | O_CLOEXEC, 0600);

	if (file >= 0)
		close(file);
	return file >= 0 || errno != EACCES;
}

static int files_use(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!can_open("read/file", O_RDONLY) || can_open("read/file", O_RDWR)
		|| can_open("read/new", O_WRONLY | O_CREAT))
		return 1;
	// The link leads out of its folder, as those of tools that renew certificates do.
	if (!can_open("live/link", O_RDONLY) || !can_open("archive/file", O_RDONLY))
		return 2;
	if (!can_open("keep/new", O_RDWR | O_CREAT | O_TRUNC)
		|| rename(path_of("keep/new"), path_of("keep/old")) != 0
		|| unlink(path_of("keep/old")) != 0)
		return 3;
	if (can_open("other/file", O_RDONLY) || unlink(path_of("other/file")) == 0
		|| can_open("meet/file", O_WRONLY | O_CREAT))
		return 4;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/meet/socket", folder);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0
		|| unlink(address.sun_path) != 0)
		return 5;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/read/socket", folder);
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 6 : 0;
}

static int rules_make(struct file_rules *rules)
{
	int status = file_rules_add(rules, path_of("read"), FILE_READ);

	if (status == 0)
		status = file_rules_add_folder_of(rules, path_of("live/link"), FILE_READ);
	if (status == 0)
		status = file_rules_add(rules, path_of("keep"), FILE_KEEP);
	if (status == 0)
		status = file_rules_add_folder_of(rules, path_of("meet/socket"), FILE_MEET);
	if (status == 0)
		status = file_rules_add(rules, NULL, FILE_READ);
	return status == 0 ? file_rules_add(rules, path_of("missing"), FILE_READ) : status;
}

static void folders_make(void)
{
	static const char *const names[] = {"read", "live", "archive", "keep", "meet", "other"};

	cr_assert(ne(ptr, mkdtemp(folder), NULL));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert(eq(int, mkdir(path_of(names[i]), 0700), 0));
	cr_assert(can_open("read/file", O_WRONLY | O_CREAT));
	cr_assert(can_open("archive/file", O_WRONLY | O_CREAT));
	cr_assert(can_open("other/file", O_WRONLY | O_CREAT));
	cr_assert(eq(int, symlink("../archive/file", path_of("live/link")), 0));
}

static void folders_remove(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert(eq(int, system(command), 0));
}

Test(confining_files, opens_files_of_the_folders_named_for_the_use_named)
{
	folders_make();
	pid_t child = fork();

	if (child == 0) {
		struct file_rules rules = {0};

		if (rules_make(&rules) != 0 || file_rules_enforce(&rules) != 0)
			_exit(CHILD_NOT_CLOSED);
		file_rules_free(&rules);
		_exit(files_use());
	}
	int result = await(child);

	folders_remove();
	cr_assert(eq(int, result, 0));
}

// --- Capabilities ---

static uint64_t capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};

	(void)syscall(SYS_capget, &header, sets);
	return (uint64_t)sets[1].permitted << 32 | sets[0].permitted;
}

static const uint64_t for_sockets = 1 << CAP_NET_BIND_SERVICE | 1 << CAP_NET_ADMIN;
static const uint64_t for_root = 1 << CAP_CHOWN | 1 << CAP_DAC_OVERRIDE;

static int become_nobody(void)
{
	if (privileges_become("nobody") != 0 || geteuid() == 0 || setuid(0) == 0)
		return 1;
	if (privileges_reduce() != 0 || (capabilities() & ~for_sockets) != 0)
		return 2;
	privileges_hide_memory();
	return prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

static int stay_root(void)
{
	return privileges_reduce() != 0 || (capabilities() & ~(for_sockets | for_root)) != 0;
}

static int be_nobody_known(void)
{
	return privileges_become("no such user") == -ENOENT ? 0 : 1;
}

static int run_free(int (*act)(void))
{
	pid_t child = fork();

	if (child == 0)
		_exit(act());
	return await(child);
}

Test(confining_files, keeps_of_a_superusers_rights_those_for_its_sockets)
{
	cr_assert(eq(int, run_free(stay_root), 0));
	cr_assert(eq(int, run_free(be_nobody_known), 0));
	// Others cannot become anybody.
	if (geteuid() == 0)
		cr_assert(eq(int, run_free(become_nobody), 0));
}
