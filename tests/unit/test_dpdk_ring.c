// test_dpdk_ring.c: frames in, packets out, packets in, frames out, on a device of rings.

#include "dpdk_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <rte_ring.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static struct dpdk_lab lab;
static struct io_port *port;
static struct packet *packets[BURST_MAX];
static uint8_t frame[LAB_FRAME_MAX];
static struct endpoint peer;
static struct endpoint peer6;

static void setup(void)
{
	dpdk_lab_open(&lab, 1, 0);
	port = lab.port[0];
	peer = dpdk_lab_endpoint("192.0.2.9", 5070);
	peer6 = dpdk_lab_endpoint("2001:db8::9", 5070);
}

static void teardown(void)
{
	dpdk_lab_close(&lab);
}

TestSuite(dpdk_ring, .init = setup, .fini = teardown, .timeout = 60);

static struct span text(const struct packet *packet)
{
	return span_of(packet->octets, packet->length);
}

static unsigned receive(void)
{
	return port->ops->receive(port, packets, BURST_MAX);
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// The next frame that was sent is a sound datagram.
static struct frame frame_sent(unsigned worker)
{
	struct frame read;
	size_t length = dpdk_lab_take(&lab, worker, frame);

	cr_assert(gt(sz, length, 0));
	cr_assert(eq(int, frame_read(frame, length, 0, &read), FRAME_DATAGRAM));
	return read;
}

static void send_one(struct packet *packet, uint32_t refused)
{
	cr_assert(eq(u32, port->ops->send(port, &packet, 1), refused));
}

Test(dpdk_ring, a_datagram_comes_with_its_source_and_listener)
{
	dpdk_lab_feed_datagram(&lab, 0, &peer, 1, SPAN("over four"));
	dpdk_lab_feed_datagram(&lab, 0, &peer6, 2, SPAN("over six"));
	dpdk_lab_feed_datagram(&lab, 0, &peer, 3, SPAN(""));
	cr_assert(eq(uint, receive(), 3));
	cr_assert(span_equal(text(packets[0]), SPAN("over four")));
	cr_assert(span_equal(text(packets[1]), SPAN("over six")));
	cr_assert(eq(u32, packets[2]->length, 0));
	cr_assert(endpoint_equal(&packets[0]->peer, &peer));
	cr_assert(endpoint_equal(&packets[1]->peer, &peer6));
	for (unsigned i = 0; i < 3; i++)
		cr_assert(eq(uint, packets[i]->listener, i + 1));
	port->ops->release(port, packets, 3);
	cr_assert(eq(u64, LAB_COUNTER(&lab, received), 3));
}

Test(dpdk_ring, a_tagged_datagram_comes_and_a_tagged_one_leaves)
{
	struct endpoint far = dpdk_lab_endpoint("198.51.100.9", 5070);
	size_t length =
		dpdk_lab_datagram(frame, &far, &lab.listeners[0].address, 42, SPAN("tagged"));

	cr_assert(dpdk_lab_feed(&lab, 0, lab.pool, span_of(frame, length)));
	cr_assert(eq(uint, receive(), 1));
	cr_assert(span_equal(text(packets[0]), SPAN("tagged")));
	send_one(packets[0], 0);
	struct frame sent = frame_sent(0);

	cr_assert(eq(int, sent.vlan, 42));
	cr_assert(endpoint_equal(&sent.destination, &far));
}

// What is fed is taken for the kernel's, and no worker sees it.
static void refuse(const struct endpoint *from, uint16_t vlan)
{
	uint64_t before = LAB_COUNTER(&lab, other);
	unsigned listener = from->family == ENDPOINT_V6 ? 1 : 0;
	size_t length = dpdk_lab_datagram(
		frame, from, &lab.listeners[listener].address, vlan, SPAN("not for us"));

	cr_assert(dpdk_lab_feed(&lab, 0, lab.pool, span_of(frame, length)));
	cr_assert(eq(uint, receive(), 0));
	cr_assert(eq(u64, LAB_COUNTER(&lab, other), before + 1));
}

Test(dpdk_ring, a_datagram_of_a_vlan_that_the_host_is_not_on_is_the_kernels)
{
	refuse(&peer, 41);
	refuse(&peer6, 43);
	refuse(&peer, 4094);
}

Test(dpdk_ring, a_datagram_that_says_it_is_from_this_host_is_the_kernels)
{
	struct endpoint own = dpdk_lab_endpoint("192.0.2.1", 53);
	struct endpoint own6 = dpdk_lab_endpoint("2001:db8::1", 53);

	refuse(&own, 0);
	refuse(&own6, 0);
	refuse(&own, 42);
}

Test(dpdk_ring, a_packet_has_room_before_and_behind_and_grows_in_place)
{
	static uint8_t octets[1472];
	const uint32_t lengths[] = {0, 1, 500, 1472};

	for (unsigned i = 0; i < 4; i++) {
		dpdk_lab_feed_datagram(&lab, 0, &peer, 1, span_of(octets, lengths[i]));
		cr_assert(eq(uint, receive(), 1));
		struct packet *packet = packets[0];
		uint8_t *end = packet->buffer + packet->capacity;

		cr_assert(ge(long, packet->octets - packet->buffer, PACKET_HEAD_ROOM_MIN));
		cr_assert(ge(long, end - packet->octets - packet->length, IO_TAIL_ROOM));
		memset(packet->buffer, 'x', packet->capacity);
		packet->octets = packet->buffer;
		packet->length = 900;
		send_one(packet, 0);
		struct frame sent = frame_sent(0);

		cr_assert(eq(int, sent.length, 900));
		cr_assert(eq(int, frame[sent.payload + 899], 'x'));
	}
}

Test(dpdk_ring, an_answer_leaves_to_the_neighbour_by_its_listener)
{
	const struct endpoint peers[] = {peer, peer6};

	for (unsigned i = 0; i < 2; i++) {
		dpdk_lab_feed_datagram(&lab, 0, &peers[i], i + 1, SPAN("ping"));
		cr_assert(eq(uint, receive(), 1));
		send_one(packets[0], 0);
		struct frame sent = frame_sent(0);

		cr_assert(endpoint_equal(&sent.source, &lab.listeners[i].address));
		cr_assert(endpoint_equal(&sent.destination, &peers[i]));
		cr_assert(span_equal(span_of(frame + sent.payload, sent.length), SPAN("ping")));
		cr_assert(eq(int, memcmp(frame, lab_peer_mac, 6), 0));
		cr_assert(eq(int, memcmp(frame + 6, lab_mac, 6), 0));
	}
	cr_assert(eq(u64, LAB_COUNTER(&lab, sent), 2));
	cr_assert(eq(u64, LAB_COUNTER(&lab, by_kernel), 0));
}

Test(dpdk_ring, an_unknown_neighbour_is_the_kernels_business)
{
	struct endpoint at;
	int phone = dpdk_lab_socket(AF_INET, &at);
	uint8_t octets[16];

	send_one(dpdk_lab_packet(&lab, 0, &at, 1, SPAN("by the kernel")), 0);
	cr_assert(eq(long, recv(phone, octets, sizeof(octets), 0), 13));
	cr_assert(eq(u64, LAB_COUNTER(&lab, by_kernel), 1));
	cr_assert(eq(u64, LAB_COUNTER(&lab, sent), 0));
	close(phone);
}

Test(dpdk_ring, without_a_picture_all_leaves_by_the_kernel)
{
	const struct next_hops *hops = atomic_exchange(&lab.hops, NULL);
	struct endpoint at;
	int phone = dpdk_lab_socket(AF_INET6, &at);
	uint8_t octets[16];

	send_one(dpdk_lab_packet(&lab, 0, &at, 2, SPAN("six")), 0);
	cr_assert(eq(long, recv(phone, octets, sizeof(octets), 0), 3));
	atomic_store(&lab.hops, hops);
	close(phone);
}

Test(dpdk_ring, a_stale_neighbour_is_used_and_the_kernel_reminded_once_a_second)
{
	struct endpoint stale = dpdk_lab_endpoint("192.0.2.8", 5070);

	for (unsigned i = 0; i < 20; i++) {
		struct packet *packet = dpdk_lab_packet(&lab, 0, &stale, 1, SPAN("are you there?"));

		// The kernel may refuse, since its routes are not ours: that it was asked is what counts.
		(void)port->ops->send(port, &packet, 1);
	}
	cr_assert(eq(u64, LAB_COUNTER(&lab, by_kernel), 1));
	cr_assert(eq(u64, LAB_COUNTER(&lab, sent), 19));
	usleep(1100 * 1000);
	struct packet *packet = dpdk_lab_packet(&lab, 0, &stale, 1, SPAN("and now?"));

	(void)port->ops->send(port, &packet, 1);
	cr_assert(eq(u64, LAB_COUNTER(&lab, by_kernel), 2));
}

Test(dpdk_ring, what_exceeds_the_mtu_the_kernel_cuts)
{
	static uint8_t octets[60000];
	const uint32_t lengths[] = {1472, 1473, 1500, 4000, 60000};

	for (unsigned i = 0; i < 5; i++) {
		struct packet *packet =
			dpdk_lab_packet(&lab, 0, &peer, 1, span_of(octets, lengths[i]));

		(void)port->ops->send(port, &packet, 1);
		cr_assert(eq(u64, LAB_COUNTER(&lab, sent), 1));
		cr_assert(eq(u64, LAB_COUNTER(&lab, by_kernel), i));
	}
	// 40 octets of header for IPv6.
	send_one(dpdk_lab_packet(&lab, 0, &peer6, 2, span_of(octets, 1452)), 0);
	struct packet *packet = dpdk_lab_packet(&lab, 0, &peer6, 2, span_of(octets, 1453));

	(void)port->ops->send(port, &packet, 1);
	cr_assert(eq(u64, LAB_COUNTER(&lab, sent), 2));
	cr_assert(eq(u64, LAB_COUNTER(&lab, by_kernel), 5));
}

static struct next_hops *picture_of_mtu(uint16_t mtu)
{
	const struct next_hop_interface interface = {.interface = LAB_INTERFACE, .mtu = mtu};
	struct next_hop_route route = {.interface = LAB_INTERFACE};
	struct next_hop_neighbour neighbour = {
		.address = dpdk_lab_endpoint("192.0.2.9", 0), .interface = LAB_INTERFACE};

	cr_assert(prefix_parse(SPAN("192.0.2.0/24"), &route.prefix));
	memcpy(neighbour.mac, lab_peer_mac, sizeof(lab_peer_mac));
	return next_hops_new(&interface, 1, &route, 1, &neighbour, 1);
}

Test(dpdk_ring, what_exceeds_the_devices_mtu_the_kernel_cuts_though_its_interface_has_grown)
{
	static uint8_t octets[1473];
	struct next_hops *grown = picture_of_mtu(9000);
	const struct next_hops *before = atomic_exchange(&lab.hops, grown);

	for (uint32_t length = 1472; length <= 1473; length++) {
		struct packet *packet = dpdk_lab_packet(&lab, 0, &peer, 1, span_of(octets, length));

		(void)port->ops->send(port, &packet, 1);
	}
	cr_assert(eq(u64, LAB_COUNTER(&lab, sent), 1));
	cr_assert(eq(u64, LAB_COUNTER(&lab, by_kernel), 1));
	atomic_store(&lab.hops, before);
	next_hops_free(grown);
}

Test(dpdk_ring, a_large_message_leaves_whole_by_the_kernel)
{
	static uint8_t octets[60000];
	static uint8_t got[65536];
	struct endpoint at;
	int phone = dpdk_lab_socket(AF_INET, &at);

	octets[0] = 'a';
	octets[59999] = 'z';
	send_one(dpdk_lab_packet(&lab, 0, &at, 1, span_of(octets, sizeof(octets))), 0);
	cr_assert(eq(long, recv(phone, got, sizeof(got), 0), 60000));
	cr_assert(eq(int, memcmp(got, octets, sizeof(octets)), 0));
	close(phone);
}

Test(dpdk_ring, the_guard_socket_hears_what_the_network_says)
{
	struct io_unreachable report;
	struct endpoint gone;
	unsigned count = 0;

	close(dpdk_lab_socket(AF_INET, &gone));
	send_one(dpdk_lab_packet(&lab, 0, &gone, 1, SPAN("hello?")), 0);
	for (unsigned i = 0; i < 2000 && count == 0; i++) {
		port->ops->wait(port, 10);
		count = port->ops->unreachable(port, &report, 1);
	}
	cr_assert(eq(uint, count, 1));
	cr_assert(endpoint_equal(&report.peer, &gone));
	cr_assert(eq(int, report.listener, 1));
}

Test(dpdk_ring, the_guard_socket_is_deaf_and_keeps_the_kernel_silent)
{
	struct endpoint at;
	int phone = dpdk_lab_socket(AF_INET, &at);
	struct sockaddr_in guard = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(lab.guard_at[0].port)};
	uint8_t octet;

	cr_assert(eq(int, connect(phone, (struct sockaddr *)&guard, sizeof(guard)), 0));
	for (unsigned i = 0; i < 2; i++) {
		cr_assert(eq(long, send(phone, "hello", 5, 0), 5));
		cr_assert(eq(long, recv(phone, &octet, 1, 0), -1));
		cr_assert(eq(int, errno, EAGAIN));
		cr_assert(eq(long, recv(lab.listeners[0].guard, &octet, 1, MSG_DONTWAIT), -1));
		cr_assert(eq(int, errno, EAGAIN));
	}
	close(phone);
}

