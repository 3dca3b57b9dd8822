#include "admin.h"

#include "session.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 16,
};

struct admin {
	struct admin_options options;
	struct evconnlistener *listener;
	struct sockaddr_un address;
	struct session *sessions[ADMIN_SESSIONS_MAX];
};

static void session_ended(void *context, struct session *session)
{
	struct admin *admin = context;

	for (size_t i = 0; i < ADMIN_SESSIONS_MAX; i++)
		if (admin->sessions[i] == session)
			admin->sessions[i] = NULL;
}

static struct session **free_place(struct admin *admin)
{
	for (size_t i = 0; i < ADMIN_SESSIONS_MAX; i++)
		if (admin->sessions[i] == NULL)
			return &admin->sessions[i];
	return NULL;
}

static void refuse(struct admin *admin, evutil_socket_t socket, const char *why)
{
	log_event(admin->options.log, LOG_LEVEL_WARNING, "admin-refused", LOG_TEXT("why", why));
	close(socket);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t socket,
	struct sockaddr *address, int length, void *context)
{
	struct admin *admin = context;
	struct session **place = free_place(admin);
	enum command_level level = level_of_socket(&admin->options.groups, socket);

	if (level == COMMAND_NOBODY)
		refuse(admin, socket, "in none of the groups of 'admin'");
	else if (place == NULL)
		refuse(admin, socket, "too many connections");
	else
		*place = session_open(&admin->options, socket, level, session_ended, admin);
}

// A socket that nobody listens on is left over from a process that was killed.
static int path_clear(const struct sockaddr_un *address)
{
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int status;

	if (probe < 0)
		return -errno;
	status =
		connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	close(probe);
	if (status == 0)
		return -EADDRINUSE;
	if (status == ENOENT)
		return 0;
	if (status != ECONNREFUSED)
		return -status;
	return unlink(address->sun_path) == 0 ? 0 : -errno;
}

// With one group the file itself keeps others out; with several it cannot, and level_of_socket() does.
static int path_permit(const char *path, const struct level_groups *groups)
{
	bool several = groups->operator!= LEVEL_NO_GROUP || groups->view != LEVEL_NO_GROUP;
	mode_t mode = S_IRUSR | S_IWUSR;

	if (several)
		mode |= S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH;
	else if (groups->admin != LEVEL_NO_GROUP)
		mode |= S_IRGRP | S_IWGRP;
	if (!several && groups->admin != LEVEL_NO_GROUP
		&& chown(path, (uid_t)-1, (gid_t)groups->admin) != 0)
		return -errno;
	return chmod(path, mode) == 0 ? 0 : -errno;
}

// The socket is made for its owner alone; path_permit() opens it to others.
static int socket_open(const struct admin_options *options, const struct sockaddr_un *address)
{
	int status = path_clear(address);
	int socket_ = -1;
	mode_t before;

	if (status != 0)
		return status;
	socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (socket_ < 0)
		return -errno;
	before = umask(S_IRWXG | S_IRWXO);
	status =
		bind(socket_, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
	umask(before);
	if (status != 0)
		goto close_socket;
	status = path_permit(address->sun_path, &options->groups);
	if (status != 0)
		goto unlink_path;
	return socket_;

unlink_path:
	unlink(address->sun_path);
close_socket:
	close(socket_);
	return status;
}

int admin_open(const struct admin_options *options, struct admin **out)
{
	struct admin *admin = calloc(1, sizeof(*admin));
	size_t length = strlen(options->path);
	int socket;

	if (admin == NULL)
		return -ENOMEM;
	admin->options = *options;
	admin->address.sun_family = AF_UNIX;
	if (length >= sizeof(admin->address.sun_path)) {
		free(admin);
		return -ENAMETOOLONG;
	}
	memcpy(admin->address.sun_path, options->path, length);
	socket = socket_open(options, &admin->address);
	if (socket < 0) {
		free(admin);
		return socket;
	}
	admin->listener = evconnlistener_new(options->base, accepted, admin,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, socket);
	if (admin->listener == NULL) {
		close(socket);
		unlink(admin->address.sun_path);
		free(admin);
		return -ENOMEM;
	}
	*out = admin;
	return 0;
}

void admin_close(struct admin *admin)
{
	evconnlistener_free(admin->listener);
	unlink(admin->address.sun_path);
	for (size_t i = 0; i < ADMIN_SESSIONS_MAX; i++)
		if (admin->sessions[i] != NULL)
			session_close(admin->sessions[i]);
	free(admin);
}
