// The flows of one phone, tried one after another (RFC 5626 section 7), and GRUUs (RFC 5627), on a network that the test plays.

#include "proxy_fixture.h"

#define PHONE "\"<urn:uuid:1>\""

// One phone of alice with a flow at each edge; that at edge1 is the newest.
static void bind_two_flows(const char *user)
{
	bind_contact(user, "sip:alice@10.1.1.1", PHONE, 2, "<sip:t2@edge2.test;lr;ob>");
	bind_contact(user, "sip:alice@10.1.1.1", PHONE, 1, "<sip:t1@edge1.test;lr;ob>");
}

static void invite(const char *branch)
{
	request("INVITE", "sip:alice@example.test", branch, "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 100 Trying\r\n");
}

Test(proxy_flows, two_flows_of_a_phone_are_never_tried_at_once, .init = setup, .fini = teardown)
{
	bind_two_flows("alice");
	invite("1");
	assert_holds(sent_to("10.0.0.1"), "Route: <sip:t1@edge1.test;lr;ob>\r\n");
	pass(20000);
	assert_silent("10.0.0.2");
	cr_assert(eq(u64, proxy_count(proxy)->forked, 0));
}

Test(proxy_flows, a_430_sends_the_request_over_the_next_flow, .init = setup, .fini = teardown)
{
	bind_two_flows("alice");
	invite("1");
	answer(sent_to("10.0.0.1"), 430);
	const char *second = sent_to("10.0.0.2");
	assert_holds(second, "Route: <sip:t2@edge2.test;lr;ob>\r\n");
	assert_silent("10.9.9.9");
	answer(second, 200);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 200 ");
	cr_assert(eq(u64, proxy_count(proxy)->next_flows, 1));
}

Test(proxy_flows, a_408_sends_the_request_over_the_next_flow, .init = setup, .fini = teardown)
{
	bind_two_flows("alice");
	invite("1");
	answer(sent_to("10.0.0.1"), 408);
	assert_begins(sent_to("10.0.0.2"), "INVITE ");
}

Test(proxy_flows, any_other_final_response_is_the_phones_answer, .init = setup, .fini = teardown)
{
	static const unsigned STATUSES[] = {302, 404, 480, 486, 500, 600};
	char branch[8];

	bind_two_flows("alice");
	for (unsigned i = 0; i < sizeof(STATUSES) / sizeof(STATUSES[0]); i++) {
		snprintf(branch, sizeof(branch), "%u", i);
		invite(branch);
		answer(sent_to("10.0.0.1"), STATUSES[i]);
		cr_assert(eq(uint, (unsigned)atoi(sent_to("10.9.9.9") + 8), STATUSES[i]));
		assert_silent("10.0.0.2");
		queued = 0;
	}
}

Test(proxy_flows, when_all_flows_have_failed_the_caller_hears_480_not_430, .init = setup,
	.fini = teardown)
{
	bind_two_flows("alice");
	invite("1");
	answer(sent_to("10.0.0.1"), 430);
	answer(sent_to("10.0.0.2"), 430);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 480 Temporarily Unavailable\r\n");
}

Test(proxy_flows, a_failed_flow_is_tried_last_until_it_is_refreshed, .init = setup,
	.fini = teardown)
{
	bind_two_flows("alice");
	invite("1");
	answer(sent_to("10.0.0.1"), 430);
	assert_begins(sent_to("10.0.0.1"), "ACK ");
	answer(sent_to("10.0.0.2"), 486);
	assert_begins(sent_to("10.0.0.2"), "ACK ");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 486 ");
	invite("2");
	assert_silent("10.0.0.1");
	answer(sent_to("10.0.0.2"), 486);
	struct binding *old = bindings_of("alice");
	while (!old->failed)
		old = old->next;
	const struct binding refreshed = {.contact = old->contact,
		.instance = old->instance,
		.reg_id = old->reg_id,
		.path = old->path,
		.call_id = old->call_id,
		.expires_at_s = old->expires_at_s};
	cr_assert(eq(int, location_put(location, SPAN("alice@example.test"), old, &refreshed), 0));
	queued = 0;
	invite("3");
	assert_begins(sent_to("10.0.0.1"), "INVITE ");
}

