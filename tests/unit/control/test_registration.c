// REGISTER up and down: what is granted, refused, committed and returned (ROUTING sections 4 and 11).

#include "flow_fixture.h"
#include "flows/pendings.h"
#include "flows/registration.h"

#include <weir/identity.h>

#include <stdio.h>

#define INSTANCE "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\""

struct sent {
	unsigned count;
	unsigned worker;
	struct link_down_message head; // of the last one
	bool after_changes;
};

static struct hash_keys keys;
static struct registration *registration;
static struct sent sent;
static char text[8192];

static void record_sent(void *context, unsigned worker, const struct link_down_message *head,
	struct span message, bool after_changes)
{
	cr_assert(eq(ptr, (void *)message.octets, (void *)text));
	cr_assert(eq(u32, head->length, (uint32_t)message.length));
	sent.count++;
	sent.worker = worker;
	sent.head = *head;
	sent.after_changes = after_changes;
}

static struct row_removal removed;
static unsigned removed_count;

static void record_removed(void *context, const struct row_removal *removal)
{
	removed = *removal;
	removed_count++;
}

static void open_both(void)
{
	const struct registration_options options = {
		.hashes = &keys, .send = record_sent, .removed = record_removed};

	for (unsigned label = 0; label < HASH_LABELS; label++)
		memset(keys.key[label], (int)label + 1, HASH_KEY_OCTETS);
	open_book(1000, 4000);
	struct registration_options with_book = options;
	with_book.book = book;
	registration = registration_new(&with_book);
	cr_assert(ne(ptr, registration, NULL));
}

static void close_both(void)
{
	registration_free(registration);
	close_book();
}

TestSuite(registration, .init = open_both, .fini = close_both);

static struct link_up_message up_head(enum link_up_kind kind, uint32_t host, int length)
{
	return (struct link_up_message){
		.kind = (uint8_t)kind,
		.listener = kind == LINK_UP_REGISTER ? 1 : 2,
		.side = kind == LINK_UP_REGISTER ? SIDE_ACCESS : SIDE_CORE,
		.transport = TRANSPORT_UDP,
		.length = (uint16_t)length,
		.source = source_of(host, 5060).peer,
	};
}

static void ask_from(uint32_t host, unsigned cseq, const char *more)
{
	int length = snprintf(text, sizeof(text),
		"REGISTER sip:example.net SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bK%u;rport\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:bob@example.net>;tag=f1\r\n"
		"To: <sip:bob@example.net>\r\n"
		"Call-ID: c%u\r\n"
		"CSeq: %u REGISTER\r\n"
		"%sContent-Length: 0\r\n\r\n",
		cseq, host, cseq, more);
	struct link_up_message head = up_head(LINK_UP_REGISTER, host, length);

	registration_take_request(registration, 3, &head, span_of(text, (size_t)length), now);
}

static struct flow_id granted(void)
{
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_GRANT));
	return (struct flow_id){EDGE, sent.head.slot, sent.head.generation};
}

static struct flow_id ask(unsigned cseq, const char *more)
{
	ask_from(7, cseq, more);
	return granted();
}

static const char *offer = ""; // what else stands in the phone's Via

static void answer_from(
	struct flow_id flow, uint32_t host, unsigned cseq, unsigned status, const char *more)
{
	int length = snprintf(text, sizeof(text),
		"SIP/2.0 %u Whatever\r\n"
		"Via: SIP/2.0/UDP edge1.test;branch=z9hG4bKours\r\n"
		"Via: SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bK%u;rport%s\r\n"
		"From: <sip:bob@example.net>;tag=f1\r\n"
		"To: <sip:bob@example.net>;tag=t1\r\n"
		"Call-ID: c%u\r\n"
		"CSeq: %u REGISTER\r\n"
		"%sContent-Length: 0\r\n\r\n",
		status, cseq, offer, host, cseq, more);
	struct link_up_message head = up_head(LINK_UP_REGISTERED, host, length);

	head.slot = flow.slot;
	head.generation = flow.generation;
	registration_take_response(registration, 4, &head, span_of(text, (size_t)length), now);
}

