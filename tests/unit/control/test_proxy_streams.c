// The proxy over TCP: connections to next hops, connections of phones, what goes by which.

#include "proxy_fixture.h"

#define PHONE_1 "\"<urn:uuid:1>\""

static void invite(const char *branch, const char *extra)
{
	request("INVITE", "sip:alice@example.test", branch, extra);
}

// All of alice's phones are connected to us: each by the connection of its number.
static void bind_connected(const char *contact, unsigned reg_id, uint64_t connection)
{
	const struct binding binding = {
		.contact = span_of(contact, strlen(contact)),
		.instance = SPAN(PHONE_1),
		.reg_id = reg_id,
		.call_id = SPAN("registration"),
		.cseq = 1,
		.expires_at_s = now_ms / 1000 + 3600,
		.flow = {.peer = {.family = ENDPOINT_V4, .address = {10, 1, 1, 1}, .port = 40000},
			.transport = TRANSPORT_TCP,
			.flow = true,
			.connection = connection},
	};

	cr_assert(eq(int, location_put(location, SPAN("alice@example.test"), NULL, &binding), 0));
}

static void connection_close(uint64_t connection)
{
	const struct hop hop = {.transport = TRANSPORT_TCP, .connection = connection};

	location_close_flow(location, connection);
	proxy_fail(proxy, &hop, now_ms);
}

// A header line that makes a request large.
static const char *padding(void)
{
	static char line[1400];

	snprintf(line, sizeof(line), "Subject: %01300d\r\n", 0);
	return line;
}

Test(proxy_streams, a_path_with_transport_tcp_is_reached_by_tcp_and_nothing_is_repeated,
	.init = setup, .fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "<sip:t1@10.0.0.1;transport=tcp;lr>");
	invite("1", "");
	const char *sent = sent_to("10.0.0.1");
	cr_assert(eq(uint, sent_by.transport, TRANSPORT_TCP));
	cr_assert(eq(u64, sent_by.connection, 1));
	assert_holds(sent, "\r\nVia: SIP/2.0/TCP 10.0.0.9:5070;rport;branch=z9hG4bK");
	pass(20000);
	assert_silent("10.0.0.1");
	answer(sent, 486);
	assert_begins(sent_to("10.0.0.1"), "ACK ");
	cr_assert(eq(u64, sent_by.connection, 1));
}

Test(proxy_streams, a_request_goes_down_the_connection_that_its_phone_has_registered_by,
	.init = setup, .fini = teardown)
{
	bind_connected("sip:alice@192.168.0.7:5060;transport=tcp", 1, 77);
	invite("1", "");
	const char *sent = sent_to("10.1.1.1");
	assert_begins(sent, "INVITE sip:alice@192.168.0.7:5060;transport=tcp SIP/2.0\r\n");
	cr_assert(eq(u64, sent_by.connection, 77));
	answer(sent, 180);
	request("CANCEL", "sip:alice@example.test", "1", "");
	assert_begins(sent_to("10.1.1.1"), "CANCEL ");
	cr_assert(eq(u64, sent_by.connection, 77));
	answer(sent, 487);
}

