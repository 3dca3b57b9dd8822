// One connection on a thread that the test plays: what it writes to whom does not read.

#include "streams/stream_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	WRITE_OCTETS = 65536,
	SLOT = 3,
};

static struct streams *streams;
static struct stream_thread *thread;
static struct stream_listener listener = {.id = 1, .transport = TRANSPORT_TCP};
static const struct endpoint peer = {
	.family = ENDPOINT_V4, .port = 5060, .address = {192, 0, 2, 1}};
static int far;
static uint8_t octets[WRITE_OCTETS];

static void setup(void)
{
	streams = calloc(1, sizeof(*streams));
	thread = calloc(1, sizeof(*thread));
	streams->options.limits = (struct stream_limits){
		.message_octets = 16384, .write_octets = WRITE_OCTETS, .flows = SLOT + 1};
	streams->admission.total_max = streams->admission.source_max = 2;
	cr_assert(eq(int, mailbox_init(&streams->inbox), 0));
	thread->streams = streams;
	thread->base = event_base_new();
	thread->by_slot = calloc(SLOT + 2, sizeof(struct stream *));
	LIST_INIT(&thread->connections);
}

static void teardown(void)
{
	while (!LIST_EMPTY(&thread->connections))
		stream_close(LIST_FIRST(&thread->connections), STREAM_END_STOP);
	event_base_free(thread->base);
	mailbox_fini(&streams->inbox);
	free(thread->by_slot);
	free(thread);
	free(streams);
	close(far);
}

TestSuite(stream, .init = setup, .fini = teardown);

static struct stream *connect_one(void)
{
	int sockets[2];

	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0));
	cr_assert(admission_take(&streams->admission, &peer));
	far = sockets[1];
	return stream_new(thread, &listener, sockets[0], &peer);
}

// Gives the connection its flow, as the main loop does.
static void flow_give(struct stream *connection, uint32_t generation)
{
	connection->mail->slot = SLOT;
	connection->mail->generation = generation;
	connection->mail->refused = 0;
	stream_take_flow(connection, connection->mail);
}

// A part of a frame would make the next message its rest.
Test(stream, writes_nothing_after_what_found_no_room)
{
	struct stream *connection = connect_one();

	for (unsigned i = 0; i < 100 && connection->wait != WAIT_END; i++)
		stream_write_octets(connection, span_of(octets, 60000));
	cr_assert(eq(int, connection->wait, WAIT_END));
	cr_assert(eq(int, connection->end, STREAM_END_STALLED));
	size_t waiting = stream_output_length(connection);

	stream_write(connection, SPAN("small"));
	cr_assert(eq(sz, stream_output_length(connection), waiting));
}

Test(stream, that_closes_leaves_the_slot_to_the_connection_that_has_it_now)
{
	struct stream *before = connect_one();

	flow_give(before, 1000);
	close(far);
	struct stream *after = connect_one();

	flow_give(after, 1001);
	stream_close(before, STREAM_END_PEER);
	cr_assert(eq(ptr, thread->by_slot[SLOT], after));
}
