// Transactions as seen from both sides, the clock in the test's hand (RFC 3261 section 17, RFC 6026).

#include "transaction_fixture.h"

static struct transaction *server_open(
	const char *method, const char *branch, const struct hop *hop)
{
	const struct message *opening = request(method, branch);

	cr_assert(not(transactions_take(table, opening, now_ms)));
	return transaction_open_server(table, opening, hop, &OWNER, NULL);
}

static void respond(struct transaction *server, unsigned status)
{
	char octets[64];
	int length = snprintf(octets, sizeof(octets), "SIP/2.0 %u Whatever\r\n\r\n", status);

	transaction_respond(server, status, span_of(octets, (size_t)length), now_ms);
	transactions_settle(table);
}

Test(transaction, invite_client_repeats_with_doubling_pauses_and_gives_up_after_32_s, .init = setup,
	.fini = teardown)
{
	cr_assert(ne(ptr, client_open("INVITE", "z9hG4bK1", &UDP), NULL));
	assert_news("1 sent; ");
	pass(500);
	assert_news("1 sent; ");
	pass(1000);
	assert_news("1 sent; ");
	pass(2000);
	assert_news("1 sent; ");
	pass(28450); // 7.5, 15.5 and 31.5 s
	assert_news("3 sent; ");
	pass(50);
	assert_news("0 sent; timeout ended ");
	cr_assert(eq(uint, transactions_count(table), 0));
}

Test(transaction, invite_client_is_quiet_once_there_is_a_provisional_response, .init = setup,
	.fini = teardown)
{
	cr_assert(ne(ptr, client_open("INVITE", "z9hG4bK1", &UDP), NULL));
	cr_assert(take(response(100, "INVITE", "z9hG4bK1")));
	cr_assert(take(response(180, "INVITE", "z9hG4bK1")));
	pass(200000);
	assert_news("1 sent; 100 180 ");
}

Test(transaction, invite_client_acknowledges_a_failure_and_each_repetition_of_it, .init = setup,
	.fini = teardown)
{
	cr_assert(ne(ptr, client_open("INVITE", "z9hG4bK1", &UDP), NULL));
	cr_assert(take(response(486, "INVITE", "z9hG4bK1")));
	cr_assert(eq(str, sent,
		"ACK sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP a.test;branch=z9hG4bK1\r\n"
		"Route: <sip:proxy.test;lr>\r\nMax-Forwards: 70\r\n"
		"From: <sip:a@example.test>;tag=f\r\nTo: <sip:bob@example.test>;tag=far\r\n"
		"Call-ID: c\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"));
	assert_news("2 sent; 486 ");
	cr_assert(take(response(486, "INVITE", "z9hG4bK1")));
	assert_news("1 sent; ");
	pass(31950);
	assert_news("0 sent; ");
	pass(50);
	assert_news("0 sent; ended ");
	cr_assert(not(take(response(486, "INVITE", "z9hG4bK1"))));
}

Test(transaction, invite_client_passes_every_2xx_for_32_s_and_acknowledges_none, .init = setup,
	.fini = teardown)
{
	cr_assert(ne(ptr, client_open("INVITE", "z9hG4bK1", &UDP), NULL));
	cr_assert(take(response(200, "INVITE", "z9hG4bK1")));
	pass(31000);
	cr_assert(take(response(200, "INVITE", "z9hG4bK1")));
	assert_news("1 sent; 200 200 ");
	pass(1000);
	assert_news("0 sent; ended ");
	cr_assert(not(take(response(200, "INVITE", "z9hG4bK1"))));
}

Test(transaction, client_repeats_up_to_every_4_s_and_absorbs_repeated_finals, .init = setup,
	.fini = teardown)
{
	cr_assert(ne(ptr, client_open("BYE", "z9hG4bK1", &UDP), NULL));
	pass(31950); // 0.5, 1.5, 3.5, 7.5, then every 4 s to 31.5
	assert_news("11 sent; ");
	cr_assert(take(response(200, "BYE", "z9hG4bK1")));
	cr_assert(take(response(200, "BYE", "z9hG4bK1")));
	assert_news("0 sent; 200 ");
	pass(5000);
	assert_news("0 sent; ended ");
}

