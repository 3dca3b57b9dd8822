// dpdk_lab.c: a device of rings in this process.

#include "dpdk_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

const uint8_t lab_mac[NEXT_HOP_MAC_OCTETS] = {2, 0, 0, 0, 0, 1};
const uint8_t lab_peer_mac[NEXT_HOP_MAC_OCTETS] = {2, 0, 0, 0, 0, 9};

struct endpoint dpdk_lab_endpoint(const char *address, uint16_t port)
{
	bool v6 = strchr(address, ':') != NULL;
	struct endpoint endpoint = {.family = v6 ? ENDPOINT_V6 : ENDPOINT_V4, .port = port};

	cr_assert(eq(int, inet_pton(v6 ? AF_INET6 : AF_INET, address, endpoint.address), 1));
	return endpoint;
}

int dpdk_lab_socket(int family, struct endpoint *at)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length = family == AF_INET ? sizeof(v4) : sizeof(v6);
	struct sockaddr *address = family == AF_INET ? (void *)&v4 : (void *)&v6;

	cr_assert(eq(int, bind(fd, address, length), 0));
	cr_assert(eq(int, getsockname(fd, address, &length), 0));
	*at = dpdk_lab_endpoint(family == AF_INET ? "127.0.0.1" : "::1",
		ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port));
	return fd;
}

static struct next_hops *picture_new(void)
{
	const struct next_hop_interface interface = {
		.interface = LAB_INTERFACE, .mtu = 1500, .mac = {2, 0, 0, 0, 0, 1}};
	const struct next_hop_interface tagged = {
		.interface = LAB_INTERFACE + 1, .vlan = 42, .mtu = 1500, .mac = {2, 0, 0, 0, 0, 1}};
	const struct next_hop_interface interfaces[] = {interface, tagged};
	struct next_hop_route routes[5] = {{.interface = LAB_INTERFACE},
		{.interface = LAB_INTERFACE}, {.interface = LAB_INTERFACE + 1}, {.local = true},
		{.local = true}};
	struct next_hop_neighbour neighbours[5] = {
		{.address = dpdk_lab_endpoint("192.0.2.9", 0)},
		{.address = dpdk_lab_endpoint("2001:db8::9", 0)},
		{.address = dpdk_lab_endpoint("192.0.2.8", 0), .stale = true},
		{.address = dpdk_lab_endpoint("2001:db8::8", 0), .stale = true},
		{.address = dpdk_lab_endpoint("198.51.100.9", 0)},
	};

	cr_assert(prefix_parse(SPAN("192.0.2.0/24"), &routes[0].prefix));
	cr_assert(prefix_parse(SPAN("2001:db8::/64"), &routes[1].prefix));
	cr_assert(prefix_parse(SPAN("198.51.100.0/24"), &routes[2].prefix));
	cr_assert(prefix_parse(SPAN("192.0.2.1/32"), &routes[3].prefix));
	cr_assert(prefix_parse(SPAN("2001:db8::1/128"), &routes[4].prefix));
	for (unsigned i = 0; i < 5; i++) {
		neighbours[i].interface = i < 4 ? LAB_INTERFACE : LAB_INTERFACE + 1;
		memcpy(neighbours[i].mac, lab_peer_mac, sizeof(lab_peer_mac));
	}
	return next_hops_new(interfaces, 2, routes, 5, neighbours, 5);
}

static void listeners_open(struct dpdk_lab *lab)
{
	const char *address[] = {"192.0.2.1", "2001:db8::1", "192.0.2.1"};
	const uint16_t port[] = {5060, 5060, 5080};

	for (unsigned i = 0; i < LAB_LISTENERS; i++) {
		lab->listeners[i] = (struct io_dpdk_listener){
			.guard = dpdk_lab_socket(i == 1 ? AF_INET6 : AF_INET, &lab->guard_at[i]),
			.id = (uint8_t)(i + 1),
			.address = dpdk_lab_endpoint(address[i], port[i]),
		};
	}
}

static void rings_open(struct dpdk_lab *lab, char name[RTE_ETH_NAME_MAX_LEN])
{
	char ring[32];
	int port;

	for (unsigned i = 0; i < lab->workers; i++) {
		(void)snprintf(ring, sizeof(ring), "in%u", i);
		lab->in[i] = rte_ring_create(ring, LAB_RING, 0, RING_F_EXACT_SZ);
		(void)snprintf(ring, sizeof(ring), "out%u", i);
		lab->out[i] = rte_ring_create(ring, LAB_RING, 0, RING_F_EXACT_SZ);
		cr_assert(lab->in[i] != NULL && lab->out[i] != NULL);
	}
	port = rte_eth_from_rings("lab", lab->in, lab->workers, lab->out, lab->workers, 0);
	cr_assert(ge(int, port, 0));
	cr_assert(eq(int, rte_eth_dev_get_name_by_port((uint16_t)port, name), 0));
}