static void answer(struct flow_id flow, unsigned cseq, unsigned status, const char *more)
{
	answer_from(flow, 7, cseq, status, more);
}

static struct registration_counts counts(void)
{
	struct registration_counts count;

	registration_count(registration, &count);
	return count;
}

#define CONTACT "Contact: <sip:bob@192.0.2.2>;reg-id=1;" INSTANCE

Test(registration, a_register_gets_a_reserved_flow_and_goes_down_to_its_worker_at_once)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	cr_assert(ne(u32, flow.slot, 0));
	cr_assert(ne(u64, sent.head.uak, 0));
	cr_assert(eq(u32, sent.worker, 3));
	cr_assert(not(sent.after_changes));
	cr_assert(eq(int, sent.head.listener, 1));
	struct endpoint source = source_of(7, 5060).peer;
	cr_assert(endpoint_equal(&sent.head.peer, &source));
	cr_assert(eq(int, state_of(flow), FLOW_GONE));
}

Test(registration, two_instances_in_one_register_share_a_path_that_names_neither)
{
	ask(1,
		CONTACT
		"\r\nContact: <sip:bob@192.0.2.3>;reg-id=1;+sip.instance=\"<urn:uuid:other>\"\r\n");
	cr_assert(eq(u64, sent.head.uak, 0));
	ask(2, CONTACT "\r\nContact: <sip:bob@192.0.2.3>;reg-id=2;" INSTANCE "\r\n");
	cr_assert(ne(u64, sent.head.uak, 0));
}

Test(registration, the_2xx_commits_the_row_and_is_held_until_the_tables_have_it)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");
	uint64_t uak = sent.head.uak;

	answer(flow, 1, 200, "Require: outbound\r\n" CONTACT ";expires=120\r\n");
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_RETURN));
	cr_assert(eq(u32, sent.worker, 4));
	cr_assert(sent.after_changes);
	cr_assert(eq(int, sent.head.flow_timer, 1));
	struct flow_record record = record_of(flow);
	cr_assert(eq(int, record.state, FLOW_LIVE));
	cr_assert(eq(int, record.row_count, 1));
	cr_assert(eq(u64, record.rows[0].uak, uak));
	cr_assert(eq(u32, record.rows[0].reg_id, 1));
	cr_assert(eq(u32, record.rows[0].expires_at_s, (uint32_t)(now.wall_ms / 1000) + 120));
}

Test(registration, flow_timer_is_asked_for_only_with_require_outbound_and_never_twice)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	cr_assert(eq(int, sent.head.flow_timer, 0));
	answer(flow, 1, 200, "Require: outbound\r\nFlow-Timer: 60\r\n" CONTACT ";expires=120\r\n");
	cr_assert(eq(int, sent.head.flow_timer, 0));
}

Test(registration, a_challenge_is_returned_at_once_and_the_second_register_finds_the_same_flow)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 401, "");
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_RETURN));
	cr_assert(not(sent.after_changes));
	cr_assert(eq(int, state_of(flow), FLOW_GONE));
	cr_assert(flow_id_equal(ask(2, CONTACT "\r\n"), flow));
	answer(flow, 2, 200, CONTACT ";expires=120\r\n");
	cr_assert(eq(int, state_of(flow), FLOW_LIVE));
}

Test(registration, retransmissions_find_the_same_flow_and_repeated_2xx_the_same_register)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	for (unsigned i = 0; i < 6; i++) {
		pass_ms(4000);
		cr_assert(flow_id_equal(ask(1, CONTACT "\r\n"), flow));
	}
	cr_assert(eq(u32, counts().pending, 1));
	for (unsigned i = 0; i < 3; i++) {
		answer(flow, 1, 200, CONTACT ";expires=120\r\n");
		cr_assert(eq(int, sent.head.kind, LINK_DOWN_RETURN));
	}
	cr_assert(eq(int, record_of(flow).row_count, 1));
}