Test(proxy_streams,
	when_the_connection_of_a_phone_has_closed_the_next_request_is_answered_480_at_once,
	.init = setup, .fini = teardown)
{
	bind_connected("sip:alice@192.168.0.7;transport=tcp", 1, 77);
	connection_close(77);
	invite("1", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 480 ");
	assert_silent("10.1.1.1");
}

Test(proxy_streams, a_connection_that_closes_under_a_request_sends_it_over_the_next_flow,
	.init = setup, .fini = teardown)
{
	bind_connected("sip:alice@192.168.0.7;transport=tcp", 1, 77);
	bind_connected("sip:alice@192.168.0.7;transport=tcp", 2, 78);
	invite("1", "");
	assert_begins(sent_to("10.1.1.1"), "INVITE ");
	cr_assert(eq(u64, sent_by.connection, 78));
	connection_close(78);
	const char *sent = sent_to("10.1.1.1");
	assert_begins(sent, "INVITE ");
	cr_assert(eq(u64, sent_by.connection, 77));
	answer(sent, 486);
	cr_assert(eq(u64, proxy_count(proxy)->next_flows, 1));
}

Test(proxy_streams, a_flow_that_is_gone_is_not_sent_to_by_any_other_connection, .init = setup,
	.fini = teardown)
{
	bind_connected("sip:alice@192.168.0.7;transport=tcp", 1, 77);
	gone = true;
	invite("1", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 100 ");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 500 ");
	assert_silent("10.1.1.1");
	gone = false;
}

Test(proxy_streams, where_no_connection_can_be_opened_the_next_address_is_tried, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "<sip:t1@edge1.test;transport=tcp;lr>");
	invite("1", "");
	assert_begins(sent_to("10.0.0.1"), "INVITE ");
	connection_close(1);
	const char *sent = sent_to("10.0.0.2");
	assert_begins(sent, "INVITE ");
	cr_assert(eq(u64, proxy_count(proxy)->next_addresses, 1));
	answer(sent, 486);
	assert_begins(sent_to("10.0.0.2"), "ACK ");
	unreachable = true;
	invite("2", "");
	assert_silent("10.0.0.1");
	assert_silent("10.0.0.2");
	unreachable = false;
}

Test(proxy_streams, answers_go_by_the_connection_that_the_request_came_by, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	came_by = (struct hop){.transport = TRANSPORT_TCP, .connection = 55};
	invite("1", "");
	came_by = (struct hop){.transport = TRANSPORT_UDP};
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 100 ");
	cr_assert(eq(u64, sent_by.connection, 55));
	const char *sent = sent_to("10.1.1.1");
	cr_assert(eq(uint, sent_by.transport, TRANSPORT_UDP));
	assert_holds(sent, "\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;");
	answer(sent, 200);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 200 ");
	cr_assert(eq(u64, sent_by.connection, 55));
	cr_assert(eq(uint, sent_by.transport, TRANSPORT_TCP));
	// Once that has closed they go to the port of its Via (RFC 3261 section 18.2.2).
	cr_assert(eq(uint, sent_by.peer.port, 5060));
}

Test(proxy_streams, where_transports_change_each_side_gets_a_record_route_of_its_own, .init = setup,
	.fini = teardown)
{
	record_route = true;
	proxy_make(100, 10);
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "<sip:t1@10.0.0.1;transport=tcp;lr>");
	invite("1", "");
	const char *sent = sent_to("10.0.0.1");
	assert_holds(sent,
		"\r\nRecord-Route: <sip:core.test:5070;transport=tcp;lr>, <sip:core.test;lr>\r\n");
	answer(sent, 486);
	came_by = (struct hop){.transport = TRANSPORT_TCP, .connection = 55};
	invite("2", "Via: SIP/2.0/UDP 10.7.7.7;branch=z9hG4bKx\r\n");
	came_by = (struct hop){.transport = TRANSPORT_UDP};
	sent_to("10.0.0.1");
	sent = sent_to("10.0.0.1");
	assert_holds(sent, "\r\nRecord-Route: <sip:core.test:5070;transport=tcp;lr>\r\n");
	answer(sent, 486);
	record_route = false;
}

Test(proxy_streams, both_record_routes_of_ours_are_taken_off_again, .init = setup, .fini = teardown)
{
	request("BYE", "sip:bob@10.1.1.1", "1",
		"Route: <sip:core.test;lr>, <sip:core.test:5070;transport=tcp;lr>, "
		"<sip:10.0.0.1;transport=tcp;lr>\r\n");
	const char *sent = sent_to("10.0.0.1");
	cr_assert(eq(uint, sent_by.transport, TRANSPORT_TCP));
	assert_holds(sent, "\r\nRoute: <sip:10.0.0.1;transport=tcp;lr>\r\n");
	answer(sent, 200);
}

