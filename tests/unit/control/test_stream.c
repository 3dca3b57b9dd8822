// One connection on a thread that the test plays: what it writes to whom does not read.

#include "streams/held.h"
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
	thread->held_by_source = calloc(HELD_SOURCES, sizeof(uint32_t));
	LIST_INIT(&thread->connections);
}

static void teardown(void)
{
	while (!LIST_EMPTY(&thread->connections))
		stream_close(LIST_FIRST(&thread->connections), STREAM_END_STOP);
	event_base_free(thread->base);
	mailbox_fini(&streams->inbox);
	free(thread->by_slot);
	free(thread->held_by_source);
	free(thread);
	free(streams);
	close(far);
}

TestSuite(stream, .init = setup, .fini = teardown);

static struct stream *connect_from(const struct endpoint *from)
{
	int sockets[2];

	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), 0));
	cr_assert(admission_take(&streams->admission, from));
	far = sockets[1];
	return stream_new(thread, &listener, sockets[0], from);
}

static struct stream *connect_one(void)
{
	return connect_from(&peer);
}

// Gives the connection its flow, as the main loop does.
static void flow_give(struct stream *connection, uint32_t generation)
{
	connection->mail->slot = SLOT;
	connection->mail->generation = generation;
	connection->mail->refusal = REFUSAL_NONE;
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

static const char request[] = "OPTIONS sip:edge1.test SIP/2.0\r\n"
			      "Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1\r\n"
			      "From: <sip:alice@example.net>;tag=1\r\n"
			      "To: <sip:edge1.test>\r\n"
			      "Call-ID: 1\r\n"
			      "CSeq: 1 OPTIONS\r\n"
			      "Content-Length: 0\r\n\r\n";

// True if it asks for a flow; else it is answered and ends.
static bool speak_and_close(void)
{
	struct stream *connection = connect_one();
	char answer[12];

	cr_assert(eq(sz, (size_t)write(far, request, sizeof(request) - 1), sizeof(request) - 1));
	stream_read_ready(connection->socket, EV_READ, connection);
	bool asked = connection->asked;

	if (!asked) {
		cr_assert(eq(int, connection->end, STREAM_END_REFUSED));
		cr_assert(eq(sz, (size_t)read(far, answer, sizeof(answer)), sizeof(answer)));
		cr_assert(eq(int, memcmp(answer, "SIP/2.0 503 ", sizeof(answer)), 0));
	}
	stream_close(connection, STREAM_END_PEER);
	close(far);
	return asked;
}

// Each flow that ends lets its slot rest: one source must not let all of them.
Test(stream, of_a_source_that_comes_again_and_again_is_refused)
{
	unsigned asked = 0;

	while (asked < 1000 && speak_and_close())
		asked++;
	// Twice, if a window ends meanwhile.
	cr_assert(ge(uint, asked, 2 * ADMISSION_FLOWS));
	cr_assert(le(uint, asked, 4 * ADMISSION_FLOWS));
	far = -1;
}

// Requests of a phone, whose worker says that each left by UDP, until one finds no room.
static size_t hold_all(struct stream *connection, size_t length)
{
	size_t before = connection->held_octets;

	memset(octets, 'x', sizeof(octets));
	memcpy(octets, request, sizeof(request) - 1);
	cr_assert(
		eq(int, message_parse(&thread->message, octets, sizeof(request) - 1), MESSAGE_OK));
	while (held_new(connection, span_of(octets, length)) != NULL)
		continue;
	return connection->held_octets - before;
}

static struct endpoint number(uint32_t host)
{
	return (struct endpoint){.family = ENDPOINT_V4,
		.port = 5060,
		.address = {10, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host}};
}

Test(stream, of_a_source_holds_a_fifth_of_the_room_and_leaves_the_rest_to_others)
{
	enum { CONNECTIONS = 40, LENGTH = 30000 };
	size_t hog = 0, other = 0;

	listener.side = SIDE_ACCESS;
	streams->admission.total_max = streams->admission.source_max = 1000;
	for (unsigned i = 0; i < CONNECTIONS; i++)
		hog += hold_all(connect_one(), LENGTH);
	cr_assert(le(sz, hog, HELD_OCTETS_MAX / 5 + LENGTH));
	cr_assert(gt(sz, hog, HELD_OCTETS_MAX / 5 - LENGTH));
	const struct endpoint from = number(1);
	other = hold_all(connect_from(&from), LENGTH);
	cr_assert(gt(sz, other, 60 * LENGTH));
}

Test(stream, of_many_sources_that_take_all_they_can_leaves_room_for_one_more)
{
	enum { SOURCES = 200, LENGTH = 60000 };

	listener.side = SIDE_ACCESS;
	streams->admission.total_max = 1000;
	for (uint32_t i = 0; i < SOURCES; i++) {
		const struct endpoint from = number(i);
		(void)hold_all(connect_from(&from), LENGTH);
	}
	const struct endpoint from = number(SOURCES);
	cr_assert(ge(sz, hold_all(connect_from(&from), 1000), 10000));
	while (!LIST_EMPTY(&thread->connections))
		stream_close(LIST_FIRST(&thread->connections), STREAM_END_STOP);
	cr_assert(eq(u32, thread->held_octets, 0));
	for (unsigned i = 0; i < HELD_SOURCES; i++)
		cr_assert(eq(u32, thread->held_by_source[i], 0));
}

// It is probed by way of the dataplane.
Test(stream, that_we_opened_is_left_when_it_says_nothing_though_it_can_be_asked)
{
	struct stream *connection = connect_one();

	connection->dial = calloc(1, sizeof(*connection->dial));
	connection->dial->silent_ms = 1000;
	flow_give(connection, 7);
	thread->now_ms += 5000;
	stream_check(connection);
	cr_assert(eq(ptr, (void *)LIST_FIRST(&thread->connections), connection));
	thread->lane_session = 1;
	thread->now_ms += 1000;
	stream_check(connection);
	cr_assert(eq(ptr, (void *)LIST_FIRST(&thread->connections), connection));
	thread->now_ms += 1;
	stream_check(connection);
	cr_assert(eq(ptr, (void *)LIST_FIRST(&thread->connections), NULL));
	cr_assert(eq(u64, thread->counts[STREAM_END_SILENT], 1));
}

static struct stream *connect_browser(void)
{
	static const char opening[] =
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Protocol: sip\r\n\r\n";

	listener.transport = TRANSPORT_WS;
	streams->options.limits.header_ms = 1000;
	streams->options.limits.first_ms = streams->options.limits.idle_ms = 1000000;
	streams->options.limits.keepalive_ms = streams->options.limits.write_ms = 1000000;
	thread->now_ms = 50000;
	struct stream *browser = connect_one();
	stream_take_websocket(browser, SPAN(opening));
	flow_give(browser, 1000);
	return browser;
}

// One octet a second, for ever. Returns after how many it is closed as too slow; 0: it is not.
static unsigned trickle(struct stream *browser, struct span frames)
{
	for (unsigned i = 0; i < 10; i++) {
		stream_take_websocket(browser, span_of(frames.octets + i % frames.length, 1));
		thread->now_ms += 600;
		stream_check(browser);
		if (thread->counts[STREAM_END_SLOW] > 0)
			return i + 1;
	}
	return 0;
}

Test(stream, of_a_browser_that_sends_a_message_too_slowly_ends)
{
	cr_assert(eq(uint, trickle(connect_browser(), SPAN("\x81\x85\0\0\0\0hello")), 2));
}

Test(stream, of_a_browser_that_sends_a_ping_too_slowly_ends)
{
	cr_assert(eq(uint, trickle(connect_browser(), SPAN("\x89\x85\0\0\0\0hello")), 2));
}

// A byte of payload and its head: no frame takes long, and there is no end of them.
Test(stream, of_a_browser_whose_fragments_never_end_ends)
{
	struct stream *browser = connect_browser();
	unsigned fragments = 0;

	stream_take_websocket(browser, SPAN("\x01\x81\0\0\0\0x"));
	while (thread->counts[STREAM_END_SLOW] == 0 && ++fragments < 100) {
		stream_take_websocket(browser, SPAN("\x89\x80\0\0\0\0"));
		stream_take_websocket(browser, SPAN("\0\x81\0\0\0\0x"));
		thread->now_ms += 500;
		stream_check(browser);
	}
	cr_assert(eq(uint, fragments, 3));
}

Test(stream, of_a_browser_that_sends_whole_frames_goes_on)
{
	struct stream *browser = connect_browser();

	for (unsigned i = 0; i < 10; i++) {
		stream_take_websocket(browser, SPAN("\x89\x80\0\0\0\0\x89"));
		stream_take_websocket(browser, SPAN("\x80\0\0\0\0"));
		thread->now_ms += 900;
		stream_check(browser);
		cr_assert(eq(int, (int)thread->counts[STREAM_END_SLOW], 0));
	}
	stream_take_websocket(browser, SPAN("\x89"));
	thread->now_ms += 1100;
	stream_check(browser);
	cr_assert(eq(int, (int)thread->counts[STREAM_END_SLOW], 1));
}
