#include "core.h"

#include "../base/clock.h"
#include "../base/sockaddr.h"
#include "core_private.h"

#include <openssl/rand.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	RECEIVE_BURST = 64, // datagrams a socket may keep the loop busy with
	RECEIVE_BUFFER = 4 << 20,
};

uint64_t core_now_s(void)
{
	return clock_ms() / 1000;
}

void core_send(struct core *core, const struct endpoint *to, struct span octets)
{
	struct sockaddr_storage address;
	socklen_t length = sockaddr_write(to, &address);

	for (unsigned i = 0; i < core->options.listener_count; i++) {
		if (core->options.listeners[i].family != to->family)
			continue;
		if (sendto(core->sockets[i].fd, octets.octets, octets.length, 0,
			    (struct sockaddr *)&address, length)
			>= 0) {
			core->counters.sent++;
		} else if (errno == ECONNREFUSED) {
			target_set_refused(core->targets, to);
		}
		return;
	}
}

static void socket_ready(evutil_socket_t fd, short what, void *argument)
{
	struct core *core = argument;
	struct sockaddr_storage address;

	for (unsigned i = 0; i < RECEIVE_BURST; i++) {
		socklen_t length = sizeof(address);
		ssize_t octets = recvfrom(
			fd, core->in, sizeof(core->in), 0, (struct sockaddr *)&address, &length);
		if (octets < 0)
			return;
		struct endpoint source = sockaddr_read(&address);
		core->counters.received++;
		core_handle(core, &source, (size_t)octets);
	}
}

static int socket_open(struct core *core, unsigned index)
{
	struct core_socket *socket_ = &core->sockets[index];
	const struct endpoint *listener = &core->options.listeners[index];
	struct sockaddr_storage address;
	socklen_t length = sockaddr_write(listener, &address);
	int on = 1;
	int buffer = RECEIVE_BUFFER;

	socket_->fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (socket_->fd < 0)
		return -errno;
	if (listener->family == ENDPOINT_V6)
		setsockopt(socket_->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	// Best effort: the kernel caps it.
	setsockopt(socket_->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (bind(socket_->fd, (struct sockaddr *)&address, length) != 0)
		return -errno;
	socket_->event = event_new(
		core->options.base, socket_->fd, EV_READ | EV_PERSIST, socket_ready, core);
	return socket_->event != NULL && event_add(socket_->event, NULL) == 0 ? 0 : -ENOMEM;
}

static void probe_send(void *context, const struct endpoint *to, struct span octets)
{
	core_send(context, to, octets);
}

static int targets_open(struct core *core)
{
	const struct target_options options = {
		.base = core->options.base,
		.resolver = core->options.resolver,
		.probe_every_ms = core->options.probe_every_ms,
		.down_after = core->options.probe_down_after,
		.sent_by = core->options.sent_by,
		.send = probe_send,
		.context = core,
	};

	core->targets = target_set_new(&options);
	return core->targets != NULL ? 0 : -ENOMEM;
}

int core_open(const struct core_options *options, struct core **out, int *failed)
{
	struct core *core = calloc(1, sizeof(*core));
	int status;

	*failed = -1;
	if (core == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < CORE_LISTENERS_MAX; i++)
		core->sockets[i].fd = -1;
	core->options = *options;
	core->registrar.options = options->registrar;
	core->registrar.location = location_new();
	status = core->registrar.location == NULL ? -ENOMEM : digest_key_draw(&core->registrar.key);
	if (status == 0 && RAND_bytes((unsigned char *)&core->hashes, sizeof(core->hashes)) != 1)
		status = -EIO;
	if (status == 0)
		status = targets_open(core);
	for (unsigned i = 0; status == 0 && i < options->listener_count; i++) {
		status = socket_open(core, i);
		*failed = status == 0 ? -1 : (int)i;
	}
	if (status != 0) {
		core_close(core);
		return status;
	}
	*out = core;
	return 0;
}

void core_close(struct core *core)
{
	for (unsigned i = 0; i < CORE_LISTENERS_MAX; i++) {
		if (core->sockets[i].event != NULL)
			event_free(core->sockets[i].event);
		if (core->sockets[i].fd >= 0)
			close(core->sockets[i].fd);
	}
	if (core->targets != NULL)
		target_set_free(core->targets);
	location_free(core->registrar.location);
	OPENSSL_cleanse(&core->registrar.key, sizeof(core->registrar.key));
	free(core);
}

const struct core_counters *core_count(const struct core *core)
{
	return &core->counters;
}

struct location *core_location(struct core *core)
{
	return core->registrar.location;
}
