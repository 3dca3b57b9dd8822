// test_worker.c: messages in, messages out, through real threads, tables and stages; control is played.

#include "plane_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PHONE "198.51.100.7:5060"

TestSuite(worker, .init = plane_lab_start, .fini = plane_lab_stop, .timeout = 60);

static const char options[] = "OPTIONS sip:edge1.example.net SIP/2.0\r\n"
			      "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKopt1\r\n"
			      "Max-Forwards: 70\r\n"
			      "From: <sip:alice@example.net>;tag=1\r\n"
			      "To: <sip:edge1.example.net>\r\n"
			      "Call-ID: options@test\r\n"
			      "CSeq: 1 OPTIONS\r\n"
			      "\r\n";

static struct span text_span(const char *text)
{
	return span_of(text, strlen(text));
}

// A REGISTER with a body of so many octets.
static struct span register_write(char *out, unsigned number, size_t body)
{
	int length = sprintf(out,
		"REGISTER sip:example.net SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKreg%u\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:alice@example.net>;tag=2\r\n"
		"To: <sip:alice@example.net>\r\n"
		"Call-ID: register%u@test\r\n"
		"CSeq: 1 REGISTER\r\n"
		"Contact: <sip:alice@198.51.100.7:5060>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\n"
		"Supported: path, outbound\r\n"
		"Content-Length: %zu\r\n"
		"\r\n",
		number, number, body);

	memset(out + length, 'x', body);
	return span_of(out, (size_t)length + body);
}

static struct link_down_message send_head(const char *to, struct span body)
{
	return (struct link_down_message){
		.kind = LINK_DOWN_SEND,
		.listener = FAKE_CORE,
		.peer = fake_endpoint(to),
		.length = (uint16_t)body.length,
	};
}

static void options_are_answered(void)
{
	struct io_memory_sent sent;
	const char *text;

	plane_lab_feed(FAKE_ACCESS, PHONE, text_span(options));
	text = plane_lab_await_sent(&sent);
	cr_assert(text != NULL);
	cr_assert(eq(int, strncmp(text, "SIP/2.0 200 OK\r\n", 16), 0));
	struct endpoint phone = fake_endpoint(PHONE);

	cr_assert(endpoint_equal(&sent.peer, &phone));
	cr_assert(eq(int, sent.listener, FAKE_ACCESS));
}

Test(worker, a_request_to_the_edge_is_answered_to_its_source)
{
	options_are_answered();
	cr_assert(eq(u64, plane_lab_count(VERDICT_OPTIONS), 1));
	cr_assert(eq(u64, plane_lab_received(), 1));
}

