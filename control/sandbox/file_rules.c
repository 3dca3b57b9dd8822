#include "file_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	// Every right of the first version is a bit from 0 on; later ones add theirs, and a kernel refuses bits that it does not know.
	RIGHTS_FIRST = 13,
	VERSION_REFER = 2,
	VERSION_TRUNCATE = 3,
	VERSION_IOCTL = 5,
};

// Of the third version; older headers lack it.
static const uint64_t right_truncate = UINT64_C(1) << 14;

// What one use takes of a file, and of a folder besides.
static const struct {
	uint64_t file;
	uint64_t folder;
} uses[] = {
	[FILE_READ] = {LANDLOCK_ACCESS_FS_READ_FILE, LANDLOCK_ACCESS_FS_READ_DIR},
	[FILE_KEEP] = {LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE
			| right_truncate,
		LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_REG
			| LANDLOCK_ACCESS_FS_REMOVE_FILE},
	[FILE_MEET] = {0, LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE},
};

int file_rules_add(struct file_rules *rules, const char *path, enum file_use use)
{
	if (path == NULL)
		return 0;
	struct file_rule *items =
		reallocarray(rules->items, rules->count + 1, sizeof(*rules->items));

	if (items == NULL)
		return -ENOMEM;
	rules->items = items;
	items[rules->count].path = strdup(path);
	items[rules->count].use = use;
	if (items[rules->count].path == NULL)
		return -ENOMEM;
	rules->count++;
	return 0;
}

static int folder_add(struct file_rules *rules, const char *path, enum file_use use)
{
	char *copy = strdup(path);
	int status = copy == NULL ? -ENOMEM : file_rules_add(rules, dirname(copy), use);

	free(copy);
	return status;
}

int file_rules_add_folder_of(struct file_rules *rules, const char *path, enum file_use use)
{
	if (path == NULL)
		return 0;
	int status = folder_add(rules, path, use);
	char *real = status == 0 ? realpath(path, NULL) : NULL;

	if (real != NULL)
		status = folder_add(rules, real, use);
	free(real);
	return status;
}

void file_rules_free(struct file_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free(rules->items[i].path);
	free(rules->items);
	*rules = (struct file_rules){0};
}

static uint64_t rights_of(long version)
{
	unsigned count = RIGHTS_FIRST + (version >= VERSION_REFER) + (version >= VERSION_TRUNCATE)
		+ (version >= VERSION_IOCTL);

	return (UINT64_C(1) << count) - 1;
}

static int rule_enforce(int ruleset, const struct file_rule *rule, uint64_t known)
{
	struct landlock_path_beneath_attr beneath = {
		.parent_fd = open(rule->path, O_PATH | O_CLOEXEC)};
	struct stat status;
	int error = 0;

	if (beneath.parent_fd < 0)
		return 0; // whoever needs it says so
	if (fstat(beneath.parent_fd, &status) < 0)
		error = -errno;
	beneath.allowed_access = known
		& (uses[rule->use].file | (S_ISDIR(status.st_mode) ? uses[rule->use].folder : 0));
	if (error == 0 && beneath.allowed_access != 0
		&& syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0)
			< 0)
		error = -errno;
	close(beneath.parent_fd);
	return error;
}

int file_rules_enforce(const struct file_rules *rules)
{
	long version = syscall(
		SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

	if (version < 0)
		return -errno;
	struct landlock_ruleset_attr rights = {.handled_access_fs = rights_of(version)};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof(rights), 0);
	int error = 0;

	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; i < rules->count && error == 0; i++)
		error = rule_enforce(ruleset, &rules->items[i], rights.handled_access_fs);
	if (error == 0
		&& (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
			|| syscall(SYS_landlock_restrict_self, ruleset, 0) < 0))
		error = -errno;
	close(ruleset);
	return error;
}
