// test_io_memory.c: the backend without a network keeps order, octets and packets.

#include "io_memory.h"
#include "pool.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static const struct endpoint phone = {
	.address = {192, 0, 2, 1}, .family = ENDPOINT_V4, .port = 5060};
static const struct endpoint core = {
	.address = {198, 51, 100, 1}, .family = ENDPOINT_V4, .port = 5080};

static struct io_port *port;
static int wakeup;

static void setup(void)
{
	wakeup = eventfd(0, EFD_NONBLOCK);
	port = io_memory_open(wakeup);
	cr_assert(port != NULL);
}

static void teardown(void)
{
	port->ops->close(port);
	close(wakeup);
}

TestSuite(io_memory, .init = setup, .fini = teardown);

static struct packet *receive_one(void)
{
	struct packet *packet = NULL;

	cr_assert(eq(uint, port->ops->receive(port, &packet, 1), 1));
	return packet;
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

Test(io_memory, datagrams_come_out_in_order_with_their_source_and_listener)
{
	struct packet *packets[BURST_MAX];

	cr_assert(eq(int, io_memory_feed(port, 3, &phone, SPAN("first")), 0));
	cr_assert(eq(int, io_memory_feed(port, 4, &core, SPAN("second")), 0));
	cr_assert(eq(uint, port->ops->receive(port, packets, BURST_MAX), 2));

	cr_assert(span_equal(span_of(packets[0]->octets, packets[0]->length), SPAN("first")));
	cr_assert(endpoint_equal(&packets[0]->peer, &phone));
	cr_assert(eq(int, packets[0]->listener, 3));
	cr_assert(span_equal(span_of(packets[1]->octets, packets[1]->length), SPAN("second")));
	cr_assert(eq(int, packets[1]->listener, 4));
	port->ops->release(port, packets, 2);
	cr_assert(eq(uint, port->ops->receive(port, packets, BURST_MAX), 0));
}

Test(io_memory, what_is_sent_can_be_taken_and_its_packet_is_back)
{
	struct io_memory_sent sent;

	cr_assert(eq(int, io_memory_feed(port, 1, &phone, SPAN("hello")), 0));
	struct packet *packet = receive_one();

	packet->peer = core;
	packet->listener = 2;
	cr_assert(eq(uint, io_memory_packets_out(port), 1));
	cr_assert(eq(u32, port->ops->send(port, &packet, 1), 0));
	cr_assert(eq(uint, io_memory_packets_out(port), 0));
	cr_assert(io_memory_take(port, &sent));
	cr_assert(span_equal(span_of(sent.octets, sent.length), SPAN("hello")));
	cr_assert(endpoint_equal(&sent.peer, &core));
	cr_assert(eq(int, sent.listener, 2));
	free(sent.octets);
	cr_assert(not(io_memory_take(port, &sent)));
}

Test(io_memory, every_packet_has_its_room_before_and_behind)
{
	static const uint8_t octets[65507];
	size_t lengths[] = {0, 1, pool_room(POOL_NORMAL), pool_room(POOL_NORMAL) + 1, 65507};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		cr_assert(eq(int, io_memory_feed(port, 1, &phone, span_of(octets, lengths[i])), 0));
		struct packet *packet = receive_one();

		cr_assert(eq(sz, packet->length, lengths[i]));
		cr_assert(packet->octets - packet->buffer >= PACKET_HEAD_ROOM);
		cr_assert(packet->buffer + packet->capacity - packet->octets - packet->length
			>= IO_TAIL_ROOM);
		port->ops->release(port, &packet, 1);
	}
}

Test(io_memory, a_datagram_beyond_the_largest_is_refused)
{
	static const uint8_t octets[70000];

	cr_assert(eq(
		int, io_memory_feed(port, 1, &phone, span_of(octets, sizeof(octets))), -EMSGSIZE));
}

Test(io_memory, packets_can_run_out_and_what_came_waits)
{
	struct packet *packets[4096];
	unsigned count = 0;

	while ((packets[count] = port->ops->allocate(port, 100)) != NULL)
		count++;
	cr_assert(eq(int, io_memory_feed(port, 1, &phone, SPAN("late")), 0));
	cr_assert(eq(uint, port->ops->receive(port, packets + count, 1), 0));
	port->ops->release(port, packets, count);
	struct packet *packet = receive_one();

	cr_assert(span_equal(span_of(packet->octets, packet->length), SPAN("late")));
	port->ops->release(port, &packet, 1);
	cr_assert(eq(uint, io_memory_packets_out(port), 0));
}

Test(io_memory, a_refused_endpoint_is_told_apart_and_reported)
{
	struct io_unreachable report;
	struct packet *packets[2];

	for (unsigned i = 0; i < 2; i++) {
		packets[i] = port->ops->allocate(port, 10);
		packets[i]->length = 10;
		packets[i]->listener = 7;
		packets[i]->peer = i == 0 ? phone : core;
	}
	io_memory_refuse(port, &core);
	cr_assert(eq(u32, port->ops->send(port, packets, 2), 2));
	cr_assert(eq(uint, port->ops->unreachable(port, &report, 1), 1));
	cr_assert(endpoint_equal(&report.peer, &core));
	cr_assert(eq(int, report.listener, 7));
	cr_assert(eq(uint, port->ops->unreachable(port, &report, 1), 0));
}

Test(io_memory, a_wait_ends_by_a_datagram_by_the_eventfd_and_by_time)
{
	uint64_t begin = clock_ms();

	port->ops->wait(port, 20);
	cr_assert(ge(u64, clock_ms() - begin, 19));
	begin = clock_ms();
	cr_assert(eq(int, eventfd_write(wakeup, 1), 0));
	port->ops->wait(port, 5000);
	cr_assert(eq(int, io_memory_feed(port, 1, &phone, SPAN("x")), 0));
	port->ops->wait(port, 5000);
	cr_assert(lt(u64, clock_ms() - begin, 4000));
}