Test(transaction, client_in_proceeding_still_gives_up_after_32_s, .init = setup, .fini = teardown)
{
	cr_assert(ne(ptr, client_open("OPTIONS", "z9hG4bK1", &UDP), NULL));
	cr_assert(take(response(100, "OPTIONS", "z9hG4bK1")));
	pass(31950);
	assert_news("8 sent; 100 ");
	pass(50);
	assert_news("0 sent; timeout ended ");
}

Test(transaction, nothing_is_repeated_over_a_reliable_transport_nor_waited_for, .init = setup,
	.fini = teardown)
{
	cr_assert(ne(ptr, client_open("INVITE", "z9hG4bK1", &TCP), NULL));
	pass(20000);
	assert_news("1 sent; ");
	cr_assert(take(response(486, "INVITE", "z9hG4bK1")));
	assert_news("1 sent; 486 ended ");
	struct transaction *server = server_open("MESSAGE", "z9hG4bK2", &TCP);
	respond(server, 200);
	assert_news("1 sent; ended ");
}

Test(transaction, invite_server_absorbs_repetitions_and_repeats_its_latest_response, .init = setup,
	.fini = teardown)
{
	struct transaction *server = server_open("INVITE", "z9hG4bK1", &UDP);

	cr_assert(take(request("INVITE", "z9hG4bK1")));
	assert_news("0 sent; ");
	respond(server, 100);
	respond(server, 180);
	sent[0] = 0;
	cr_assert(take(request("INVITE", "z9hG4bK1")));
	cr_assert(eq(str, sent, "SIP/2.0 180 Whatever\r\n\r\n"));
	assert_news("3 sent; ");
	cr_assert(eq(u64, transactions_counters(table)->absorbed, 2));
}

Test(transaction, invite_server_repeats_a_failure_until_it_is_acknowledged, .init = setup,
	.fini = teardown)
{
	respond(server_open("INVITE", "z9hG4bK1", &UDP), 486);
	pass(3500); // 0.5, 1.5, 3.5
	assert_news("4 sent; ");
	cr_assert(take(request("ACK", "z9hG4bK1")));
	cr_assert(take(request("INVITE", "z9hG4bK1")));
	cr_assert(take(request("ACK", "z9hG4bK1")));
	pass(4950);
	assert_news("0 sent; ");
	pass(50);
	assert_news("0 sent; ended ");
}

Test(transaction, invite_server_whose_failure_nobody_acknowledges_ends_after_32_s, .init = setup,
	.fini = teardown)
{
	respond(server_open("INVITE", "z9hG4bK1", &UDP), 486);
	pass(31950);
	assert_news("11 sent; ");
	pass(50);
	assert_news("0 sent; timeout ended ");
}

Test(transaction, invite_server_that_accepted_absorbs_repetitions_and_leaves_acks_to_its_owner,
	.init = setup, .fini = teardown)
{
	struct transaction *server = server_open("INVITE", "z9hG4bK1", &UDP);

	respond(server, 200);
	cr_assert(take(request("INVITE", "z9hG4bK1")));
	cr_assert(not(take(request("ACK", "z9hG4bK1"))));
	respond(server, 200); // by another branch, or once more
	assert_news("2 sent; ");
	respond(server, 486);
	pass(31950);
	assert_news("0 sent; ");
	pass(50);
	assert_news("0 sent; ended ");
}

Test(transaction, server_repeats_its_final_response_for_32_s, .init = setup, .fini = teardown)
{
	struct transaction *server = server_open("MESSAGE", "z9hG4bK1", &UDP);

	cr_assert(take(request("MESSAGE", "z9hG4bK1")));
	assert_news("0 sent; ");
	respond(server, 404);
	cr_assert(take(request("MESSAGE", "z9hG4bK1")));
	respond(server, 200); // too late
	assert_news("2 sent; ");
	pass(32000);
	assert_news("0 sent; ended ");
}

