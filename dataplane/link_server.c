// link_server.c: the process outside of its threads.

#include "link_server.h"

#include "clock.h"
#include "devices.h"
#include "launch.h"
#include "log.h"
#include "plane.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LINK_SETUP_US = 10 * 1000
		* 1000, // set-up takes milliseconds; somebody who is silent for so long is not control
	LINK_GREETING_MS = 200, // time for a second control to say HELLO, before it is turned away
	LINK_BACKLOG = 4,
};

// --- One control ---

static int session_announce(struct link_server *server, const struct session *session)
{
	int descriptors[SETUP_DESCRIPTORS_MAX] = {session->memfd};
	uint32_t count = 1;

	for (uint32_t lane = 0; lane < session_lanes(session); lane++)
		descriptors[count++] = session->wakeups[lane];
	descriptors[count++] = server->plane->keeper.wakeup;
	for (uint32_t i = 0; i < server->plane->worker_count; i++)
		descriptors[count++] = server->plane->worker[i].wakeup;
	return setup_send(server->connection, LINK_UP, span_of(NULL, 0), descriptors, count);
}

// The threads have the rings before control has: what it writes first is read.
static enum link_step session_begin(struct link_server *server, struct link_failed *failed)
{
	struct session *session;
	int error =
		session_new(server->plane->worker_count, server->plane->config.streams, &session);

	if (error < 0)
		return link_setup_refuse(
			failed, -error, LINK_SETUP_NO_LISTENER, "no shared memory for the link");
	struct session *before = plane_attach(server->plane, session);

	assert(before == NULL);
	(void)before;
	if (session_announce(server, session) < 0)
		return LINK_STEP_CLOSE;
	server->setup.phase = LINK_SETUP_UP;
	log_say(NULL, "control connected, %u workers, %u listeners", server->plane->worker_count,
		server->setup.listener_count);
	return LINK_STEP_WAIT;
}

static enum link_step start_take(struct link_server *server, struct link_failed *failed)
{
	if (server->plane == NULL) {
		enum link_step step = launch_plane(&server->setup, server->confinement,
			&server->spent, &server->plane, failed);

		if (step != LINK_STEP_WAIT)
			return step;
		link_setup_mark_running(&server->setup);
	}
	return session_begin(server, failed);
}

static void session_end(struct link_server *server)
{
	if (server->plane != NULL)
		session_release(plane_attach(server->plane, NULL));
}

static void connection_end(struct link_server *server)
{
	if (server->setup.phase == LINK_SETUP_UP)
		log_say(NULL, "control is gone: forwarding goes on without it");
	session_end(server);
	close(server->connection);
	server->connection = -1;
	link_setup_end(&server->setup);
}

// Tells control why, and waits for it to go: a socket closed with packets unread would take the answer away from it.
static void connection_refuse(struct link_server *server, const struct link_failed *failed)
{
	log_say("E-LINK-REFUSED", "control was refused: %s: %s", failed->what,
		strerror(failed->error));
	server->setup.phase = LINK_SETUP_FAILED;
	if (setup_send(server->connection, LINK_FAILED, span_of(failed, sizeof(*failed)), NULL, 0)
		< 0)
		connection_end(server);
}

// False: no packet is there, or no connection any more.
static bool packet_take(struct link_server *server)
{
	struct setup_packet packet;
	struct link_failed failed;
	enum link_step step;
	int status = setup_receive(server->connection, &packet);

	if (status == -EAGAIN)
		return false;
	if (status != 1) {
		connection_end(server);
		return false;
	}
	step = link_setup_take(&server->setup, server->connection, &packet, &failed);
	setup_close(&packet);
	if (step == LINK_STEP_BEGIN)
		step = start_take(server, &failed);
	if (step == LINK_STEP_REFUSE)
		connection_refuse(server, &failed);
	else if (step == LINK_STEP_CLOSE)
		connection_end(server);
	return server->connection >= 0;
}

static void second_refuse(int connection)
{
	const struct timeval patience = {.tv_usec = LINK_GREETING_MS * 1000};
	struct setup_packet packet;
	struct link_failed failed;

	(void)link_setup_refuse(
		&failed, EBUSY, LINK_SETUP_NO_LISTENER, "another weir-control is connected");
	if (setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0
		&& setup_receive(connection, &packet) == 1)
		setup_close(&packet);
	if (setup_send(connection, LINK_FAILED, span_of(&failed, sizeof(failed)), NULL, 0) == 0)
		log_say("W-LINK-SECOND",
			"a second control was turned away: one is connected already");
	close(connection);
}

static void connection_accept(struct link_server *server)
{
	int flags = SOCK_CLOEXEC | (server->connection < 0 ? SOCK_NONBLOCK : 0);
	int connection = accept4(server->listener, NULL, NULL, flags);

	if (connection < 0)
		return;
	if (server->connection >= 0) {
		second_refuse(connection);
		return;
	}
	server->connection = connection;
	server->deadline_us = clock_us() + LINK_SETUP_US;
	link_setup_begin(&server->setup);
}