// device NULL: rings.
static void lab_open(struct dpdk_lab *lab, const char *device, unsigned workers, unsigned packets)
{
	char complaint[DPDK_COMPLAINT_MAX] = "";
	char ring[RTE_ETH_NAME_MAX_LEN];
	const char *name = device == NULL ? ring : device;
	const struct dpdk_start_options start = {.devices = &name, .device_count = 1};
	struct dpdk_device_options options = {.name = name, .workers = workers, .packets = packets};

	*lab = (struct dpdk_lab){.workers = workers};
	(void)snprintf(ring, sizeof(ring), "net_ring");
	cr_assert(eq(int, dpdk_start(&start, complaint), 0), "%s", complaint);
	if (device == NULL)
		rings_open(lab, ring);
	cr_assert(eq(int, dpdk_open_device(&options, complaint), 0), "%s", complaint);
	lab->pool = rte_mempool_lookup("weir0");
	lab->foreign = rte_pktmbuf_pool_create("foreign", 511, 0, 0, LAB_FRAME_MAX + 128, 0);
	cr_assert(lab->pool != NULL && lab->foreign != NULL);
	listeners_open(lab);
	atomic_store(&lab->hops, picture_new());
	for (unsigned i = 0; i < workers; i++) {
		lab->wakeup[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		cr_assert(eq(int,
			io_dpdk_open(i, lab->listeners, LAB_LISTENERS, &lab->hops,
				DPDK_IDLE_ADAPTIVE, lab->wakeup[i], &lab->port[i]),
			0));
	}
	cr_assert(eq(int, dpdk_run_devices(complaint), 0), "%s", complaint);
	lab->baseline = io_dpdk_packets_out(lab->port[0]);
}

void dpdk_lab_open(struct dpdk_lab *lab, unsigned workers, unsigned packets)
{
	lab_open(lab, NULL, workers, packets);
}

void dpdk_lab_open_device(struct dpdk_lab *lab, const char *device)
{
	lab_open(lab, device, 1, 0);
}

void dpdk_lab_close(struct dpdk_lab *lab)
{
	uint8_t frame[LAB_FRAME_MAX];

	for (unsigned i = 0; i < lab->workers; i++)
		while (dpdk_lab_take(lab, i, frame) > 0)
			;
	for (unsigned i = 0; i < lab->workers; i++)
		cr_assert(eq(uint, io_dpdk_packets_out(lab->port[i]), lab->baseline));
	cr_assert(eq(uint, rte_mempool_in_use_count(lab->foreign), 0));
	for (unsigned i = 0; i < lab->workers; i++) {
		lab->port[i]->ops->close(lab->port[i]);
		close(lab->wakeup[i]);
	}
	for (unsigned i = 0; i < LAB_LISTENERS; i++)
		close(lab->listeners[i].guard);
	next_hops_free((struct next_hops *)atomic_load(&lab->hops));
	dpdk_stop();
}

size_t dpdk_lab_datagram(uint8_t out[LAB_FRAME_MAX], const struct endpoint *from,
	const struct endpoint *to, uint16_t vlan, struct span payload)
{
	struct next_hop hop = {.vlan = vlan, .mtu = 1500};
	uint8_t room[FRAME_HEADERS_MAX + LAB_FRAME_MAX];
	size_t headers;

	memcpy(hop.source_mac, lab_peer_mac, sizeof(lab_peer_mac));
	memcpy(hop.destination_mac, lab_mac, sizeof(lab_mac));
	memcpy(room + FRAME_HEADERS_MAX, payload.octets, payload.length);
	headers =
		frame_write(room + FRAME_HEADERS_MAX, (uint16_t)payload.length, &hop, from, to, 0);
	memcpy(out, room + FRAME_HEADERS_MAX - headers, headers + payload.length);
	return headers + payload.length;
}

bool dpdk_lab_feed(
	struct dpdk_lab *lab, unsigned worker, struct rte_mempool *pool, struct span frame)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);

	if (mbuf == NULL)
		return false;
	memcpy(rte_pktmbuf_append(mbuf, (uint16_t)frame.length), frame.octets, frame.length);
	if (rte_ring_enqueue(lab->in[worker], mbuf) == 0)
		return true;
	rte_pktmbuf_free(mbuf);
	return false;
}

void dpdk_lab_feed_datagram(struct dpdk_lab *lab, unsigned worker, const struct endpoint *from,
	unsigned listener, struct span payload)
{
	uint8_t frame[LAB_FRAME_MAX];
	size_t length =
		dpdk_lab_datagram(frame, from, &lab->listeners[listener - 1].address, 0, payload);

	cr_assert(dpdk_lab_feed(lab, worker, lab->pool, span_of(frame, length)));
}

size_t dpdk_lab_take(struct dpdk_lab *lab, unsigned worker, uint8_t out[LAB_FRAME_MAX])
{
	struct rte_mbuf *mbuf;
	size_t length;

	if (lab->out[worker] == NULL || rte_ring_dequeue(lab->out[worker], (void **)&mbuf) < 0)
		return 0;
	cr_assert(eq(int, mbuf->nb_segs, 1));
	cr_assert(eq(u32, mbuf->pkt_len, mbuf->data_len));
	length = mbuf->data_len;
	cr_assert(le(sz, length, LAB_FRAME_MAX));
	memcpy(out, rte_pktmbuf_mtod(mbuf, uint8_t *), length);
	rte_pktmbuf_free(mbuf);
	return length;
}

struct packet *dpdk_lab_packet(struct dpdk_lab *lab, unsigned worker, const struct endpoint *peer,
	uint8_t listener, struct span octets)
{
	struct io_port *port = lab->port[worker];
	struct packet *packet = port->ops->allocate(port, (uint32_t)octets.length);

	cr_assert(packet != NULL);
	memcpy(packet->octets, octets.octets, octets.length);
	packet->length = (uint32_t)octets.length;
	packet->peer = *peer;
	packet->listener = listener;
	return packet;
}

uint64_t dpdk_lab_counter(const struct dpdk_lab *lab, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < lab->workers; i++) {
		const uint8_t *counters = (const uint8_t *)dpdk_read_queue(0, i);

		sum += atomic_load((const _Atomic uint64_t *)(counters + offset));
	}
	return sum;
}
