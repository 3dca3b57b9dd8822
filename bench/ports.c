// ports.c: bench-ports [--quick] [--huge]: what a port on DPDK costs around a BYE, beside what a device costs; see bench/ports.
//
// A ring loops back what is sent, so the same 64 frames go round; it moves pointers alone. The null device takes a buffer for each
// frame that it makes from nothing, and gives back each that it is sent: a frame in and out of it, without a port, is the floor.

#include "../dataplane/io/io_dpdk.h"
#include "bye.h"
#include "measure.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BURST = BURST_MAX,
	FRAMES = 2 * BURST, // that go round in a ring
	DEVICE_RING = 0,
	DEVICE_NULL = 1,
	DEVICES = 2,
	LINK = 1, // the kernel's index, as the picture says
};

static struct io_port *ports[DEVICES];
static uint16_t ethdev[DEVICES];
static const struct next_hops *_Atomic pictures[DEVICES];
static const char *const device_names[DEVICES] = {"net_ring0", "net_null0,size=472"};
// Who sends to itself finds its own datagrams again.
static const struct endpoint self = {{192, 0, 2, 1}, 5060, ENDPOINT_V4, 0};

static int complain(const char *what)
{
	fprintf(stderr, "bench-ports: %s\n", what);
	return -1;
}

static const struct next_hops *picture_new(uint8_t device)
{
	const struct next_hop_interface link = {
		.interface = LINK, .device = device, .mtu = 1500, .mac = {2, 0, 0, 0, 0, 1}};
	const struct next_hop_route route = {
		.prefix = {{192, 0, 2, 0}, ENDPOINT_V4, 24}, .interface = LINK};
	struct next_hop_neighbour neighbour = {
		.address = self, .interface = LINK, .mac = {2, 0, 0, 0, 0, 2}};

	neighbour.address.port = 0;
	return next_hops_new(&link, 1, &route, 1, &neighbour, 1);
}

static int guard_open(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int guard = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return guard >= 0 && bind(guard, (struct sockaddr *)&any, sizeof(any)) == 0 ? guard : -1;
}

static int port_open(uint8_t device)
{
	const struct io_dpdk_listener listener = {
		.guard = guard_open(), .id = 1, .device = device, .address = self};
	struct dpdk_device_info info;

	atomic_store(&pictures[device], picture_new(device));
	if (listener.guard < 0 || pictures[device] == NULL || !dpdk_read_device(device, &info))
		return -ENOMEM;
	if (rte_eth_dev_get_port_by_name(info.name, &ethdev[device]) < 0)
		return -ENODEV;
	return io_dpdk_open(device, &listener, 1, &pictures[device], DPDK_IDLE_POLL,
		eventfd(0, EFD_CLOEXEC), &ports[device]);
}

// Every port has a worker's number of its own, as the devices have two queues; port 0 lives on queue 0, port 1 on queue 1.
static int devices_open(enum dpdk_memory memory)
{
	char complaint[DPDK_COMPLAINT_MAX];
	const struct dpdk_start_options start = {
		.devices = device_names, .device_count = DEVICES, .memory = memory};

	if (dpdk_start(&start, complaint) < 0)
		return complain(complaint);
	for (unsigned i = 0; i < DEVICES; i++) {
		const struct dpdk_device_options options = {
			.name = device_names[i], .workers = DEVICES};

		if (dpdk_open_device(&options, complaint) < 0)
			return complain(complaint);
	}
	for (uint8_t i = 0; i < DEVICES; i++)
		if (port_open(i) < 0)
			return complain("no port");
	return dpdk_run_devices(complaint) < 0 ? complain(complaint) : 0;
}

static void packet_address(struct packet *packet, uint8_t *octets)
{
	packet->octets = octets;
	packet->length = BYE_OCTETS;
	packet->peer = self;
	packet->listener = 1;
}

// As many BYEs as go round in the ring.
static bool ring_fill(void)
{
	struct io_port *port = ports[DEVICE_RING];

	for (unsigned i = 0; i < FRAMES; i++) {
		struct packet *packet = port->ops->allocate(port, BYE_OCTETS);

		if (packet == NULL)
			return false;
		memcpy(packet->octets, bye, BYE_OCTETS);
		packet_address(packet, packet->octets);
		if (port->ops->send(port, &packet, 1) != 0)
			return false;
	}
	return true;
}

static bool ring_goes_round(void)
{
	struct io_port *port = ports[DEVICE_RING];
	struct packet *packets[BURST];
	unsigned count = port->ops->receive(port, packets, BURST);

	return count == BURST && packets[0]->length == BYE_OCTETS
		&& memcmp(packets[0]->octets, bye, BYE_OCTETS) == 0
		&& port->ops->send(port, packets, count) == 0;
}

// --- Rows; the state is the device's number ---

static void *ring_setup(void)
{
	static unsigned device = DEVICE_RING;

	return &device;
}

