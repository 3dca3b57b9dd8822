#include "level.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static enum command_level level_of_group(const struct level_groups *groups, gid_t group)
{
	if ((int64_t)group == groups->admin)
		return COMMAND_ADMIN;
	if ((int64_t)group == groups->operator)
		return COMMAND_OPERATOR;
	return (int64_t)group == groups->view ? COMMAND_VIEW : COMMAND_NOBODY;
}

enum command_level level_of_user(
	const struct level_groups *groups, uid_t user, const gid_t *members, size_t count)
{
	enum command_level best = COMMAND_NOBODY;

	if (user == 0 || user == geteuid())
		return COMMAND_ADMIN;
	for (size_t i = 0; i < count; i++) {
		enum command_level level = level_of_group(groups, members[i]);

		if (level > best)
			best = level;
	}
	return best;
}

// Supplementary groups; NULL with *count 0 if there are none or they cannot be had.
static gid_t *socket_groups(int socket, size_t *count)
{
	socklen_t length = 0;
	gid_t *groups;

	*count = 0;
	// Too little room is answered with the room it takes.
	(void)getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &length);
	groups = length == 0 ? NULL : malloc(length);
	if (groups == NULL)
		return NULL;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &length) == 0)
		*count = length / sizeof(gid_t);
	return groups;
}

enum command_level level_of_socket(const struct level_groups *groups, int socket)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
		return COMMAND_NOBODY;

	size_t count;
	gid_t *members = socket_groups(socket, &count);
	enum command_level by_primary = level_of_user(groups, peer.uid, &peer.gid, 1);
	enum command_level by_others = level_of_user(groups, peer.uid, members, count);

	free(members);
	return by_primary > by_others ? by_primary : by_others;
}
