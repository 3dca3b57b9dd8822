// level.h: what whoever is at the other end of a unix socket may do, by the credentials that the kernel vouches for.

#pragma once

#include "../command/command.h"

#include <sys/types.h>

enum {
	LEVEL_NO_GROUP = -1,
};

// Group ids, or LEVEL_NO_GROUP.
struct level_groups {
	int64_t admin;
	int64_t operator;
	int64_t view;
};

// Root and the process's own user are admins; everybody else is what the best of their groups gives.
[[nodiscard]] enum command_level level_of_user(
	const struct level_groups *groups, uid_t user, const gid_t *members, size_t count);
// The same for a connected socket.
[[nodiscard]] enum command_level level_of_socket(const struct level_groups *groups, int socket);
