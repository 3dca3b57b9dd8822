// Where the proxy sends a request whose Routes or request-URI are unusual: strict routers and maddr (RFC 3261 sections 16.5 and 16.6).

#include "proxy_fixture.h"

Test(proxy_routes, a_strict_router_finds_itself_in_the_request_uri, .init = setup, .fini = teardown)
{
	request("INVITE", "sip:bob@10.1.1.1", "1",
		"Route: <sip:core.test;lr>\r\nRoute: <sip:10.0.0.1;strict>, <sip:10.0.0.2;lr>\r\n");
	const char *sent = sent_to("10.0.0.1");
	assert_begins(sent, "INVITE sip:10.0.0.1;strict SIP/2.0\r\n");
	assert_holds(sent, "\r\nRoute: <sip:10.0.0.2;lr>\r\nRoute: <sip:bob@10.1.1.1>\r\nFrom:");
	answer(sent, 200);
}

Test(proxy_routes, a_strict_router_that_is_the_only_route_gets_the_destination_as_route,
	.init = setup, .fini = teardown)
{
	request("BYE", "sip:bob@10.1.1.1", "1", "Route: <sip:10.0.0.1>\r\n");
	const char *sent = sent_to("10.0.0.1");
	assert_begins(sent, "BYE sip:10.0.0.1 SIP/2.0\r\n");
	assert_holds(sent, "\r\nRoute: <sip:bob@10.1.1.1>\r\n");
	answer(sent, 200);
}

Test(proxy_routes, an_ack_goes_by_a_strict_router_as_its_invite_does, .init = setup,
	.fini = teardown)
{
	request("ACK", "sip:bob@10.1.1.1", "1", "Route: <sip:10.0.0.1>, <sip:10.0.0.2;lr>\r\n");
	const char *sent = sent_to("10.0.0.1");
	assert_begins(sent, "ACK sip:10.0.0.1 SIP/2.0\r\n");
	assert_holds(sent, "\r\nRoute: <sip:10.0.0.2;lr>\r\nRoute: <sip:bob@10.1.1.1>\r\n");
}

Test(proxy_routes, a_path_that_begins_with_a_strict_router_is_walked_so, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "<sip:10.0.0.1>,<sip:t@10.0.0.2;lr>");
	request("INVITE", "sip:alice@example.test", "1", "");
	const char *sent = sent_to("10.0.0.1");
	assert_begins(sent, "INVITE sip:10.0.0.1 SIP/2.0\r\n");
	assert_holds(sent, "\r\nRoute: <sip:t@10.0.0.2;lr>\r\n");
	assert_holds(sent, "\r\nRoute: <sip:alice@10.1.1.1>\r\n");
	answer(sent, 486);
}

Test(proxy_routes, a_maddr_is_where_the_request_goes_even_from_a_domain_of_ours, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	request("INVITE", "sip:alice@example.test;maddr=10.0.0.2", "1", "");
	const char *sent = sent_to("10.0.0.2");
	assert_begins(sent, "INVITE sip:alice@example.test;maddr=10.0.0.2 SIP/2.0\r\n");
	assert_silent("10.1.1.1");
	answer(sent, 486);
}

Test(proxy_routes, a_contact_with_a_maddr_is_reached_there, .init = setup, .fini = teardown)
{
	bind_contact("alice", "sip:alice@phone.invalid;maddr=10.1.1.7", "", 0, "");
	request("INVITE", "sip:alice@example.test", "1", "");
	const char *sent = sent_to("10.1.1.7");
	assert_begins(sent, "INVITE sip:alice@phone.invalid;maddr=10.1.1.7 SIP/2.0\r\n");
	answer(sent, 486);
}