Test(proxy_flows, a_failed_flow_has_failed_for_every_address_of_record, .init = setup,
	.fini = teardown)
{
	bind_two_flows("alice");
	bind_contact("sales", "sip:alice@10.1.1.1", PHONE, 1, "<sip:t1@edge1.test;lr;ob>");
	bind_contact("other", "sip:other@10.1.1.3", PHONE, 1, "<sip:t3@edge1.test;lr;ob>");
	invite("1");
	answer(sent_to("10.0.0.1"), 430);
	cr_assert(bindings_of("sales")->failed);
	cr_assert(not(bindings_of("other")->failed));
	cr_assert(eq(u64, proxy_count(proxy)->flows_failed, 2));
}

Test(proxy_flows, a_phone_without_an_edge_that_icmp_says_is_gone_is_no_longer_bound, .init = setup,
	.fini = teardown)
{
	struct hop phone = {.transport = TRANSPORT_UDP};

	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	bind_contact("sales", "sip:alice@10.1.1.1", "", 0, "");
	invite("1");
	assert_begins(sent_to("10.1.1.1"), "INVITE ");
	cr_assert(endpoint_of("10.1.1.1", &phone.peer));
	phone.peer.port = 5060;
	proxy_fail(proxy, &phone, now_ms);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 500 ");
	cr_assert(eq(ptr, bindings_of("alice"), NULL));
	cr_assert(eq(ptr, bindings_of("sales"), NULL));
}

Test(proxy_flows, an_edge_that_dies_is_passed_over_for_the_next_address_of_its_name, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", PHONE, 1, "<sip:t1@edge1.test;lr;ob>");
	invite("1");
	char first[TEXT_OCTETS];
	snprintf(first, sizeof(first), "%s", sent_to("10.0.0.1"));
	pass(1000);
	dead[1] = true;
	proxy_look_again(proxy, now_ms);
	const char *second = sent_to("10.0.0.2");
	assert_holds(second, "Route: <sip:t1@edge1.test;lr;ob>\r\n");
	// RFC 3263 section 4.3: another branch.
	cr_assert(strncmp(strstr(first, "branch="), strstr(second, "branch="), 36) != 0);
	cr_assert(eq(u64, proxy_count(proxy)->next_addresses, 1));
	answer(first, 200); // too late
	assert_silent("10.9.9.9");
	answer(second, 200);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 200 ");
}

Test(proxy_flows, an_edge_that_has_answered_once_is_waited_for, .init = setup, .fini = teardown)
{
	bind_two_flows("alice");
	invite("1");
	answer(sent_to("10.0.0.1"), 180);
	dead[1] = true;
	proxy_look_again(proxy, now_ms);
	assert_silent("10.0.0.2");
}

Test(proxy_flows, silence_until_timer_b_is_as_a_408, .init = setup, .fini = teardown)
{
	bind_two_flows("alice");
	dead[2] = true; // edge1.test has no other address
	invite("1");
	dead[2] = false;
	pass(31950);
	assert_silent("10.0.0.2");
	pass(50);
	assert_begins(sent_to("10.0.0.2"), "INVITE ");
}

Test(proxy_flows, a_flow_whose_edge_seems_dead_comes_behind_one_whose_edge_lives, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", PHONE, 2, "<sip:t2@10.0.0.2;lr;ob>");
	bind_contact("alice", "sip:alice@10.1.1.1", PHONE, 1, "<sip:t1@edge1.test;lr;ob>");
	dead[1] = dead[2] = true;
	invite("1");
	assert_holds(sent_to("10.0.0.2"), "Route: <sip:t2@10.0.0.2;lr;ob>\r\n");
}

Test(proxy_flows, names_that_lead_nowhere_are_given_up_one_after_another, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", PHONE, 2, "<sip:t2@late.test;lr;ob>");
	bind_contact("alice", "sip:alice@10.1.1.1", PHONE, 1, "<sip:t1@late.test;lr;ob>");
	invite("1");
	pass(7950);
	proxy_look_again(proxy, now_ms);
	assert_silent("10.9.9.9");
	pass(50);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 500 ");
}

