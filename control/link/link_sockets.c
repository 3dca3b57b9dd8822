#include "../base/sockaddr.h"
#include "link_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	RECEIVE_BUFFER = 8 << 20, // what may queue while a dead dataplane is started again
};

// A tap that carries the address comes into being with the dataplane, after its guard sockets.
static bool address_comes_later(
	const struct link_client *client, const struct link_listener *listener)
{
	return listener->driver == LINK_DRIVER_DPDK
		&& client->options.devices[listener->device].exception == LINK_EXCEPTION_TAP;
}

// Edges know each other by their peer listeners: those do not move.
static bool address_may_be_away(
	const struct link_client *client, const struct link_listener *listener)
{
	return address_comes_later(client, listener)
		|| (client->options.config.takeover != 0 && listener->side != SIDE_PEER);
}

static void socket_let_bind(int fd, const struct link_listener *listener)
{
	int on = 1;

	if (listener->address.family == ENDPOINT_V6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
}

static void socket_widen(int fd)
{
	int buffer = RECEIVE_BUFFER;

	// SO_RCVBUFFORCE needs CAP_NET_ADMIN; without it the system's limit holds.
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
}

static int socket_open(const struct link_client *client, const struct link_listener *listener)
{
	struct sockaddr_storage address;
	socklen_t length = sockaddr_write(&listener->address, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -errno;
	if (listener->address.family == ENDPOINT_V6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (address_may_be_away(client, listener))
		socket_let_bind(fd, listener);
	if (listener->driver == LINK_DRIVER_SOCKET) // a guard socket receives nothing
		socket_widen(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0
		&& bind(fd, (struct sockaddr *)&address, length) == 0)
		return fd;
	int status = -errno;
	close(fd);
	return status;
}

// Without SO_REUSEPORT, to find out whether anybody else has the address: with it, a stranger's socket would share our traffic.
static int address_probe(const struct link_client *client, const struct link_listener *listener)
{
	struct sockaddr_storage address;
	socklen_t length = sockaddr_write(&listener->address, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (address_may_be_away(client, listener))
		socket_let_bind(fd, listener);
	int status = bind(fd, (struct sockaddr *)&address, length) == 0 ? 0 : -errno;

	close(fd);
	return status;
}

static int listener_open(struct link_client *client, unsigned index)
{
	const struct link_listener *listener = &client->options.listeners[index];
	int status = address_probe(client, listener);

	for (unsigned worker = 0; status == 0 && worker < client->options.config.workers;
		worker++) {
		int fd = socket_open(client, listener);
		if (fd < 0)
			status = fd;
		else
			client->sockets[index][worker] = fd;
	}
	return status;
}

// One socket for each worker and no more: the kernel would give its share to a socket that nobody reads.
static bool listener_is_open(const struct link_client *client, unsigned index)
{
	for (unsigned worker = 0; worker < LINK_WORKERS_MAX; worker++)
		if ((client->sockets[index][worker] >= 0)
			!= (worker < client->options.config.workers))
			return false;
	return true;
}

static void listener_close(struct link_client *client, unsigned index)
{
	for (unsigned worker = 0; worker < LINK_WORKERS_MAX; worker++) {
		if (client->sockets[index][worker] >= 0)
			close(client->sockets[index][worker]);
		client->sockets[index][worker] = -1;
	}
}

// The dataplane that handed sockets back may have had other listeners, or another number of workers, than we are to start one with.
int link_sockets_open(struct link_client *client)
{
	for (unsigned i = 0; i < client->options.listener_count; i++) {
		if (client->options.listeners[i].transport != TRANSPORT_UDP
			|| listener_is_open(client, i))
			continue;
		listener_close(client, i);
		int status = listener_open(client, i);
		if (status != 0) {
			listener_close(client, i);
			link_fault_note(client,
				&(struct link_fault){
					LINK_FAULT_BIND, status, (int)i, strerror(-status)});
			return status;
		}
	}
	return 0;
}

void link_sockets_close(struct link_client *client)
{
	for (unsigned i = 0; i < client->options.listener_count; i++)
		listener_close(client, i);
}
