// test_worker_streams.c: what comes and goes by the lane of a stream thread, through real threads, tables and stages.

#include "plane_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>

enum {
	SLOT = 5,
	GENERATION = 1000,
};

TestSuite(worker_streams, .init = plane_lab_start, .fini = plane_lab_stop, .timeout = 60);

static uint8_t body[FAKE_MESSAGE_MAX];
static struct link_up_message up;

static uint64_t flow_teach(uint8_t state)
{
	const struct flow_record record = {.id = {1, SLOT, GENERATION},
		.state = state,
		.listener = FAKE_STREAM,
		.transport = TRANSPORT_TCP,
		.peer = fake_endpoint("198.51.100.7:40000")};
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];

	return fake_record(&lab.control, LINK_FLOW, octets, flow_record_encode(&record, octets));
}

static void stream_down(const char *method, const char *target, uint64_t after, uint32_t tag)
{
	char text[1024];
	int length = snprintf(text, sizeof(text),
		"%s %s SIP/2.0\r\n"
		"Via: SIP/2.0/TCP 198.51.100.7:5060;branch=z9hG4bKs1\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:alice@example.net>;tag=1\r\n"
		"To: <sip:bob@example.net>\r\n"
		"Call-ID: s1\r\n"
		"CSeq: 1 %s\r\n"
		"Content-Length: 0\r\n\r\n",
		method, target, method);
	const struct link_down_message head = {
		.kind = LINK_DOWN_STREAM,
		.after = after,
		.slot = SLOT,
		.generation = GENERATION,
		.tag = tag,
		.listener = FAKE_STREAM,
		.peer = fake_endpoint("198.51.100.7:40000"),
		.length = (uint16_t)length,
	};

	fake_stream_down(&lab.control, &head, span_of(text, (size_t)length));
}

Test(worker_streams, a_message_by_a_connection_waits_for_its_flow_and_is_answered_there)
{
	stream_down("OPTIONS", "sip:edge1.example.net", lab.control.sequence + 1, 0);
	cr_assert(plane_lab_is_silent(20));
	cr_assert(eq(u64, plane_lab_count(VERDICT_OPTIONS), 0));
	flow_teach(FLOW_LIVE);
	cr_assert(fake_stream_up(&lab.control, &up, body));
	cr_assert(eq(int, up.kind, LINK_UP_STREAM));
	cr_assert(eq(u32, up.slot, SLOT));
	cr_assert(eq(u32, up.generation, GENERATION));
	cr_assert(eq(int, memcmp(body, "SIP/2.0 200 OK\r\n", 16), 0));
}

Test(worker_streams, what_waits_in_one_lane_does_not_hold_the_other)
{
	stream_down("OPTIONS", "sip:edge1.example.net", lab.control.sequence + 1, 0);
	const struct link_down_message head = {.kind = LINK_DOWN_SEND,
		.listener = FAKE_CORE,
		.peer = fake_endpoint("127.0.0.9:5060"),
		.length = 5};
	struct io_memory_sent sent;

	fake_down(&lab.control, &head, SPAN("hello"));
	cr_assert(ne(ptr, (void *)plane_lab_await_sent(&sent), NULL));
	flow_teach(FLOW_LIVE);
	cr_assert(fake_stream_up(&lab.control, &up, body));
}

Test(worker_streams, a_request_with_a_tag_that_leaves_by_udp_is_said_to_be_held)
{
	struct io_memory_sent sent;

	stream_down("MESSAGE", "sip:bob@example.net", flow_teach(FLOW_LIVE), 4711);
	const char *text = plane_lab_await_sent(&sent);

	cr_assert(ne(ptr, (void *)text, NULL));
	cr_assert(eq(int, strncmp(text, "MESSAGE ", 8), 0));
	cr_assert(fake_stream_up(&lab.control, &up, body));
	cr_assert(eq(int, up.kind, LINK_UP_HELD));
	cr_assert(eq(u32, up.tag, 4711));
	cr_assert(eq(u32, up.slot, SLOT));
	cr_assert(eq(int, up.length, 0));
}

Test(worker_streams, a_register_goes_to_the_main_loop_with_its_connection_and_tag)
{
	stream_down("REGISTER", "sip:example.net", flow_teach(FLOW_LIVE), 12);
	cr_assert(fake_up(&lab.control, &up, body));
	cr_assert(eq(int, up.kind, LINK_UP_REGISTER));
	cr_assert(eq(int, up.transport, TRANSPORT_TCP));
	cr_assert(eq(u32, up.slot, SLOT));
	cr_assert(eq(u32, up.generation, GENERATION));
	cr_assert(eq(u32, up.tag, 12));
}

Test(worker_streams, what_is_for_a_connection_that_has_closed_is_counted)
{
	uint64_t after = flow_teach(FLOW_LIVE);

	fake_await_applied(&lab.control, after);
	stream_down("OPTIONS", "sip:edge1.example.net", flow_teach(FLOW_GONE), 0);
	cr_assert(plane_lab_await_count(VERDICT_STREAM_GONE, 1));
}