Test(proxy_flows, a_cancelled_call_is_not_sent_over_the_next_flow, .init = setup, .fini = teardown)
{
	bind_two_flows("alice");
	invite("1");
	const char *first = sent_to("10.0.0.1");
	answer(first, 180);
	request("CANCEL", "sip:alice@example.test", "1", "");
	answer(first, 430);
	assert_silent("10.0.0.2");
}

// --- GRUUs ---

static struct uri uri_of(const char *text)
{
	struct uri uri;

	cr_assert(
		uri_parse((const uint8_t *)text, (struct slice){0, (uint16_t)strlen(text)}, &uri));
	return uri;
}

// The value of a parameter as gruu_add() writes it for alice.
static const char *gruu_of(const char *name)
{
	static char parameters[4096];
	struct text text = text_begin((uint8_t *)parameters, sizeof(parameters) - 1);
	struct uri to = uri_of("sip:alice@example.test");

	gruu_add(&gruu_key, &text, (const uint8_t *)"sip:alice@example.test", &to, SPAN(PHONE),
		SPAN("registration"));
	parameters[text.length] = 0;
	char *value = strstr(parameters, name) + strlen(name) + 2;
	*strchr(value, '"') = 0;
	return value;
}

Test(proxy_flows, a_public_gruu_reaches_its_phone_alone, .init = setup, .fini = teardown)
{
	bind_two_flows("alice");
	bind_contact("alice", "sip:alice@10.1.1.7", "\"<urn:uuid:7>\"", 0, "");
	cr_assert(eq(str, (char *)gruu_of("pub-gruu"), "sip:alice@example.test;gr=urn:uuid:1"));
	request("INVITE", gruu_of("pub-gruu"), "1", "");
	answer(sent_to("10.0.0.1"), 430);
	assert_begins(sent_to("10.0.0.2"), "INVITE sip:alice@10.1.1.1 SIP/2.0\r\n");
	assert_silent("10.1.1.7");
}

Test(proxy_flows, a_temporary_gruu_reaches_its_phone_and_names_nobody, .init = setup,
	.fini = teardown)
{
	char first[1024];

	bind_two_flows("alice");
	snprintf(first, sizeof(first), "%s", gruu_of("temp-gruu"));
	cr_assert(not(holds(first, "alice")));
	cr_assert(not(holds(first, "urn:uuid")));
	cr_assert(ne(str, first, (char *)gruu_of("temp-gruu"))); // each is another
	request("INVITE", first, "1", "");
	assert_begins(sent_to("10.0.0.1"), "INVITE sip:alice@10.1.1.1 SIP/2.0\r\n");
}

Test(proxy_flows, a_gruu_whose_phone_is_away_is_480_and_one_that_is_none_404, .init = setup,
	.fini = teardown)
{
	char temporary[1024];

	snprintf(temporary, sizeof(temporary), "%s", gruu_of("temp-gruu"));
	request("MESSAGE", gruu_of("pub-gruu"), "1", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 480 ");
	request("MESSAGE", temporary, "2", ""); // no longer registered with that Call-ID
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 404 ");
	bind_two_flows("alice");
	temporary[20] = temporary[20] == 'A' ? 'B' : 'A';
	request("MESSAGE", temporary, "3", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 404 ");
	request("MESSAGE", "sip:alice@example.test;gr", "4", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 404 ");
}

Test(proxy_flows, a_request_in_a_dialog_with_a_gruu_hears_430_which_does_not_end_it, .init = setup,
	.fini = teardown)
{
	char text[TEXT_OCTETS];

	bind_contact("alice", "sip:alice@10.1.1.1", PHONE, 1, "<sip:t1@edge1.test;lr;ob>");
	snprintf(text, sizeof(text),
		"INFO %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK1\r\n"
		"From: <sip:caller@far.test>;tag=f\r\nTo: <sip:alice@example.test>;tag=t\r\n"
		"Call-ID: c\r\nCSeq: 2 INFO\r\nContent-Length: 0\r\n\r\n",
		gruu_of("pub-gruu"));
	take(text, "10.9.9.9");
	answer_with(sent_to("10.0.0.1"), 430, "", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 430 ");
}