Test(worker, every_message_has_exactly_one_verdict)
{
	static const char *const messages[] = {options, "\r\n\r\n",
		"no SIP at all, but long enough", "INVITE sip:x@example.net SIP/2.0\r\n\r\n",
		"BYE sip:x SIP/3.0\r\n\r\n",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n\r\n"};
	const unsigned kinds = sizeof(messages) / sizeof(messages[0]);

	for (unsigned i = 0; i < 600; i++)
		plane_lab_feed(
			(uint8_t)(1 + i % 3), "127.0.0.9:5060", text_span(messages[i % kinds]));
	for (unsigned i = 0; i < 5000 && plane_lab_received() < 600; i++)
		usleep(1000);
	cr_assert(eq(u64, plane_lab_received(), 600));
	cr_assert(ge(u64, plane_lab_count(VERDICT_KEEPALIVE), 100));
	// The sum is compared when the lab stops.
}

// Four buckets are one cache line, and so one miss.
Test(worker, no_place_of_its_sources_lies_across_two_cache_lines)
{
	const struct sources *sources = lab.plane->worker[0].limits.sources;

	cr_assert(eq(sz, (uintptr_t)sources->place[0] % 64, 0));
	cr_assert(eq(sz, sizeof(sources->place[0]), 64));
}

Test(worker, a_register_goes_up_and_comes_back_with_a_flow)
{
	static char text[2048];
	static uint8_t body[FAKE_MESSAGE_MAX];
	struct link_up_message up;
	struct io_memory_sent sent;
	struct span request = register_write(text, 1, 0);
	struct endpoint phone = fake_endpoint(PHONE);
	const char *out;

	plane_lab_feed(FAKE_ACCESS, PHONE, request);
	cr_assert(fake_up(&lab.control, &up, body));
	cr_assert(eq(int, up.kind, LINK_UP_REGISTER));
	cr_assert(eq(int, up.listener, FAKE_ACCESS));
	cr_assert(eq(int, up.side, SIDE_ACCESS));
	cr_assert(eq(int, up.transport, TRANSPORT_UDP));
	cr_assert(endpoint_equal(&up.source, &phone));
	cr_assert(span_equal(span_of(body, up.length), request));

	const struct link_down_message grant = {.kind = LINK_DOWN_GRANT,
		.listener = FAKE_ACCESS,
		.peer = phone,
		.length = up.length,
		.slot = 5,
		.generation = 1700000000,
		.uak = 42};

	fake_down(&lab.control, &grant, request);
	out = plane_lab_await_sent(&sent);
	struct endpoint core = fake_endpoint("127.0.0.9:5060");

	cr_assert(out != NULL && strncmp(out, "REGISTER ", 9) == 0);
	cr_assert(endpoint_equal(&sent.peer, &core));
	cr_assert(eq(int, sent.listener, FAKE_CORE));
	cr_assert(ne(ptr, (void *)strstr(out, "\r\nPath: <sip:"), NULL));
	cr_assert(eq(u64, plane_lab_count(VERDICT_REGISTER), 1));
	cr_assert(eq(u64, plane_lab_count(VERDICT_UPSTREAM), 1));
}

Test(worker, a_register_that_control_refuses_is_answered)
{
	static char text[2048];
	struct io_memory_sent sent;
	struct span request = register_write(text, 1, 0);
	const struct link_down_message refuse = {.kind = LINK_DOWN_REFUSE,
		.listener = FAKE_ACCESS,
		.peer = fake_endpoint(PHONE),
		.length = (uint16_t)request.length,
		.status = 403};
	const char *out;

	fake_down(&lab.control, &refuse, request);
	out = plane_lab_await_sent(&sent);
	cr_assert(out != NULL && strncmp(out, "SIP/2.0 403 ", 12) == 0);
	cr_assert(eq(u64, plane_lab_count(VERDICT_CONTROL_ANSWER), 1));
}

Test(worker, a_message_waits_for_its_records_and_all_behind_it)
{
	struct link_down_message first = send_head("127.0.0.9:5060", SPAN("first"));
	struct link_down_message second = send_head("127.0.0.9:5060", SPAN("second"));
	const struct link_snapshot snapshot = {.edge = 2};
	struct io_memory_sent sent;

	first.after = lab.control.sequence + 1;
	fake_down(&lab.control, &first, SPAN("first"));
	fake_down(&lab.control, &second, SPAN("second"));
	cr_assert(plane_lab_is_silent(150));
	options_are_answered(); // the wire goes on

	fake_record(&lab.control, LINK_SNAPSHOT_BEGIN, &snapshot, sizeof(snapshot));
	cr_assert(eq(str, (char *)plane_lab_await_sent(&sent), "first"));
	cr_assert(eq(str, (char *)plane_lab_await_sent(&sent), "second"));
}

Test(worker, with_a_stopped_keeper_nothing_that_waits_is_sent)
{
	struct link_down_message head = send_head("127.0.0.9:5060", SPAN("held"));
	const struct link_snapshot snapshot = {.edge = 2};

	keeper_stop(&lab.plane->keeper);
	fake_record(&lab.control, LINK_SNAPSHOT_BEGIN, &snapshot, sizeof(snapshot));
	head.after = lab.control.sequence;
	fake_down(&lab.control, &head, SPAN("held"));
	cr_assert(plane_lab_is_silent(200));
	atomic_store(&lab.plane->keeper.stop, false);
	cr_assert(eq(int, keeper_start(&lab.plane->keeper), 0));
	struct io_memory_sent sent;

	cr_assert(eq(str, (char *)plane_lab_await_sent(&sent), "held"));
}

Test(worker, a_full_ring_turns_registers_away_while_there_is_still_room)
{
	static char text[70000];
	struct io_memory_sent sent;
	const char *out;

	// 2 MiB of ring, half of it for REGISTERs of 60 kB each.
	for (unsigned i = 0; i < 30; i++)
		plane_lab_feed(FAKE_ACCESS, PHONE, register_write(text, i, 60000));
	cr_assert(plane_lab_await_count(VERDICT_OVERLOAD, 1));
	for (unsigned i = 0; i < 5000 && plane_lab_received() < 30; i++)
		usleep(1000);
	uint64_t up = plane_lab_count(VERDICT_REGISTER);

	cr_assert(up >= 16 && up <= 19);
	cr_assert(eq(u64, plane_lab_count(VERDICT_OVERLOAD), 30 - up));
	out = plane_lab_await_sent(&sent);
	cr_assert(out != NULL && strncmp(out, "SIP/2.0 503 ", 12) == 0);
	cr_assert(ne(ptr, (void *)strstr(out, "\r\nRetry-After: "), NULL));
}

Test(worker, without_control_requests_go_on_and_registers_are_turned_away)
{
	static char text[2048];
	struct io_memory_sent sent;
	const char *out;

	plane_lab_disconnect();
	options_are_answered();
	plane_lab_feed(FAKE_ACCESS, PHONE, register_write(text, 1, 0));
	out = plane_lab_await_sent(&sent);
	cr_assert(out != NULL && strncmp(out, "SIP/2.0 503 ", 12) == 0);
	cr_assert(eq(u64, plane_lab_count(VERDICT_OVERLOAD), 1));
}

Test(worker, the_next_control_sees_what_was_counted_before_it)
{
	const struct link_counters *shown;

	options_are_answered();
	plane_lab_disconnect();
	options_are_answered();
	plane_lab_connect();
	shown = region_counters(&lab.control.region, 0);
	for (unsigned i = 0; i < 5000 && atomic_load(&shown->received) < 2; i++)
		usleep(1000);
	cr_assert(eq(u64, atomic_load(&shown->received), 2));
	cr_assert(eq(u64, atomic_load(&shown->verdicts[VERDICT_OPTIONS]), 2));
	uint64_t bursts = atomic_load(&shown->bursts);

	usleep(200000); // while idle, too
	cr_assert(gt(u64, atomic_load(&shown->bursts), bursts));
}

Test(worker, what_control_writes_over_counters_and_applied_is_not_believed)
{
	struct link_counters *shown = region_counters(&lab.control.region, 0);
	struct link_down_message head = send_head("127.0.0.9:5060", SPAN("early"));

	atomic_store(&shown->received, 12345);
	options_are_answered();
	cr_assert(eq(u64, plane_lab_received(), 1));
	atomic_store(&lab.control.region.shared->applied, 1000000);
	head.after = 999;
	fake_down(&lab.control, &head, SPAN("early"));
	cr_assert(plane_lab_is_silent(150));
}

Test(worker, a_send_that_fails_is_counted_as_that)
{
	struct link_down_message head = send_head("127.0.0.9:5060", SPAN("lost"));
	struct endpoint core = fake_endpoint("127.0.0.9:5060");

	io_memory_refuse(lab.port, &core);
	fake_down(&lab.control, &head, SPAN("lost"));
	cr_assert(plane_lab_await_count(VERDICT_SEND_FAILED, 1));
	cr_assert(eq(u64, plane_lab_count(VERDICT_SENT_FOR_CONTROL), 0));
}

Test(worker, control_sends_only_where_its_listener_may)
{
	struct link_down_message head = send_head("127.0.0.9:5060", SPAN("out"));

	head.listener = FAKE_ACCESS;
	head.peer = fake_endpoint("203.0.113.1:5060");
	fake_down(&lab.control, &head, SPAN("out"));
	cr_assert(plane_lab_await_count(VERDICT_EGRESS_GUARD, 1));
	cr_assert(plane_lab_is_silent(20));
}

static bool session_breaks(void)
{
	struct pollfd broken = {lab.plane->broken, POLLIN, 0};

	return poll(&broken, 1, 5000) == 1 && atomic_load(&lab.session->broken);
}

// Every way in which a message of control's can be none.
static void hostile_down(uint16_t type, struct link_down_message head, size_t head_length)
{
	cr_assert(eq(int,
		ring_write(&lab.control.down, type, 0, span_of(&head, head_length), SPAN("body")),
		0));
	(void)ring_needs_signal(&lab.control.down);
	worker_wake(&lab.plane->worker[0]);
	cr_assert(session_breaks());
	options_are_answered();
}

Test(worker, a_record_of_another_type_breaks_the_session_alone)
{
	struct link_down_message head = send_head("127.0.0.9:5060", SPAN("body"));

	hostile_down(LINK_FLOW, head, sizeof(head));
}

Test(worker, a_record_without_its_head_breaks_the_session_alone)
{
	struct link_down_message head = send_head("127.0.0.9:5060", SPAN("body"));

	hostile_down(LINK_DOWN_MESSAGE, head, 8);
}

Test(worker, a_length_that_is_not_the_records_breaks_the_session_alone)
{
	struct link_down_message head = send_head("127.0.0.9:5060", SPAN("body"));

	head.length = 1000;
	hostile_down(LINK_DOWN_MESSAGE, head, sizeof(head));
}

Test(worker, an_unknown_kind_breaks_the_session_alone)
{
	struct link_down_message head = send_head("127.0.0.9:5060", SPAN("body"));

	head.kind = 200;
	hostile_down(LINK_DOWN_MESSAGE, head, sizeof(head));
}

Test(worker, a_head_pointer_beyond_the_ring_breaks_the_session_alone)
{
	atomic_store(&lab.control.down.shared->head, UINT64_C(1) << 40);
	worker_wake(&lab.plane->worker[0]);
	cr_assert(session_breaks());
	options_are_answered();
}