Test(registration, a_2xx_that_answers_no_register_we_know_is_dropped)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");
	struct flow_id other = flow;
	unsigned before = sent.count;

	other.generation++;
	answer(other, 1, 200, CONTACT ";expires=120\r\n");
	answer(flow, 2, 200, CONTACT ";expires=120\r\n");
	answer_from(flow, 8, 1, 200, CONTACT ";expires=120\r\n");
	pass_ms(PENDING_MS);
	registration_tick(registration, now);
	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	cr_assert(eq(u32, sent.count, before));
	cr_assert(eq(u64, counts().orphans, 4));
	cr_assert(eq(u32, counts().pending, 0));
	cr_assert(eq(u32, usage().held, 0));
}

Test(registration, a_2xx_from_the_access_side_is_dropped)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");
	unsigned before = sent.count;
	struct link_up_message head = up_head(LINK_UP_REGISTERED, 7, 0);

	head.side = SIDE_ACCESS;
	head.slot = flow.slot;
	head.generation = flow.generation;
	registration_take_response(registration, 0, &head, SPAN("SIP/2.0 200 OK\r\n\r\n"), now);
	cr_assert(eq(u32, sent.count, before));
	cr_assert(eq(u64, counts().unreadable, 1));
}

Test(registration, only_the_contacts_that_this_register_carried_are_committed)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	// The registrar lists all bindings of the AOR: another phone's, and this phone's other flow with the same URI.
	answer(flow, 1, 200,
		"Contact: <sip:bob@198.51.100.9>;expires=900\r\n"
		"Contact: <sip:bob@192.0.2.2>;reg-id=2;" INSTANCE ";expires=800\r\n"
		"Contact: <sip:bob@192.0.2.2>;reg-id=1;"
		"+sip.instance=\"<urn:uuid:11111111-0000-1000-8000-AABBCCDDEEFF>\";expires="
		"700\r\n" CONTACT ";expires=600\r\n");
	cr_assert(eq(int, record_of(flow).row_count, 1));
	cr_assert(eq(
		u32, record_of(flow).rows[0].expires_at_s, (uint32_t)(now.wall_ms / 1000) + 600));
}

Test(registration, a_contact_is_known_by_instance_and_reg_id_even_if_its_uri_changed)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200,
		"Contact: <sip:bob@203.0.113.7:4711>;reg-id=1;" INSTANCE ";expires=60\r\n");
	cr_assert(eq(int, record_of(flow).row_count, 1));
}

Test(registration, without_reg_id_a_contact_is_known_by_its_uri)
{
	struct flow_id flow = ask(1, "Contact: <sip:bob@192.0.2.2;transport=udp>\r\n");

	answer(flow, 1, 200,
		"Contact: <sip:BOB@192.0.2.2;transport=udp>;expires=60\r\n"
		"Contact: <sip:bob@192.0.2.2;transport=tcp>;expires=61\r\n"
		"Contact: <sip:bob@192.0.2.2;transport=UDP>;expires=62\r\n");
	cr_assert(eq(int, record_of(flow).row_count, 1));
	cr_assert(
		eq(u32, record_of(flow).rows[0].expires_at_s, (uint32_t)(now.wall_ms / 1000) + 62));
}

Test(registration, a_registrar_without_outbound_is_understood_by_uri)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, "Contact: <sip:bob@192.0.2.2>;expires=60\r\n");
	cr_assert(eq(int, record_of(flow).row_count, 1));
	cr_assert(eq(u32, record_of(flow).rows[0].reg_id, 1));
}

Test(registration, expires_comes_from_the_header_when_the_contact_has_none)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, "Expires: 77\r\n" CONTACT "\r\n");
	cr_assert(
		eq(u32, record_of(flow).rows[0].expires_at_s, (uint32_t)(now.wall_ms / 1000) + 77));
}

Test(registration, what_the_2xx_leaves_out_or_grants_no_time_is_removed)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	ask(2, CONTACT "\r\n");
	answer(flow, 2, 200, "");
	cr_assert(eq(int, record_of(flow).row_count, 0));
	ask(3, CONTACT "\r\n");
	answer(flow, 3, 200, CONTACT ";expires=120\r\n");
	cr_assert(eq(int, record_of(flow).row_count, 1));
	ask(4, CONTACT "\r\n");
	answer(flow, 4, 200, CONTACT ";expires=0\r\n");
	cr_assert(eq(int, record_of(flow).row_count, 0));
	cr_assert(eq(int, state_of(flow), FLOW_DOUBTFUL));
}

