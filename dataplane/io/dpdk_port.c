// dpdk_port.c: one worker's end: opens it, and keeps its packets.

#include "dpdk_private.h"
#include "socket_option.h"

#include <rte_lcore.h>
#include <rte_mempool.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	// Guard sockets hear ICMP errors, and little else: under load they are asked now and then. Taps carry all of TCP.
	RECEIVES_PER_LOOK = 1024,
	RECEIVES_PER_LOOK_WITH_TAP = 32,
};

void dpdk_port_enter(struct io_dpdk *io)
{
	if (io->registered)
		return;
	// Without a number of its own a thread still works, but has no packets to hand.
	if (rte_lcore_id() == LCORE_ID_ANY)
		(void)rte_thread_register();
	io->registered = true;
}

static void packet_release(struct io_dpdk *io, struct packet *packet)
{
	if (packet->pool == POOL_LARGE)
		pool_give(&io->large, packet);
	else
		rte_pktmbuf_free(packet->owner);
}

void dpdk_release(struct io_port *port, struct packet **packets, unsigned count)
{
	struct io_dpdk *io = dpdk_of(port);

	for (unsigned i = 0; i < count; i++)
		packet_release(io, packets[i]);
}

static struct packet *normal_allocate(void)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(dpdk_device_at(0)->pool);

	if (mbuf == NULL)
		return NULL;
	struct packet *packet = dpdk_pool_packet(mbuf);

	packet->octets = packet->buffer + PACKET_HEAD_ROOM;
	packet->length = 0;
	return packet;
}

static struct packet *dpdk_allocate(struct io_port *port, uint32_t length)
{
	struct io_dpdk *io = dpdk_of(port);
	uint32_t room = rte_pktmbuf_data_room_size(dpdk_device_at(0)->pool) - FRAME_HEADERS_MAX;

	dpdk_port_enter(io);
	if (length + PACKET_HEAD_ROOM + IO_TAIL_ROOM <= room)
		return normal_allocate();
	return length <= pool_room(POOL_LARGE) ? pool_take(&io->large) : NULL;
}

static unsigned dpdk_unreachable(struct io_port *port, struct io_unreachable *reports, unsigned max)
{
	return socket_errors_take(&dpdk_of(port)->errors, reports, max);
}

static void dpdk_close(struct io_port *port)
{
	struct io_dpdk *io = dpdk_of(port);

	rte_pktmbuf_free_bulk(io->pending, io->pending_count);
	close(io->epoll);
	reassembly_free(io->reassembly);
	pool_fini(&io->large);
	free(io);
}

static const struct io_ops io_dpdk_ops = {
	.name = "dpdk",
	.receive = dpdk_receive,
	.send = dpdk_send,
	.release = dpdk_release,
	.allocate = dpdk_allocate,
	.unreachable = dpdk_unreachable,
	.wait = dpdk_wait,
	.close = dpdk_close,
};

static int watch(struct io_dpdk *io, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	return epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int listener_add(struct io_dpdk *io, const struct io_dpdk_listener *given)
{
	const struct dpdk_device *device = dpdk_device_at(given->device);
	int family;
	int error = socket_option_read_family(given->guard, &family);

	if (error < 0)
		return error;
	if (device == NULL)
		return -ENODEV;
	unsigned above = given->address.family == ENDPOINT_V4 ? device->cut_above : 0;

	error = dpdk_guard_close_ears(given->guard, above);
	if (error == 0)
		error = socket_option_set(given->guard, family);
	if (error == 0)
		error = dpdk_listeners_add(&io->listeners, given, family);
	// Errors are told without being asked for.
	if (error == 0)
		error = watch(io, given->guard, above == 0 ? 0 : EPOLLIN);
	return error;
}

// Every device has a queue for this worker, and maybe one of its tap.
static int devices_watch(struct io_dpdk *io)
{
	int error = 0;

	io->receives_per_look = RECEIVES_PER_LOOK;
	for (unsigned i = 0; i < io->device_count && error == 0; i++) {
		const struct dpdk_device *device = dpdk_device_at(i);

		if (io->worker >= device->workers)
			return -ENODEV;
		if (device->queues[io->worker].tap < 0)
			continue;
		io->receives_per_look = RECEIVES_PER_LOOK_WITH_TAP;
		error = watch(io, device->queues[io->worker].tap, EPOLLIN);
	}
	return error;
}

static int listeners_add(
	struct io_dpdk *io, const struct io_dpdk_listener *listeners, unsigned count)
{
	if (count == 0 || count > LISTENERS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < count; i++) {
		int error = listener_add(io, &listeners[i]);

		if (error < 0)
			return error;
	}
	return 0;
}

int io_dpdk_open(unsigned worker, const struct io_dpdk_listener *listeners, unsigned count,
	const struct next_hops *const _Atomic *hops, enum dpdk_idle idle, int wakeup,
	struct io_port **port)
{
	struct io_dpdk *io = calloc(1, sizeof(*io));
	int error = -ENOMEM;

	if (io == NULL)
		return -ENOMEM;
	io->port.ops = &io_dpdk_ops;
	io->worker = worker;
	io->hops = hops;
	io->idle = idle;
	io->wakeup = wakeup;
	io->device_count = dpdk_device_count();
	if (pool_init(&io->large, POOL_LARGE, DPDK_LARGE_PACKETS) < 0)
		goto free_io;
	io->reassembly = reassembly_new(&io->large);
	if (io->reassembly == NULL)
		goto fini_large;
	io->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (io->epoll < 0) {
		error = -errno;
		goto free_reassembly;
	}
	error = watch(io, wakeup, EPOLLIN);
	if (error == 0)
		error = devices_watch(io);
	if (error == 0)
		error = listeners_add(io, listeners, count);
	if (error < 0)
		goto close_epoll;
	*port = &io->port;
	return 0;

close_epoll:
	close(io->epoll);
free_reassembly:
	reassembly_free(io->reassembly);
fini_large:
	pool_fini(&io->large);
free_io:
	free(io);
	return error;
}

unsigned io_dpdk_packets_out(const struct io_port *port)
{
	const struct io_dpdk *io = (const struct io_dpdk *)port;
	unsigned out = io->large.count - io->large.free_count;

	for (unsigned i = 0; i < io->device_count; i++)
		out += rte_mempool_in_use_count(dpdk_device_at(i)->pool);
	return out;
}