Test(transaction, another_method_sent_by_or_branch_is_another_transaction, .init = setup,
	.fini = teardown)
{
	cr_assert(ne(ptr, server_open("INVITE", "z9hG4bK1", &UDP), NULL));
	cr_assert(not(take(request("CANCEL", "z9hG4bK1"))));
	cr_assert(not(take(request("INVITE", "z9hG4bK2"))));
	cr_assert(take(request("INVITE", "z9hG4bK1")));
	cr_assert(ne(ptr, transaction_find_cancelled(table, request("CANCEL", "z9hG4bK1")), NULL));
	cr_assert(eq(ptr, transaction_find_cancelled(table, request("CANCEL", "z9hG4bK2")), NULL));
}

Test(transaction, a_branch_without_the_cookie_is_told_apart_by_call_and_cseq, .init = setup,
	.fini = teardown)
{
	struct transaction *server = server_open("INVITE", "1", &UDP);
	char octets[2048];
	size_t length = request_write(octets, sizeof(octets), "INVITE", 2, "1", "");

	cr_assert(take(request("INVITE", "1")));
	cr_assert(eq(int, message_parse(&message, (uint8_t *)octets, length), MESSAGE_OK));
	cr_assert(not(take(&message)));
	respond(server, 486);
	cr_assert(take(request("ACK", "1")));
	cr_assert(eq(int, transaction_state(server), TRANSACTION_CONFIRMED));
}

Test(transaction, cancel_waits_for_a_provisional_response, .init = setup, .fini = teardown)
{
	struct transaction *client = client_open("INVITE", "z9hG4bK1", &UDP);

	transaction_cancel(client, now_ms);
	assert_news("1 sent; ");
	cr_assert(take(response(180, "INVITE", "z9hG4bK1")));
	cr_assert(eq(str, sent,
		"CANCEL sip:bob@example.test SIP/2.0\r\n"
		"Via: SIP/2.0/UDP a.test;branch=z9hG4bK1\r\n"
		"Route: <sip:proxy.test;lr>\r\nMax-Forwards: 70\r\n"
		"From: <sip:a@example.test>;tag=f\r\nTo: <sip:bob@example.test>\r\n"
		"Call-ID: c\r\nCSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n"));
	assert_news("1 sent; 180 ");
	cr_assert(take(response(200, "CANCEL", "z9hG4bK1")));
	transaction_cancel(client, now_ms);
	assert_news("0 sent; "); // once
	cr_assert(take(response(487, "INVITE", "z9hG4bK1")));
	assert_news("1 sent; 487 ");
}

Test(transaction, an_invite_that_stays_unanswered_after_its_cancel_ends_after_32_s, .init = setup,
	.fini = teardown)
{
	struct transaction *client = client_open("INVITE", "z9hG4bK1", &UDP);

	cr_assert(take(response(180, "INVITE", "z9hG4bK1")));
	transaction_cancel(client, now_ms);
	cr_assert(take(response(200, "CANCEL", "z9hG4bK1")));
	pass(31950);
	assert_news("2 sent; 180 ");
	pass(50);
	assert_news("0 sent; timeout ended ");
}

Test(transaction, an_answered_invite_is_not_cancelled, .init = setup, .fini = teardown)
{
	struct transaction *client = client_open("INVITE", "z9hG4bK1", &UDP);

	cr_assert(take(response(200, "INVITE", "z9hG4bK1")));
	transaction_cancel(client, now_ms);
	assert_news("1 sent; 200 ");
}