Test(registration, a_removal_names_the_flow_that_is_there_and_reserves_none)
{
	cr_assert(eq(u32, ask(1, CONTACT ";expires=0\r\n").slot, 0));
	cr_assert(eq(u32, usage().reserved, 0));
	answer((struct flow_id){0}, 1, 200, "");
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_RETURN));

	struct flow_id flow = ask(2, CONTACT "\r\n");
	answer(flow, 2, 200, CONTACT ";expires=120\r\n");
	cr_assert(flow_id_equal(ask(3, CONTACT ";expires=0\r\n"), flow));
	answer(flow, 3, 200, "");
	cr_assert(eq(int, record_of(flow).row_count, 0));
}

Test(registration, contact_star_removes_the_rows_of_the_aor_on_the_flow)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	cr_assert(flow_id_equal(ask(2, "Contact: *\r\nExpires: 0\r\n"), flow));
	cr_assert(eq(int, record_of(flow).row_count, 1));
	answer(flow, 2, 200, "");
	cr_assert(eq(int, record_of(flow).row_count, 0));
}

Test(registration, contact_star_removes_the_rows_of_the_aor_on_every_flow_and_peers_are_told)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	// Another phone of the same AOR, which has no flow here, removes all bindings (RFC 3261 section 10.2.2).
	ask_from(8, 2, "Contact: *\r\nExpires: 0\r\n");
	cr_assert(eq(u32, sent.head.slot, 0));
	answer_from((struct flow_id){0}, 8, 2, 200, "");
	cr_assert(eq(int, record_of(flow).row_count, 0));
	cr_assert(eq(int, state_of(flow), FLOW_DOUBTFUL));
	cr_assert(eq(uint, removed_count, 1));
	cr_assert(ne(u64, removed.aor, 0));
	cr_assert(eq(u64, removed.uak, 0));
	cr_assert(eq(u64, removed.at_ms, now.wall_ms));
}

Test(registration, a_contact_is_removed_on_every_flow_and_peers_are_told)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	uint64_t uak = record_of(flow).rows[0].uak;
	// The phone has got another address meanwhile.
	ask_from(8, 2, CONTACT ";expires=0\r\n");
	answer_from((struct flow_id){0}, 8, 2, 200, "");
	cr_assert(eq(int, record_of(flow).row_count, 0));
	cr_assert(eq(uint, removed_count, 1));
	cr_assert(eq(u64, removed.uak, uak));
	cr_assert(eq(u32, removed.reg_id, 1));
}

Test(registration, what_the_2xx_merely_leaves_out_is_told_to_nobody)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	ask(2, CONTACT "\r\n");
	answer(flow, 2, 200, "");
	cr_assert(eq(int, record_of(flow).row_count, 0));
	cr_assert(eq(uint, removed_count, 0));
}

Test(registration, a_failed_removal_removes_nothing)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	ask(2, "Contact: *\r\nExpires: 0\r\n");
	answer(flow, 2, 403, "");
	cr_assert(eq(uint, removed_count, 0));
	cr_assert(eq(int, record_of(flow).row_count, 1));
	cr_assert(eq(int, state_of(flow), FLOW_LIVE));
}

Test(registration, associated_uris_become_rows_of_the_instance_and_go_when_they_are_not_named_again)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");
	const char *two =
		"P-Associated-URI: <sip:bob@example.net>, \"B\" <sip:+49301234@example.net>,"
		" <tel:+49301234>\r\n" CONTACT ";expires=120\r\n";

	answer(flow, 1, 200, two);
	struct flow_record record = record_of(flow);
	cr_assert(eq(int, record.row_count, 3));
	for (unsigned i = 1; i < 3; i++) {
		cr_assert(ne(u64, record.rows[i].uak, record.rows[0].uak));
		cr_assert(eq(u64, record.rows[i].instance, record.rows[0].instance));
		cr_assert(eq(u64, record.rows[i].uak,
			identity_hash_uak(&keys, record.rows[i].aor, record.rows[i].instance)));
	}
	pass_ms(1000);
	ask(2, CONTACT "\r\n");
	answer(flow, 2, 200, CONTACT ";expires=120\r\n");
	cr_assert(eq(int, record_of(flow).row_count, 1));
}