Test(proxy_streams, a_large_request_goes_by_tcp_where_there_is_any, .init = setup, .fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "<sip:t1@10.0.0.1;lr>");
	has_tcp = true;
	invite("1", padding());
	const char *sent = sent_to("10.0.0.1");
	cr_assert(eq(uint, sent_by.transport, TRANSPORT_TCP));
	assert_holds(sent, "\r\nVia: SIP/2.0/TCP 10.0.0.9:5070;");
	answer(sent, 486);
	invite("2", "");
	sent_to("10.0.0.1");
	sent = sent_to("10.0.0.1");
	cr_assert(eq(uint, sent_by.transport, TRANSPORT_UDP));
	answer(sent, 486);
	cr_assert(eq(u64, proxy_count(proxy)->large, 1));
	has_tcp = false;
}

Test(proxy_streams, a_large_request_goes_by_udp_when_tcp_is_refused, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "<sip:t1@10.0.0.1;lr>");
	has_tcp = true;
	invite("1", padding());
	assert_holds(sent_to("10.0.0.1"), "\r\nVia: SIP/2.0/TCP 10.0.0.9:5070;");
	connection_close(1);
	const char *sent = sent_to("10.0.0.1");
	cr_assert(eq(uint, sent_by.transport, TRANSPORT_UDP));
	assert_holds(sent, "\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 100 ");
	assert_silent("10.9.9.9");
	answer(sent, 486);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 486 ");
	has_tcp = false;
}

Test(proxy_streams, a_large_request_is_not_sent_by_tcp_to_a_phone_that_uses_udp, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	has_tcp = true;
	invite("1", padding());
	const char *sent = sent_to("10.1.1.1");
	cr_assert(eq(uint, sent_by.transport, TRANSPORT_UDP));
	answer(sent, 486);
	has_tcp = false;
}

Test(proxy_streams, phones_on_several_transports_ring_together, .init = setup, .fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.5", "\"<urn:uuid:5>\"", 0, "");
	bind_connected("sip:alice@192.168.0.7;transport=tcp", 1, 77);
	bind_contact("alice", "sip:alice@10.1.1.6", "\"<urn:uuid:6>\"", 1,
		"<sip:t1@10.0.0.2;transport=tcp;lr;ob>");
	invite("1", "");
	const char *by_udp = sent_to("10.1.1.5");
	const char *by_flow = sent_to("10.1.1.1");
	const char *by_edge = sent_to("10.0.0.2");
	assert_begins(by_udp, "INVITE ");
	assert_begins(by_flow, "INVITE ");
	assert_begins(by_edge, "INVITE ");
	answer(by_udp, 180);
	answer(by_edge, 180);
	answer(by_flow, 200);
	assert_begins(sent_to("10.1.1.5"), "CANCEL ");
	assert_begins(sent_to("10.0.0.2"), "CANCEL ");
	cr_assert(eq(uint, sent_by.transport, TRANSPORT_TCP));
	answer(by_udp, 487);
	answer(by_edge, 487);
}

Test(proxy_streams, an_ack_to_a_2xx_goes_by_the_transport_of_its_route, .init = setup,
	.fini = teardown)
{
	request("ACK", "sip:bob@10.1.1.1", "1", "Route: <sip:10.0.0.1;transport=tcp;lr>\r\n");
	assert_holds(sent_to("10.0.0.1"), "\r\nVia: SIP/2.0/TCP 10.0.0.9:5070;");
	cr_assert(eq(u64, sent_by.connection, 1));
}

// --- Dialogs with phones that are connected to us ---

// The values of the Record-Route, in order.
static void record_routes_read(const char *text, char first[128], char second[128])
{
	char *line = strstr(text, "\r\nRecord-Route: <");

	cr_assert(ne(ptr, line, NULL));
	cr_assert(eq(
		int, sscanf(line, "\r\nRecord-Route: <%127[^>]>, <%127[^>]>", first, second), 2));
}

static void bye(const char *branch, const char *first, const char *second)
{
	char routes[512];

	snprintf(routes, sizeof(routes), "Route: <%s>\r\nRoute: <%s>\r\n", first, second);
	request("BYE", "sip:alice@192.168.0.7;transport=tcp", branch, routes);
}

