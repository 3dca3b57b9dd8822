// dpdk_net.c: an edge and a phone in network namespaces of their own.

#include "dpdk_net.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct endpoint dpdk_net_endpoint(const char *address, uint16_t port)
{
	bool v6 = strchr(address, ':') != NULL;
	struct endpoint endpoint = {.family = v6 ? ENDPOINT_V6 : ENDPOINT_V4, .port = port};

	cr_assert(eq(int, inet_pton(v6 ? AF_INET6 : AF_INET, address, endpoint.address), 1));
	return endpoint;
}

void dpdk_net_enter(int space)
{
	cr_assert(eq(int, setns(space, CLONE_NEWNET), 0));
}

void dpdk_net_run(int space, const char *format, ...)
{
	char command[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	int before = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	dpdk_net_enter(space);
	cr_assert(eq(int, system(command), 0), "%s", command);
	dpdk_net_enter(before);
	close(before);
}

// Makes a namespace and stays in it.
static int space_make(void)
{
	cr_assert(eq(int, unshare(CLONE_NEWNET), 0));
	int space = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	cr_assert(ge(int, space, 0));
	return space;
}

// What `ethtool -K` does: without it the kernel leaves checksums to a card that is not there.
static void offload_end(int space, const char *interface, uint32_t command)
{
	struct ethtool_value value = {.cmd = command};
	struct ifreq request = {.ifr_data = (void *)&value};

	dpdk_net_enter(space);
	int asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(request.ifr_name, interface);
	cr_assert(eq(int, ioctl(asker, SIOCETHTOOL, &request), 0));
	close(asker);
}

static void interface_prepare(int space, const char *interface, unsigned number)
{
	const uint32_t offloads[] = {ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM, ETHTOOL_SGSO, ETHTOOL_SGRO};

	for (unsigned i = 0; i < 4; i++)
		offload_end(space, interface, offloads[i]);
	dpdk_net_run(space, "ip link set lo up");
	dpdk_net_run(space, "ip addr add 192.0.2.%u/24 dev %s", number, interface);
	dpdk_net_run(space, "ip addr add 2001:db8::%u/64 dev %s nodad", number, interface);
	dpdk_net_run(space, "ip link set %s address 02:00:00:00:00:%02u up", interface, number);
}

bool dpdk_net_make(struct dpdk_net *net, unsigned queues)
{
	*net = (struct dpdk_net){0};
	if (geteuid() != 0)
		return false;
	net->phone = space_make();
	net->edge = space_make();
	dpdk_net_run(net->edge,
		"ip link add edge0 numrxqueues %u numtxqueues %u type veth peer name phone0 "
		"numrxqueues %u "
		"numtxqueues %u netns /proc/%d/fd/%d",
		queues, queues, queues, queues, getpid(), net->phone);
	interface_prepare(net->phone, "phone0", 2);
	interface_prepare(net->edge, "edge0", 1);
	return true;
}

static struct next_hops *picture_new(void)
{
	const struct next_hop_interface interface = {
		.interface = if_nametoindex("edge0"), .mtu = 1500, .mac = {2, 0, 0, 0, 0, 1}};
	struct next_hop_route routes[2] = {
		{.interface = interface.interface}, {.interface = interface.interface}};
	struct next_hop_neighbour neighbours[2] = {
		{.address = dpdk_net_endpoint("192.0.2.2", 0), .mac = {2, 0, 0, 0, 0, 2}},
		{.address = dpdk_net_endpoint("2001:db8::2", 0), .mac = {2, 0, 0, 0, 0, 2}},
	};

	cr_assert(prefix_parse(SPAN("192.0.2.0/24"), &routes[0].prefix));
	cr_assert(prefix_parse(SPAN("2001:db8::/64"), &routes[1].prefix));
	neighbours[0].interface = neighbours[1].interface = interface.interface;
	return next_hops_new(&interface, 1, routes, 2, neighbours, 2);
}

static int socket_bound(int family, unsigned number, uint16_t port)
{
	union socket_address address;
	socklen_t length = dpdk_net_address(family, number, port, &address);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int on = 1;

	cr_assert(eq(int, setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0));
	cr_assert(eq(int, bind(fd, &address.any, length), 0));
	return fd;
}

static void port_open(struct dpdk_net *net, unsigned worker)
{
	struct io_dpdk_listener *listeners = net->listeners[worker];

	for (unsigned i = 0; i < NET_LISTENERS; i++)
		listeners[i] = (struct io_dpdk_listener){
			.guard = socket_bound(i == 0 ? AF_INET : AF_INET6, 1, NET_PORT),
			.id = (uint8_t)(i + 1),
			.address =
				dpdk_net_endpoint(i == 0 ? "192.0.2.1" : "2001:db8::1", NET_PORT),
		};
	net->wakeup[worker] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	cr_assert(eq(int,
		io_dpdk_open(worker, listeners, NET_LISTENERS, &net->hops, DPDK_IDLE_ADAPTIVE,
			net->wakeup[worker], &net->port[worker]),
		0));
}

void dpdk_net_await_link(bool up)
{
	struct dpdk_device_info info = {.up = !up};

	for (unsigned i = 0; i < 200 && info.up != up; i++) {
		dpdk_update_devices();
		cr_assert(dpdk_read_device(0, &info));
		usleep(10 * 1000);
	}
	cr_assert(eq(int, info.up, up));
}

// The interface is DPDK's alone; what stands in for it has its addresses.
static void addresses_move(struct dpdk_net *net)
{
	dpdk_net_run(net->edge, "ip addr flush dev edge0");
	dpdk_net_run(net->edge, "echo 1 >/proc/sys/net/ipv6/conf/edge0/disable_ipv6");
	dpdk_net_run(net->edge, "ip addr add 192.0.2.1/24 dev weir0");
	dpdk_net_run(net->edge, "ip addr add 2001:db8::1/64 dev weir0 nodad");
	dpdk_net_run(net->edge, "ip link set weir0 up");
}

static void net_open(struct dpdk_net *net, const char *device, unsigned workers, uint8_t exception)
{
	const struct endpoint addresses[] = {dpdk_net_endpoint("192.0.2.1", NET_PORT),
		dpdk_net_endpoint("2001:db8::1", NET_PORT)};
	struct dpdk_device_options options = {.name = device,
		.exception = exception,
		.tap = "weir0",
		.workers = workers,
		.addresses = addresses,
		.address_count = NET_LISTENERS};
	const struct dpdk_start_options start = {.devices = &device, .device_count = 1};
	char complaint[DPDK_COMPLAINT_MAX] = "";

	dpdk_net_enter(net->edge);
	net->workers = workers;
	net->lazy = strstr(device, "af_xdp") == NULL ? 0 : workers * NET_LAZY_PACKETS;
	cr_assert(eq(int, dpdk_start(&start, complaint), 0), "%s", complaint);
	cr_assert(eq(int, dpdk_open_device(&options, complaint), 0), "%s", complaint);
	if (exception == DPDK_EXCEPTION_TAP)
		addresses_move(net);
	atomic_store(&net->hops, picture_new());
	for (unsigned i = 0; i < workers; i++)
		port_open(net, i);
	cr_assert(eq(int, dpdk_run_devices(complaint), 0), "%s", complaint);
	dpdk_net_await_link(true);
	net->baseline = io_dpdk_packets_out(net->port[0]);
}

void dpdk_net_open(struct dpdk_net *net, const char *device, unsigned workers)
{
	net_open(net, device, workers, DPDK_EXCEPTION_NONE);
}

void dpdk_net_open_with_tap(struct dpdk_net *net, const char *device, unsigned workers)
{
	net_open(net, device, workers, DPDK_EXCEPTION_TAP);
}

void dpdk_net_close(struct dpdk_net *net)
{
	cr_assert(le(uint, io_dpdk_packets_out(net->port[0]), net->baseline + net->lazy));
	for (unsigned i = 0; i < net->workers; i++) {
		net->port[i]->ops->close(net->port[i]);
		close(net->wakeup[i]);
		for (unsigned j = 0; j < NET_LISTENERS; j++)
			close(net->listeners[i][j].guard);
	}
	next_hops_free((struct next_hops *)atomic_load(&net->hops));
	dpdk_stop();
}

int dpdk_net_phone(struct dpdk_net *net, int family, uint16_t port)
{
	struct timeval limit = {1, 0};

	dpdk_net_enter(net->phone);
	int phone = socket_bound(family, 2, port);

	cr_assert(eq(int, setsockopt(phone, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0));
	dpdk_net_enter(net->edge);
	return phone;
}

void dpdk_net_send(int phone, int family, uint16_t port, struct span octets)
{
	union socket_address edge;
	socklen_t length = dpdk_net_address(family, 1, port, &edge);

	cr_assert(eq(long, sendto(phone, octets.octets, octets.length, 0, &edge.any, length),
		(long)octets.length));
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned serve_for(struct dpdk_net *net, unsigned count, uint64_t limit_ms)
{
	struct packet *packets[BURST_MAX];
	uint64_t begin = clock_ms();
	unsigned answered = 0;

	for (unsigned worker = 0; answered < count && clock_ms() - begin < limit_ms;
		worker = (worker + 1) % net->workers) {
		struct io_port *port = net->port[worker];
		unsigned got = port->ops->receive(port, packets, BURST_MAX);

		if (got == 0)
			port->ops->wait(port, 1);
		else
			cr_assert(eq(u32, port->ops->send(port, packets, got), 0));
		answered += got;
	}
	return answered;
}

unsigned dpdk_net_serve(struct dpdk_net *net, unsigned count)
{
	return serve_for(net, count, 1000);
}

static void *server_run(void *argument)
{
	struct dpdk_net *net = argument;

	while (!atomic_load(&net->stop))
		(void)serve_for(net, UINT32_MAX, 20);
	return NULL;
}

void dpdk_net_serve_begin(struct dpdk_net *net)
{
	atomic_store(&net->stop, false);
	cr_assert(eq(int, pthread_create(&net->server, NULL, server_run, net), 0));
}

void dpdk_net_serve_end(struct dpdk_net *net)
{
	atomic_store(&net->stop, true);
	pthread_join(net->server, NULL);
}

uint64_t dpdk_net_counter(const struct dpdk_net *net, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < net->workers; i++) {
		const uint8_t *counters = (const uint8_t *)dpdk_read_queue(0, i);

		sum += atomic_load((const _Atomic uint64_t *)(counters + offset));
	}
	return sum;
}
