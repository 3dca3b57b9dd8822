// file_rules.h: which files weir-control may still use once it runs (Landlock).
//
// Rules bind to what a name means when they are made: a folder that is put in place of another later is another one.

#pragma once

#include <stddef.h>

enum file_use {
	FILE_READ, // a file, or all that lies in a folder
	FILE_KEEP, // a folder whose files are made, written, renamed and removed
	FILE_MEET, // a folder whose sockets are made and removed
};

struct file_rule {
	char *path; // the list's; what is not there is passed by
	enum file_use use;
};

struct file_rules {
	struct file_rule *items;
	size_t count;
};

// 0 or -ENOMEM. path is copied; NULL is passed by.
[[nodiscard]] int file_rules_add(struct file_rules *rules, const char *path, enum file_use use);
// The folder of a file that may be replaced by another of its name; and, where the file is a link, the folder that it leads into.
[[nodiscard]] int file_rules_add_folder_of(
	struct file_rules *rules, const char *path, enum file_use use);
void file_rules_free(struct file_rules *rules);
// For this thread and those that it starts. 0; -ENOSYS or -EOPNOTSUPP: the kernel has no Landlock, nothing was closed; or another
// negative errno.
[[nodiscard]] int file_rules_enforce(const struct file_rules *rules);
