// ports.c: from listeners to ports.

#include "ports.h"

#include "io/io_dpdk.h"
#include "io/io_joined.h"
#include "io/io_socket.h"
#include "plane.h"

#include <stdbool.h>

static_assert((int)LINK_IDLE_POLL == (int)DPDK_IDLE_POLL, "idle");

// The listeners of one kind, and what the other side knows them by.
struct sockets {
	unsigned count;
	struct io_socket_listener listener[LISTENERS_MAX];
	uint8_t id[LISTENERS_MAX];
};

struct guards {
	unsigned count;
	struct io_dpdk_listener listener[LISTENERS_MAX];
};

static void listeners_part(const struct link_setup *setup, unsigned worker, struct sockets *sockets,
	struct guards *guards)
{
	for (unsigned i = 0; i < setup->listener_count; i++) {
		const struct link_listener *listener = &setup->listeners[i].listener;
		int fd = setup->listeners[i].sockets[worker];

		if (listener->driver == LINK_DRIVER_DPDK) {
			guards->listener[guards->count++] = (struct io_dpdk_listener){
				.guard = fd,
				.id = listener->id,
				.device = listener->device,
				.address = listener->address,
			};
		} else {
			sockets->id[sockets->count] = listener->id;
			sockets->listener[sockets->count++] =
				(struct io_socket_listener){.fd = fd, .id = listener->id};
		}
	}
}

static enum link_step sockets_open(const struct sockets *sockets, const struct worker *worker,
	struct io_port **port, struct link_failed *failed)
{
	unsigned at;
	int error = io_socket_open(sockets->listener, sockets->count, worker->wakeup, port, &at);

	if (error == 0)
		return LINK_STEP_WAIT;
	if (at < sockets->count)
		return link_setup_refuse(failed, -error, sockets->id[at],
			"the socket of this listener cannot be used");
	return link_setup_refuse(
		failed, -error, LINK_SETUP_NO_LISTENER, "worker %u gets no port", worker->index);
}

static enum link_step devices_open_port(const struct guards *guards, struct worker *worker,
	struct io_port **port, struct link_failed *failed)
{
	struct plane *plane = worker->plane;
	int error = io_dpdk_open(worker->index, guards->listener, guards->count, &plane->hops,
		plane->config.idle, worker->wakeup, port);

	if (error < 0)
		return link_setup_refuse_device(failed, -error, guards->listener[0].device,
			"worker %u gets no port on the devices: %s", worker->index,
			strerror(-error));
	return LINK_STEP_WAIT;
}

// Devices are waited on, sockets are asked in between.
static enum link_step joined_open(const struct sockets *sockets, struct worker *worker,
	struct io_port *devices, struct link_failed *failed)
{
	struct io_port *kernel;
	enum link_step step = sockets_open(sockets, worker, &kernel, failed);

	if (step != LINK_STEP_WAIT)
		goto close_devices;
	int error = io_joined_open(devices, kernel, sockets->id, sockets->count, &worker->port);

	if (error == 0)
		return LINK_STEP_WAIT;
	step = link_setup_refuse(
		failed, -error, LINK_SETUP_NO_LISTENER, "worker %u gets no port", worker->index);
	kernel->ops->close(kernel);
close_devices:
	devices->ops->close(devices);
	return step;
}

static enum link_step worker_open(
	const struct link_setup *setup, struct worker *worker, struct link_failed *failed)
{
	struct sockets sockets = {.count = 0};
	struct guards guards = {.count = 0};
	struct io_port *devices;

	listeners_part(setup, worker->index, &sockets, &guards);
	if (guards.count == 0)
		return sockets_open(&sockets, worker, &worker->port, failed);
	enum link_step step = devices_open_port(&guards, worker, &devices, failed);

	if (step != LINK_STEP_WAIT)
		return step;
	if (sockets.count > 0)
		return joined_open(&sockets, worker, devices, failed);
	worker->port = devices;
	return LINK_STEP_WAIT;
}

enum link_step ports_open(
	const struct link_setup *setup, struct plane *plane, struct link_failed *failed)
{
	enum link_step step = LINK_STEP_WAIT;

	for (uint32_t i = 0; i < plane->worker_count && step == LINK_STEP_WAIT; i++)
		step = worker_open(setup, &plane->worker[i], failed);
	return step;
}