Test(dpdk_ring, a_guard_socket_of_an_earlier_life_is_taken_again)
{
	struct io_port *again;

	cr_assert(eq(int,
		io_dpdk_open(0, lab.listeners, LAB_LISTENERS, &lab.hops, DPDK_IDLE_POLL,
			lab.wakeup[0], &again),
		0));
	again->ops->close(again);
}

Test(dpdk_ring, a_wait_ends_by_the_eventfd_and_reads_it)
{
	uint64_t begin = clock_ms();
	eventfd_t value;

	// The first waits only poll.
	for (unsigned i = 0; i < 1000; i++)
		port->ops->wait(port, 0);
	cr_assert(eq(int, eventfd_write(lab.wakeup[0], 1), 0));
	port->ops->wait(port, 5000);
	cr_assert(lt(u64, clock_ms() - begin, 4000));
	cr_assert(eq(int, eventfd_read(lab.wakeup[0], &value), -1));
	begin = clock_ms();
	port->ops->wait(port, 30);
	cr_assert(ge(u64, clock_ms() - begin, 29));
}

static void *feed_late(void *argument)
{
	usleep(50 * 1000);
	dpdk_lab_feed_datagram(&lab, 0, &peer, 1, SPAN("late"));
	return argument;
}

Test(dpdk_ring, a_wait_ends_by_a_frame_which_is_received_next)
{
	uint64_t begin = clock_ms();
	pthread_t feeder;

	cr_assert(eq(int, pthread_create(&feeder, NULL, feed_late, NULL), 0));
	while (receive() == 0 && clock_ms() - begin < 5000)
		port->ops->wait(port, 5000);
	cr_assert(lt(u64, clock_ms() - begin, 4000));
	cr_assert(span_equal(text(packets[0]), SPAN("late")));
	port->ops->release(port, packets, 1);
	pthread_join(feeder, NULL);
}

Test(dpdk_ring, a_burst_larger_than_asked_for_waits_for_the_next_call)
{
	uint8_t number = 0;

	for (uint8_t i = 0; i < 40; i++)
		dpdk_lab_feed_datagram(&lab, 0, &peer, 1, span_of(&i, 1));
	// What the wait receives comes first.
	port->ops->wait(port, 0);
	while (number < 40) {
		unsigned got = port->ops->receive(port, packets, 16);

		cr_assert(got > 0 && got <= 16);
		for (unsigned i = 0; i < got; i++)
			cr_assert(eq(int, packets[i]->octets[0], number++));
		port->ops->release(port, packets, got);
	}
	cr_assert(eq(uint, receive(), 0));
}
