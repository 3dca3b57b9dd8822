// The stateful proxy on a network that the test plays: forking, the best answer, CANCEL, Timer C and refusals (RFC 3261 section 16).

#include "proxy_fixture.h"

// Two phones of alice, behind edge1 and edge2.
static void bind_two_phones(void)
{
	bind_contact(
		"alice", "sip:alice@10.1.1.2", "\"<urn:uuid:2>\"", 1, "<sip:t2@edge2.test;lr;ob>");
	bind_contact(
		"alice", "sip:alice@10.1.1.1", "\"<urn:uuid:1>\"", 1, "<sip:t1@edge1.test;lr;ob>");
}

static void invite(void)
{
	request("INVITE", "sip:alice@example.test", "1", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 100 Trying\r\n");
}

Test(proxy, forks_to_all_phones_at_once_and_cancels_the_others_on_a_2xx, .init = setup,
	.fini = teardown)
{
	bind_two_phones();
	invite();
	const char *first = sent_to("10.0.0.1");
	const char *second = sent_to("10.0.0.2");
	assert_begins(first, "INVITE sip:alice@10.1.1.1 SIP/2.0\r\n");
	assert_holds(first, "Route: <sip:t1@edge1.test;lr;ob>\r\n");
	assert_begins(second, "INVITE sip:alice@10.1.1.2 SIP/2.0\r\n");
	answer(first, 180);
	answer_with(second, 183, "u", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 180 ");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 183 ");
	answer(first, 200);
	const char *success = sent_to("10.9.9.9");
	assert_begins(success, "SIP/2.0 200 Reason\r\nVia: SIP/2.0/UDP 10.9.9.9;");
	cr_assert(not(holds(success, "10.0.0.9")));
	const char *cancel = sent_to("10.0.0.2");
	assert_begins(cancel, "CANCEL sip:alice@10.1.1.2 SIP/2.0\r\n");
	answer(cancel, 200);
	answer_with(second, 487, "u", "");
	assert_begins(sent_to("10.0.0.2"), "ACK sip:alice@10.1.1.2 SIP/2.0\r\n");
	assert_silent("10.9.9.9");
	assert_silent("10.0.0.1");
}

Test(proxy, passes_every_2xx_and_each_retransmission_of_it, .init = setup, .fini = teardown)
{
	bind_two_phones();
	invite();
	const char *first = sent_to("10.0.0.1");
	const char *second = sent_to("10.0.0.2");
	answer(first, 200);
	answer_with(second, 200, "u", "");
	pass(500);
	answer(first, 200);
	assert_holds(sent_to("10.9.9.9"), ";tag=t\r\n");
	assert_holds(sent_to("10.9.9.9"), ";tag=u\r\n");
	assert_holds(sent_to("10.9.9.9"), ";tag=t\r\n");
	pass(20000);
	assert_silent("10.9.9.9");
}

Test(proxy, answers_with_the_best_of_all_when_nobody_takes_the_call, .init = setup,
	.fini = teardown)
{
	bind_two_phones();
	invite();
	const char *first = sent_to("10.0.0.1");
	const char *second = sent_to("10.0.0.2");
	answer(first, 500);
	assert_silent("10.9.9.9");
	answer(second, 486);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 486 ");
}

Test(proxy, a_6xx_ends_the_other_branches_and_wins, .init = setup, .fini = teardown)
{
	bind_two_phones();
	invite();
	const char *first = sent_to("10.0.0.1");
	const char *second = sent_to("10.0.0.2");
	answer(second, 180);
	answer(first, 603);
	assert_begins(sent_to("10.0.0.2"), "CANCEL ");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 180 ");
	assert_silent("10.9.9.9"); // not before the other branch is over
	answer(second, 487);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 603 ");
}

Test(proxy, adds_the_challenges_of_all_branches_to_the_best_one, .init = setup, .fini = teardown)
{
	bind_two_phones();
	invite();
	const char *first = sent_to("10.0.0.1");
	const char *second = sent_to("10.0.0.2");
	answer_with(first, 401, "t", "WWW-Authenticate: Digest realm=\"one\"\r\n");
	answer_with(second, 407, "u", "Proxy-Authenticate: Digest realm=\"two\"\r\n");
	const char *best = sent_to("10.9.9.9");
	assert_begins(best, "SIP/2.0 401 ");
	assert_holds(best, "\r\nWWW-Authenticate: Digest realm=\"one\"\r\n");
	assert_holds(best, "\r\nProxy-Authenticate: Digest realm=\"two\"\r\n");
}

Test(proxy, turns_a_503_of_the_next_hop_into_a_500, .init = setup, .fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	invite();
	answer(sent_to("10.1.1.1"), 503);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 500 Server Internal Error\r\n");
}

Test(proxy, absorbs_retransmissions_and_repeats_its_own_request, .init = setup, .fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	invite();
	char first[TEXT_OCTETS];
	snprintf(first, sizeof(first), "%s", sent_to("10.1.1.1"));
	invite();
	assert_silent("10.1.1.1");
	pass(500);
	cr_assert(eq(str, (char *)sent_to("10.1.1.1"), first));
}

Test(proxy, passes_on_a_cancel_of_the_caller_and_the_487_behind_it, .init = setup, .fini = teardown)
{
	bind_two_phones();
	invite();
	const char *first = sent_to("10.0.0.1");
	const char *second = sent_to("10.0.0.2");
	answer(first, 180);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 180 ");
	request("CANCEL", "sip:alice@example.test", "1", "");
	const char *done = sent_to("10.9.9.9");
	assert_begins(done, "SIP/2.0 200 OK\r\n");
	assert_holds(done, "CSeq: 1 CANCEL\r\n");
	assert_begins(sent_to("10.0.0.1"), "CANCEL ");
	assert_silent("10.0.0.2"); // it has not answered at all yet
	answer(second, 100);
	assert_begins(sent_to("10.0.0.2"), "CANCEL ");
	answer(first, 487);
	answer(second, 487);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 487 ");
}

Test(proxy, a_cancelled_call_that_nobody_answers_ends_in_487, .init = setup, .fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	invite();
	request("CANCEL", "sip:alice@example.test", "1", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 200 ");
	pass(32000);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 487 ");
}

Test(proxy, timer_c_cancels_a_phone_that_rings_for_too_long, .init = setup, .fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	invite();
	const char *ringing = sent_to("10.1.1.1");
	answer(ringing, 180);
	pass(100000);
	answer(ringing, 180); // it begins anew (section 16.7 step 2)
	pass(TIMER_C_MS - 100);
	assert_silent("10.1.1.1");
	pass(100);
	assert_begins(sent_to("10.1.1.1"), "CANCEL ");
	answer(ringing, 487);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 180 ");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 180 ");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 487 ");
	cr_assert(eq(u64, proxy_count(proxy)->timer_c, 1));
}

Test(proxy, a_phone_that_ignores_the_cancel_of_timer_c_is_given_up_after_32_s, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	invite();
	answer(sent_to("10.1.1.1"), 180);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 180 ");
	pass(TIMER_C_MS + 31950);
	assert_silent("10.9.9.9");
	pass(50);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 408 ");
}

Test(proxy, refuses_what_has_no_hops_left_or_needs_what_it_does_not_know, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	request("INVITE", "sip:alice@example.test", "1", "Max-Forwards: 0\r\n");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 483 ");
	request("INVITE", "sip:alice@example.test", "2", "Proxy-Require: privacy, foo\r\n");
	const char *refused = sent_to("10.9.9.9");
	assert_begins(refused, "SIP/2.0 420 ");
	assert_holds(refused, "Unsupported: privacy\r\nUnsupported: foo\r\n");
	assert_silent("10.1.1.1");
}

Test(proxy, finds_a_loop_and_lets_a_spiral_pass, .init = setup, .fini = teardown)
{
	char again[TEXT_OCTETS];

	request("INVITE", "sip:other@far.test", "1", "Route: <sip:10.7.7.7;lr>\r\n");
	snprintf(again, sizeof(again), "%s", sent_to("10.7.7.7"));
	take(again, "10.7.7.7");
	assert_begins(sent_to("10.7.7.7"), "SIP/2.0 482 Loop Detected\r\n");
	cr_assert(eq(u64, proxy_count(proxy)->loops, 1));
	// The same with another request-URI.
	memcpy(strstr(again, "other"), "bobby", 5);
	memcpy(strstr(again, "branch=z9hG4bK") + 14, "X", 1);
	take(again, "10.7.7.7");
	assert_begins(sent_to("10.7.7.7"), "SIP/2.0 100 ");
	assert_begins(sent_to("10.7.7.7"), "INVITE sip:bobby@far.test");
}

Test(proxy, shares_max_breadth_among_branches_and_refuses_440_when_it_does_not_suffice,
	.init = setup, .fini = teardown)
{
	bind_two_phones();
	request("INVITE", "sip:alice@example.test", "1", "");
	assert_holds(sent_to("10.0.0.1"), "Max-Breadth: 30\r\n");
	assert_holds(sent_to("10.0.0.2"), "Max-Breadth: 30\r\n");
	request("INVITE", "sip:alice@example.test", "2", "Max-Breadth: 3\r\n");
	assert_holds(sent_to("10.0.0.1"), "Max-Breadth: 2\r\n");
	assert_holds(sent_to("10.0.0.2"), "Max-Breadth: 1\r\n");
	queued = 0;
	request("INVITE", "sip:alice@example.test", "3", "Max-Breadth: 1\r\n");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 440 Max-Breadth Exceeded\r\n");
	assert_silent("10.0.0.1");
}

Test(proxy, sends_to_no_more_phones_than_it_is_allowed_to, .init = setup, .fini = teardown)
{
	proxy_make(100, 1);
	bind_two_phones();
	invite();
	assert_begins(sent_to("10.0.0.1"), "INVITE "); // the newest
	assert_silent("10.0.0.2");
}

Test(proxy, a_request_other_than_invite_hears_100_late_no_180_and_no_408, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	request("MESSAGE", "sip:alice@example.test", "1", "");
	answer(sent_to("10.1.1.1"), 180);
	pass(3450);
	assert_silent("10.9.9.9");
	pass(50);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 100 ");
	pass(40000);
	assert_silent("10.9.9.9");
}

Test(proxy, a_request_other_than_invite_gets_the_first_answer_alone, .init = setup,
	.fini = teardown)
{
	bind_two_phones();
	request("MESSAGE", "sip:alice@example.test", "1", "");
	const char *first = sent_to("10.0.0.1");
	const char *second = sent_to("10.0.0.2");
	answer(first, 202);
	answer(second, 200);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 202 ");
	assert_silent("10.9.9.9");
}

Test(proxy, refuses_503_with_retry_after_while_its_table_is_full, .init = setup, .fini = teardown)
{
	proxy_make(2, 10);
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "");
	invite();
	request("INVITE", "sip:alice@example.test", "2", "");
	const char *refused = sent_to("10.9.9.9");
	assert_begins(refused, "SIP/2.0 503 ");
	assert_holds(refused, "Retry-After: 5\r\n");
	// Its ACK goes nowhere, though the request-URI might lead on.
	char tag[32];
	char ack[512];
	cr_assert(eq(int, sscanf(strstr(refused, "To:"), "To: <%*[^>]>;tag=%16s", tag), 1));
	snprintf(ack, sizeof(ack),
		"ACK sip:alice@10.1.1.2 SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK2\r\n"
		"From: <sip:caller@far.test>;tag=f\r\nTo: <sip:alice@example.test>;tag=%s\r\n"
		"Call-ID: call-2\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
		tag);
	take(ack, "10.9.9.9");
	assert_silent("10.1.1.2");
	cr_assert(eq(u64, proxy_count(proxy)->overloaded, 1));
}