Test(registration, a_phone_that_is_told_a_flow_timer_has_shown_keep_alives)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	cr_assert(eq(int, record_of(flow).flags, 0));
	ask(2, CONTACT "\r\n");
	answer(flow, 2, 200, "Require: outbound\r\n" CONTACT ";expires=120\r\n");
	cr_assert(eq(int, sent.head.flow_timer, 1));
	cr_assert(eq(int, record_of(flow).flags, FLOW_KEEPALIVE_SHOWN));
}

Test(registration, a_phone_whose_offer_to_keep_alive_is_taken_has_shown_keep_alives)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	offer = ";keep=30";
	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	cr_assert(eq(int, record_of(flow).flags, 0));
	ask(2, CONTACT "\r\n");
	offer = ";keep";
	answer(flow, 2, 200, CONTACT ";expires=120\r\n");
	cr_assert(eq(int, record_of(flow).flags, FLOW_KEEPALIVE_SHOWN));
}

Test(registration, two_contacts_in_one_register_are_two_rows)
{
	struct flow_id flow = ask(1, "Contact: <sip:bob@192.0.2.2>, <sip:desk@192.0.2.2>\r\n");

	answer(flow, 1, 200,
		"Contact: <sip:bob@192.0.2.2>;expires=60, <sip:desk@192.0.2.2>;expires=90\r\n");
	cr_assert(eq(int, record_of(flow).row_count, 2));
}

Test(registration, a_register_that_cannot_be_read_in_one_way_is_refused_with_400)
{
	ask_from(7, 1, "Contact: *\r\n");
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_REFUSE));
	cr_assert(eq(int, sent.head.status, 400));
	cr_assert(eq(int, sent.head.retry_after_s, 0));
	cr_assert(eq(u32, usage().reserved, 0));
	cr_assert(eq(u64, counts().malformed, 1));
}

Test(registration, a_spoofed_flood_gets_503_with_retry_after_and_leaves_room)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");
	unsigned refused = 0;

	answer(flow, 1, 200, CONTACT ";expires=3600\r\n");
	for (uint32_t i = 0; i < 5000; i++) {
		ask_from(0x10000 + (i << 8), i + 1, CONTACT "\r\n");
		if (sent.head.kind != LINK_DOWN_REFUSE)
			continue;
		refused++;
		cr_assert(eq(int, sent.head.status, 503));
		cr_assert(ge(int, sent.head.retry_after_s, RETRY_AFTER_BUSY_S));
		cr_assert(le(int, sent.head.retry_after_s, 2 * RETRY_AFTER_BUSY_S));
	}
	cr_assert(eq(u32, refused, 4900));
	// The phone that has a flow refreshes it in the middle of it.
	cr_assert(flow_id_equal(ask(2, CONTACT "\r\n"), flow));
	pass_ms(FLOW_RESERVED_MS + 1000);
	registration_tick(registration, now);
	cr_assert(eq(u32, counts().pending, 0));
	ask_from(0x20000, 1, CONTACT "\r\n");
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_GRANT));
}

Test(registration, a_flood_of_queries_cannot_take_the_room_of_phones)
{
	unsigned refused = 0;

	for (uint32_t i = 0; i < PENDING_FLOWLESS_MAX + 100; i++) {
		ask_from(i, 1, "");
		refused += sent.head.kind == LINK_DOWN_REFUSE;
	}
	cr_assert(eq(u32, refused, 100));
	ask_from(0x20000, 1, CONTACT "\r\n");
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_GRANT));
}

Test(registration, one_source_cannot_take_the_room_of_others)
{
	unsigned refused = 0;

	for (unsigned cseq = 1; cseq <= 1000; cseq++) {
		ask_from(7, cseq, CONTACT "\r\n");
		refused += sent.head.kind == LINK_DOWN_REFUSE;
	}
	cr_assert(eq(u32, refused, 1000 - PENDING_SOURCE_MAX));
	cr_assert(eq(u32, counts().pending, PENDING_SOURCE_MAX));
	ask_from(0x10007, 1, CONTACT "\r\n");
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_GRANT));
}

