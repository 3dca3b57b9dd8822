// test_io_joined.c: two backends under one worker: what comes by one may leave by the other, and every packet goes home.

#include "io_joined.h"
#include "io_memory.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

enum {
	FIRST = 3, // listeners
	SECOND = 7,
	LARGE = 30000,
};

static const struct endpoint phone = {
	.address = {192, 0, 2, 1}, .family = ENDPOINT_V4, .port = 5060};
static const struct endpoint core = {
	.address = {198, 51, 100, 1}, .family = ENDPOINT_V4, .port = 5080};

static struct io_port *first;
static struct io_port *second;
static struct io_port *joined;
static struct packet *packets[BURST_MAX];

static void setup(void)
{
	static const uint8_t ids[] = {SECOND};

	first = io_memory_open(-1);
	second = io_memory_open(-1);
	cr_assert(first != NULL && second != NULL);
	cr_assert(eq(int, io_joined_open(first, second, ids, 1, &joined), 0));
}

static void teardown(void)
{
	cr_assert(eq(uint, io_memory_packets_out(first), 0));
	cr_assert(eq(uint, io_memory_packets_out(second), 0));
	joined->ops->close(joined);
}

TestSuite(io_joined, .init = setup, .fini = teardown, .timeout = 30);

static void feed(struct io_port *port, uint8_t listener, struct span octets)
{
	cr_assert(eq(int, io_memory_feed(port, listener, &phone, octets), 0));
}

static void expect_sent(struct io_port *port, uint8_t listener, struct span octets)
{
	struct io_memory_sent sent;

	cr_assert(io_memory_take(port, &sent));
	cr_assert(eq(int, sent.listener, listener));
	cr_assert(endpoint_equal(&sent.peer, &core));
	cr_assert(span_equal(span_of(sent.octets, sent.length), octets));
	free(sent.octets);
}

static void aim(unsigned count, uint8_t listener)
{
	for (unsigned i = 0; i < count; i++) {
		packets[i]->peer = core;
		packets[i]->listener = listener;
	}
}

Test(io_joined, receives_from_both_and_starves_neither)
{
	for (unsigned i = 0; i < 2 * BURST_MAX; i++) {
		feed(first, FIRST, SPAN("a"));
		feed(second, SECOND, SPAN("b"));
	}
	unsigned seen[2] = {0};

	for (unsigned turn = 0; turn < 2; turn++) {
		cr_assert(eq(uint, joined->ops->receive(joined, packets, BURST_MAX), BURST_MAX));
		for (unsigned i = 0; i < BURST_MAX; i++)
			seen[packets[i]->listener == SECOND]++;
		joined->ops->release(joined, packets, BURST_MAX);
	}
	cr_assert(eq(uint, seen[0], BURST_MAX));
	cr_assert(eq(uint, seen[1], BURST_MAX));
}

Test(io_joined, sends_by_the_backend_of_the_listener_whichever_it_came_by)
{
	feed(first, FIRST, SPAN("stays"));
	feed(first, FIRST, SPAN("crosses"));
	feed(second, SECOND, SPAN("comes over"));
	feed(second, SECOND, SPAN("remains"));
	cr_assert(eq(uint, joined->ops->receive(joined, packets, BURST_MAX), 4));
	aim(4, FIRST);
	packets[1]->listener = SECOND;
	packets[3]->listener = SECOND;
	cr_assert(eq(u32, joined->ops->send(joined, packets, 4), 0));
	expect_sent(first, FIRST, SPAN("stays"));
	expect_sent(first, FIRST, SPAN("comes over"));
	expect_sent(second, SECOND, SPAN("crosses"));
	expect_sent(second, SECOND, SPAN("remains"));
}

Test(io_joined, carries_a_large_datagram_across_whole)
{
	uint8_t *octets = malloc(LARGE);

	for (unsigned i = 0; i < LARGE; i++)
		octets[i] = (uint8_t)(i * 7);
	feed(second, SECOND, span_of(octets, LARGE));
	cr_assert(eq(uint, joined->ops->receive(joined, packets, BURST_MAX), 1));
	aim(1, FIRST);
	cr_assert(eq(u32, joined->ops->send(joined, packets, 1), 0));
	expect_sent(first, FIRST, span_of(octets, LARGE));
	free(octets);
}

Test(io_joined, says_which_of_a_burst_was_refused_on_either_side)
{
	static const struct endpoint deaf = {
		.address = {192, 0, 2, 9}, .family = ENDPOINT_V4, .port = 1};
	struct io_unreachable reports[4];

	io_memory_refuse(second, &deaf);
	for (unsigned i = 0; i < 4; i++)
		feed(first, FIRST, SPAN("x"));
	cr_assert(eq(uint, joined->ops->receive(joined, packets, BURST_MAX), 4));
	aim(4, FIRST);
	packets[1]->listener = packets[3]->listener = SECOND;
	packets[3]->peer = deaf;
	cr_assert(eq(u32, joined->ops->send(joined, packets, 4), 1u << 3));
	cr_assert(eq(uint, joined->ops->unreachable(joined, reports, 4), 1));
	cr_assert(endpoint_equal(&reports[0].peer, &deaf));
	for (struct io_memory_sent sent; io_memory_take(first, &sent);)
		free(sent.octets);
	for (struct io_memory_sent sent; io_memory_take(second, &sent);)
		free(sent.octets);
}

Test(io_joined, refuses_what_finds_no_packet_on_the_other_side_and_loses_none)
{
	struct packet *held[65536];
	unsigned count = 0;

	while (count < 65536 && (held[count] = second->ops->allocate(second, 10)) != NULL)
		count++;
	cr_assert(lt(uint, count, 65536));
	feed(first, FIRST, SPAN("x"));
	cr_assert(eq(uint, joined->ops->receive(joined, packets, BURST_MAX), 1));
	aim(1, SECOND);
	cr_assert(eq(u32, joined->ops->send(joined, packets, 1), 1));
	for (unsigned i = 0; i < count; i++)
		second->ops->release(second, &held[i], 1);
}

Test(io_joined, gives_fresh_packets_that_may_leave_by_either)
{
	for (unsigned i = 0; i < 2; i++) {
		packets[i] = joined->ops->allocate(joined, 5);
		cr_assert(packets[i] != NULL);
		memcpy(packets[i]->octets, "hello", 5);
		packets[i]->length = 5;
	}
	aim(2, FIRST);
	packets[1]->listener = SECOND;
	cr_assert(eq(u32, joined->ops->send(joined, packets, 2), 0));
	expect_sent(first, FIRST, SPAN("hello"));
	expect_sent(second, SECOND, SPAN("hello"));
}