static void *null_setup(void)
{
	static unsigned device = DEVICE_NULL;

	return &device;
}

static void nothing_teardown(void *state)
{
	(void)state;
}

static void device_run(void *state, uint64_t rounds)
{
	uint16_t device = (uint16_t) * (unsigned *)state;
	struct rte_mbuf *mbufs[BURST];

	for (; rounds > 0; rounds--) {
		uint16_t count = rte_eth_rx_burst(ethdev[device], device, mbufs, BURST);

		measure_keep(rte_eth_tx_burst(ethdev[device], device, mbufs, count));
	}
}

// In by the port, out as it came.
static void receive_run(void *state, uint64_t rounds)
{
	uint16_t device = (uint16_t) * (unsigned *)state;
	struct io_port *port = ports[device];
	struct packet *packets[BURST];
	struct rte_mbuf *mbufs[BURST];

	for (; rounds > 0; rounds--) {
		unsigned count = port->ops->receive(port, packets, BURST);

		for (unsigned i = 0; i < count; i++)
			mbufs[i] = packets[i]->owner;
		measure_keep(rte_eth_tx_burst(ethdev[device], device, mbufs, (uint16_t)count));
	}
}

// In as it comes, out by the port.
static void send_run(void *state, uint64_t rounds)
{
	uint16_t device = (uint16_t) * (unsigned *)state;
	struct io_port *port = ports[device];
	struct packet *packets[BURST];
	struct rte_mbuf *mbufs[BURST];

	for (; rounds > 0; rounds--) {
		uint16_t count = rte_eth_rx_burst(ethdev[device], device, mbufs, BURST);

		for (unsigned i = 0; i < count; i++) {
			packets[i] = rte_mbuf_to_priv(mbufs[i]);
			packet_address(packets[i],
				rte_pktmbuf_mtod_offset(mbufs[i], uint8_t *, 14 + 20 + 8));
		}
		measure_keep(port->ops->send(port, packets, count));
	}
}

static void both_run(void *state, uint64_t rounds)
{
	struct io_port *port = ports[*(unsigned *)state];
	struct packet *packets[BURST];

	for (; rounds > 0; rounds--) {
		unsigned count = port->ops->receive(port, packets, BURST);

		measure_keep(port->ops->send(port, packets, count));
	}
}

// clang-format off
static const struct bench_row rows[] = {
	{"net_ring: frames in and out, no port", "frame", FLOOR_NONE, BURST, ring_setup, device_run, nothing_teardown},
	{"net_ring: in by the port, out without", "frame", FLOOR_NONE, BURST, ring_setup, receive_run, nothing_teardown},
	{"net_ring: in without, out by the port", "frame", FLOOR_NONE, BURST, ring_setup, send_run, nothing_teardown},
	{"net_ring: in and out by the port", "frame", FLOOR_NONE, BURST, ring_setup, both_run, nothing_teardown},
	{"net_null: frames in and out, no port", "frame", FLOOR_NONE, BURST, null_setup, device_run, nothing_teardown},
	{"net_null: in without, out by the port", "frame", FLOOR_NONE, BURST, null_setup, send_run, nothing_teardown},
};
// clang-format on

enum {
	ROWS = sizeof(rows) / sizeof(rows[0]),
	ROW_FLOOR = 4,
};

static void report(const struct measurement *all, unsigned samples, bool huge)
{
	printf("packets in %s\n\n| row | ns a frame | min | max | times "
	       "|\n|---|--:|--:|--:|--:|\n",
		huge ? "huge pages" : "ordinary memory");
	for (unsigned i = 0; i < ROWS; i++) {
		struct spread ns = measure_spread(&all[i], samples, FIGURE_NS);

		printf("| %s | %.1f | %.1f | %.1f | %.2f |\n", rows[i].name, ns.median, ns.min,
			ns.max, measure_ratio(&all[i], &all[ROW_FLOOR], samples).median);
	}
}

int main(int argc, char **argv)
{
	static const struct option words[] = {
		{"quick", no_argument, NULL, 'q'}, {"huge", no_argument, NULL, 'h'}, {0}};
	static struct measurement all[ROWS];
	struct effort effort = {15, 20000000};
	enum dpdk_memory memory = DPDK_MEMORY_ORDINARY;
	int word;

	while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (word == 'q')
			effort = (struct effort){SAMPLES_MIN, 2000000};
		else if (word == 'h')
			memory = DPDK_MEMORY_HUGE;
		else
			return 2;
	}
	if (measure_pin(-1) < 0 || devices_open(memory) < 0)
		return 1;
	if (!ring_fill() || !ring_goes_round()) {
		complain("the ring does not go round");
		return 1;
	}
	for (unsigned i = 0; i < ROWS; i++)
		all[i].row = &rows[i];
	measure_all(all, ROWS, &effort);
	report(all, effort.samples, memory == DPDK_MEMORY_HUGE);
	return 0;
}