Test(transaction, an_error_of_the_transport_fails_who_still_calls_there_and_nobody_else,
	.init = setup, .fini = teardown)
{
	struct hop other = UDP;

	other.peer.port++;
	cr_assert(ne(ptr, client_open("INVITE", "z9hG4bK1", &UDP), NULL));
	cr_assert(ne(ptr, client_open("INVITE", "z9hG4bK2", &UDP), NULL));
	cr_assert(take(response(180, "INVITE", "z9hG4bK2")));
	transactions_fail(table, &other, now_ms);
	transactions_settle(table);
	assert_news("2 sent; 180 ");
	transactions_fail(table, &UDP, now_ms);
	transactions_settle(table);
	assert_news("0 sent; error ended ");
	cr_assert(eq(uint, transactions_count(table), 1));
}

Test(transaction, a_connection_that_ends_fails_who_still_calls_by_it_and_nobody_else, .init = setup,
	.fini = teardown)
{
	struct hop first = TCP;
	struct hop second = TCP;

	first.connection = 1;
	second.connection = 2;
	cr_assert(ne(ptr, client_open("INVITE", "z9hG4bK1", &first), NULL));
	cr_assert(ne(ptr, client_open("MESSAGE", "z9hG4bK2", &second), NULL));
	cr_assert(ne(ptr, client_open("INVITE", "z9hG4bK3", &second), NULL));
	cr_assert(take(response(180, "INVITE", "z9hG4bK3")));
	assert_news("3 sent; 180 ");
	transactions_fail(table, &second, now_ms);
	transactions_settle(table);
	assert_news("0 sent; error ended ");
	cr_assert(eq(uint, transactions_count(table), 2));
	// What has been heard of may still be answered, by another connection.
	cr_assert(take(response(200, "INVITE", "z9hG4bK3")));
	assert_news("0 sent; 200 ");
}

static void clients_open(unsigned count, const char *prefix, const struct hop *hop)
{
	char branch[32];

	for (unsigned i = 0; i < count; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bK%s%u", prefix, i);
		cr_assert(ne(ptr, client_open("MESSAGE", branch, hop), NULL));
	}
}

// Each of them once: looked through from the start for everyone that fails, so many would take minutes.
Test(transaction, a_connection_ends_for_many_without_a_long_pause_for_the_others, .timeout = 15)
{
	enum { MANY = 100000 };
	const struct transactions_options options = {.hashes = &hashes,
		.timers = timers_new(),
		.maximum = 2 * MANY,
		.send = transport_send};
	struct hop first = TCP, second = TCP;

	first.connection = 1;
	second.connection = 2;
	table = transactions_new(&options);
	clients_open(MANY, "a", &first);
	clients_open(MANY, "b", &second);
	transactions_fail(table, &first, now_ms);
	transactions_settle(table);
	cr_assert(eq(uint, transactions_count(table), MANY));
	transactions_free(table);
	timers_free(options.timers);
}

Test(transaction, a_full_table_refuses_until_something_ends, .init = setup, .fini = teardown)
{
	struct transaction *first = server_open("MESSAGE", "z9hG4bKfirst", &UDP);
	char branch[16];

	for (unsigned i = 1; i < TABLE_MAXIMUM; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bK%u", i);
		cr_assert(ne(ptr, server_open("MESSAGE", branch, &UDP), NULL));
	}
	cr_assert(eq(ptr, server_open("MESSAGE", "z9hG4bKmore", &UDP), NULL));
	cr_assert(eq(ptr, client_open("MESSAGE", "z9hG4bKmore", &UDP), NULL));
	cr_assert(eq(u64, transactions_counters(table)->refused, 2));
	transaction_drop(first);
	transactions_settle(table);
	cr_assert(ne(ptr, server_open("MESSAGE", "z9hG4bKmore", &UDP), NULL));
}

Test(transaction, what_is_dropped_is_forgotten_without_a_word, .init = setup, .fini = teardown)
{
	struct transaction *client = client_open("INVITE", "z9hG4bK1", &UDP);

	transaction_drop(client);
	cr_assert(not(take(response(200, "INVITE", "z9hG4bK1"))));
	pass(40000);
	assert_news("1 sent; ended ");
}