Test(registration, a_register_that_failed_waits_no_longer)
{
	struct flow_id flow = ask(1, CONTACT "\r\n");

	answer(flow, 1, 100, "");
	cr_assert(eq(u32, counts().pending, 1));
	answer(flow, 1, 401, "");
	cr_assert(eq(u32, counts().pending, 0));
	answer(flow, 1, 401, "");
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_RETURN));
	answer(flow, 1, 200, CONTACT ";expires=120\r\n");
	cr_assert(eq(u64, counts().orphans, 1));
}

Test(registration, a_clock_that_is_a_second_behind_gets_silence_one_that_is_wrong_503)
{
	uint32_t wall_s = (uint32_t)(now.wall_ms / 1000);

	flow_book_note_generation(book, wall_s);
	ask_from(7, 1, CONTACT "\r\n");
	cr_assert(eq(u32, sent.count, 0));
	flow_book_note_generation(book, wall_s + 9);
	ask_from(7, 1, CONTACT "\r\n");
	cr_assert(eq(int, sent.head.kind, LINK_DOWN_REFUSE));
	cr_assert(eq(int, sent.head.status, 503));
	cr_assert(ge(int, sent.head.retry_after_s, 10));
	cr_assert(eq(u64, counts().refused[FLOW_CLOCK_BEHIND], 2));
	pass_ms(10000);
	cr_assert(ne(u32, ask(1, CONTACT "\r\n").slot, 0));
}

Test(registration, octets_that_are_no_register_are_dropped)
{
	struct link_up_message head = up_head(LINK_UP_REGISTER, 7, 0);
	struct span bad[] = {SPAN(""), SPAN("REGISTER"), SPAN("SIP/2.0 200 OK\r\n\r\n"),
		SPAN("INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		     "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 "
		     "INVITE\r\n\r\n")};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		registration_take_request(registration, 0, &head, bad[i], now);
		registration_take_response(
			registration, 0, &(struct link_up_message){.side = SIDE_CORE}, bad[i], now);
	}
	cr_assert(eq(u32, sent.count, 0));
	cr_assert(eq(u32, usage().reserved, 0));
}

static void ask_by(const struct flow_id *flow, uint32_t tag)
{
	int length = snprintf(text, sizeof(text),
		"REGISTER sip:example.net SIP/2.0\r\n"
		"Via: SIP/2.0/TCP 10.1.1.1:5060;branch=z9hG4bKs\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:bob@example.net>;tag=f1\r\n"
		"To: <sip:bob@example.net>\r\n"
		"Call-ID: stream\r\n"
		"CSeq: 1 REGISTER\r\n" CONTACT "\r\nContent-Length: 0\r\n\r\n");
	struct link_up_message head = up_head(LINK_UP_REGISTER, 7, length);

	head.transport = TRANSPORT_TCP;
	head.slot = flow->slot;
	head.generation = flow->generation;
	head.tag = tag;
	registration_take_request(registration, 3, &head, span_of(text, (size_t)length), now);
}

static struct flow_id stream_open(void)
{
	struct flow_source source = source_of(7, 5060);
	struct flow_id flow = {0};

	source.transport = TRANSPORT_TCP;
	cr_assert(eq(int, flow_book_open_stream(book, &source, now, &flow), FLOW_OK));
	return flow;
}

Test(registration, a_register_by_a_connection_takes_its_flow_and_keeps_its_tag)
{
	struct flow_id flow = stream_open();

	ask_by(&flow, 99);
	cr_assert(flow_id_equal(granted(), flow));
	cr_assert(eq(u32, sent.head.tag, 99));
	cr_assert(eq(u32, usage().reserved, 0));
}

Test(registration, a_register_by_a_connection_that_has_closed_is_dropped)
{
	struct flow_id flow = stream_open();

	flow_book_close_stream(book, flow, now);
	ask_by(&flow, 99);
	cr_assert(eq(uint, sent.count, 0));
}