Test(proxy, passes_the_ack_to_a_2xx_and_keeps_that_to_a_failure, .init = setup, .fini = teardown)
{
	request("ACK", "sip:alice@10.1.1.1", "7", "Route: <sip:core.test;lr>\r\n");
	const char *ack = sent_to("10.1.1.1");
	assert_begins(ack, "ACK sip:alice@10.1.1.1 SIP/2.0\r\n");
	cr_assert(not(holds(ack, "Route:")));
	request("INVITE", "sip:nobody@example.test", "8", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 480 ");
	request("ACK", "sip:nobody@example.test", "8", "");
	pass(10000);
	assert_silent("10.9.9.9");
}

Test(proxy, drops_a_response_to_nothing_and_passes_a_cancel_of_nothing_both_ways, .init = setup,
	.fini = teardown)
{
	take("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP "
	     "10.0.0.9:5060;branch=z9hG4bKxxxxxxxxxxxxxxxxxxxxxx\r\n"
	     "Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK1\r\nFrom: <sip:a@far.test>;tag=f\r\n"
	     "To: <sip:b@far.test>;tag=t\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: "
	     "0\r\n\r\n",
		"10.1.1.1");
	assert_silent("10.9.9.9");
	cr_assert(eq(u64, proxy_count(proxy)->strays, 1));
	request("CANCEL", "sip:alice@10.1.1.1", "9", "");
	const char *cancel = sent_to("10.1.1.1");
	assert_begins(cancel, "CANCEL ");
	answer(cancel, 481);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 481 ");
}

Test(proxy, waits_for_a_name_and_gives_up_on_one_that_leads_nowhere, .init = setup,
	.fini = teardown)
{
	bind_contact("alice", "sip:alice@10.1.1.1", "", 0, "<sip:t@late.test;lr>");
	invite();
	pass(3000);
	assert_silent("10.0.0.1");
	named = true;
	proxy_look_again(proxy, now_ms);
	assert_begins(sent_to("10.0.0.1"), "INVITE ");
	named = false;
	request("INVITE", "sip:alice@example.test", "2", "");
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 100 ");
	pass(4000);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 500 ");
}

Test(proxy, a_430_in_a_dialog_is_not_softened, .init = setup, .fini = teardown)
{
	request("BYE", "sip:alice@10.1.1.1", "1", "Route: <sip:t1@edge1.test;lr>\r\n");
	answer(sent_to("10.0.0.1"), 430);
	assert_begins(sent_to("10.9.9.9"), "SIP/2.0 430 ");
}
