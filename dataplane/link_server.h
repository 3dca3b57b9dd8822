// link_server.h: listens for weir-control, one at a time, and keeps the dataplane running while none is there.

#pragma once

#include "link_setup.h"

#include <sys/un.h>

struct confinement;
struct plane;

struct link_server {
	struct sockaddr_un address;
	int listener;
	int connection; // -1: none
	uint64_t deadline_us; // set-up must be over by then
	struct plane *plane; // NULL: not configured yet
	// What the process gives up; NULL: nothing. Whoever opens the server may set it.
	const struct confinement *confinement;
	bool spent; // DPDK has been started, or has failed to start: once in a process
	struct link_setup setup;
};

enum {
	LINK_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
};

// Listens at path, at most LINK_PATH_MAX octets. 0 or a negative errno: -EADDRINUSE: another dataplane listens there. A socket
// that a dead one left behind is replaced.
[[nodiscard]] int link_server_open(const char *path, struct link_server **server);
// Serves controls until stop becomes readable. 0 or a negative errno; -ENOTRECOVERABLE: a device could not be used, which control
// was told, and DPDK cannot be started anew in this process.
[[nodiscard]] int link_server_run(struct link_server *server, int stop);
// Ends the threads, closes all sockets and removes the path.
void link_server_close(struct link_server *server);