Test(proxy_streams, a_dialog_with_a_phone_that_is_connected_goes_by_its_connection, .init = setup,
	.fini = teardown)
{
	char onward[128], back[128];

	bind_connected("sip:alice@192.168.0.7;transport=tcp", 1, 77);
	invite("1", "");
	const char *sent = sent_to("10.1.1.1");
	record_routes_read(sent, onward, back);
	cr_assert(eq(str, (char *)back, "sip:core.test;lr"));
	assert_holds(onward, "@core.test:5070;transport=tcp;lr");
	answer(sent, 200);
	bye("2", back, onward);
	sent = sent_to("10.1.1.1");
	assert_begins(sent, "BYE sip:alice@192.168.0.7;transport=tcp SIP/2.0\r\n");
	cr_assert(eq(u64, sent_by.connection, 77));
	cr_assert(not(holds(sent, "\r\nRoute:")));
	answer(sent, 200);
	// From the phone itself its own connection is not meant.
	came_by = (struct hop){.transport = TRANSPORT_TCP, .connection = 77};
	char routes[512];
	snprintf(routes, sizeof(routes), "Route: <%s>, <%s>\r\n", onward, back);
	request("BYE", "sip:caller@10.0.0.2", "3", routes);
	came_by = (struct hop){.transport = TRANSPORT_UDP};
	sent = sent_to("10.0.0.2");
	assert_begins(sent, "BYE sip:caller@10.0.0.2 ");
	answer(sent, 200);
}

Test(proxy_streams, an_ack_finds_the_connection_of_a_phone, .init = setup, .fini = teardown)
{
	char onward[128], back[128], routes[512];

	bind_connected("sip:alice@192.168.0.7;transport=tcp", 1, 77);
	invite("1", "");
	const char *sent = sent_to("10.1.1.1");
	record_routes_read(sent, onward, back);
	answer(sent, 200);
	snprintf(routes, sizeof(routes), "Route: <%s>, <%s>\r\n", back, onward);
	request("ACK", "sip:alice@192.168.0.7;transport=tcp", "2", routes);
	assert_begins(sent_to("10.1.1.1"), "ACK sip:alice@192.168.0.7;transport=tcp SIP/2.0\r\n");
	cr_assert(eq(u64, sent_by.connection, 77));
}

Test(proxy_streams, a_dialog_whose_connection_has_closed_is_430, .init = setup, .fini = teardown)
{
	char onward[128], back[128];

	bind_connected("sip:alice@192.168.0.7;transport=tcp", 1, 77);
	invite("1", "");
	const char *sent = sent_to("10.1.1.1");
	record_routes_read(sent, onward, back);
	answer(sent, 200);
	while (*sent_to("10.9.9.9"))
		;
	gone = true;
	bye("2", back, onward);
	gone = false;
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 430 Flow Failed\r\n");
}

Test(proxy_streams, nobody_can_make_a_name_for_a_connection, .init = setup, .fini = teardown)
{
	bye("1", "sip:core.test;lr", "sip:AAAAAAAAAAAAAAAAAAAAAA@core.test:5070;transport=tcp;lr");
	const char *sent = sent_to("192.168.0.7");
	assert_begins(sent, "BYE ");
	cr_assert(not(sent_by.flow));
	answer(sent, 200);
}

Test(proxy_streams, a_phone_that_calls_by_its_connection_is_reached_by_it, .init = setup,
	.fini = teardown)
{
	char onward[128], back[128], routes[512];

	bind_contact("alice", "sip:alice@10.0.0.2", "", 0, "");
	came_by = (struct hop){.transport = TRANSPORT_TCP, .connection = 55};
	invite("1", "");
	came_by = (struct hop){.transport = TRANSPORT_UDP};
	const char *sent = sent_to("10.0.0.2");
	record_routes_read(sent, onward, back);
	cr_assert(eq(str, (char *)onward, "sip:core.test;lr"));
	answer(sent, 200);
	snprintf(routes, sizeof(routes), "Route: <%s>, <%s>\r\n", onward, back);
	request("BYE", "sip:caller@192.168.0.8;transport=tcp", "2", routes);
	sent = sent_to("10.1.1.1");
	assert_begins(sent, "BYE sip:caller@192.168.0.8");
	cr_assert(eq(u64, sent_by.connection, 55));
	answer(sent, 200);
}