// --- The loop ---

enum server_descriptor {
	SERVER_STOP,
	SERVER_LISTENER,
	SERVER_CONNECTION,
	SERVER_BROKEN,
	SERVER_DESCRIPTORS,
};

static bool setup_is_late(const struct link_server *server)
{
	return server->connection >= 0 && server->setup.phase != LINK_SETUP_UP
		&& clock_us() >= server->deadline_us;
}

static int server_timeout_ms(const struct link_server *server)
{
	bool setting_up = server->connection >= 0 && server->setup.phase != LINK_SETUP_UP;

	return setting_up ? LINK_SETUP_US / 1000 : -1;
}

static void session_end_broken(struct link_server *server)
{
	const struct session *session = plane_session(server->plane);
	eventfd_t ignored;

	(void)eventfd_read(server->plane->broken, &ignored);
	if (session == NULL || !atomic_load_explicit(&session->broken, memory_order_acquire))
		return;
	log_say("E-LINK-BROKEN", "control broke a ring of the link: the link is ended");
	connection_end(server);
}

static void server_turn(struct link_server *server, const struct pollfd *polled)
{
	if (polled[SERVER_BROKEN].revents != 0)
		session_end_broken(server);
	if (polled[SERVER_CONNECTION].revents != 0 && server->connection >= 0)
		while (packet_take(server))
			;
	if (setup_is_late(server))
		connection_end(server);
	if (polled[SERVER_LISTENER].revents != 0)
		connection_accept(server);
}

// DPDK starts once in a process; what came of it was told, and heard: control is gone.
static bool server_is_useless(const struct link_server *server)
{
	return server->spent && server->plane == NULL && server->connection < 0;
}

int link_server_run(struct link_server *server, int stop)
{
	for (;;) {
		struct pollfd polled[SERVER_DESCRIPTORS] = {
			[SERVER_STOP] = {stop, POLLIN, 0},
			[SERVER_LISTENER] = {server->listener, POLLIN, 0},
			[SERVER_CONNECTION] = {server->connection, POLLIN, 0},
			[SERVER_BROKEN] = {server->plane == NULL ? -1 : server->plane->broken,
				POLLIN, 0},
		};

		if (poll(polled, SERVER_DESCRIPTORS, server_timeout_ms(server)) < 0
			&& errno != EINTR)
			return -errno;
		if (polled[SERVER_STOP].revents != 0)
			return 0;
		server_turn(server, polled);
		if (server_is_useless(server))
			return -ENOTRECOVERABLE;
	}
}

// --- The socket ---

// 0 or a negative errno: somebody listens there.
static int path_probe(const struct sockaddr_un *address)
{
	int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (probe < 0)
		return -errno;
	error = connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0
			|| errno != ECONNREFUSED
		? -EADDRINUSE
		: 0;
	close(probe);
	return error;
}

// A socket that nobody listens on was left behind by a dead process; what is no socket is not ours to remove.
static int path_clear(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EADDRINUSE;
	int error = path_probe(address);

	if (error < 0)
		return error;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int server_listen(struct link_server *server)
{
	const struct sockaddr *address = (const struct sockaddr *)&server->address;
	int error = path_clear(&server->address);

	if (error < 0)
		return error;
	if (bind(server->listener, address, sizeof(server->address)) < 0)
		return -errno;
	// Whoever may connect may take every call: its owner and group alone.
	if (chmod(server->address.sun_path, 0660) < 0
		|| listen(server->listener, LINK_BACKLOG) < 0) {
		error = -errno;
		unlink(server->address.sun_path);
	}
	return error;
}

int link_server_open(const char *path, struct link_server **server)
{
	struct link_server *created;
	int error;

	if (strlen(path) > LINK_PATH_MAX)
		return -ENAMETOOLONG;
	created = calloc(1, sizeof(*created));
	if (created == NULL)
		return -ENOMEM;
	created->connection = -1;
	created->address.sun_family = AF_UNIX;
	memcpy(created->address.sun_path, path, strlen(path));
	link_setup_init(&created->setup, clock_wall_ns());
	created->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (created->listener < 0) {
		error = -errno;
		goto free_server;
	}
	error = server_listen(created);
	if (error < 0)
		goto close_listener;
	*server = created;
	return 0;

close_listener:
	close(created->listener);
free_server:
	free(created);
	return error;
}

static void plane_end(struct link_server *server)
{
	session_end(server);
	launch_end(server->plane);
	// Now nobody runs on the sockets: link_setup_end() closes them.
	server->setup.running = false;
}

void link_server_close(struct link_server *server)
{
	unlink(server->address.sun_path);
	close(server->listener);
	if (server->plane != NULL)
		plane_end(server);
	if (server->connection >= 0)
		close(server->connection);
	link_setup_end(&server->setup);
	if (server->spent)
		devices_close();
	free(server);
}
