// What sources and a worker that is behind may cost, before a message is parsed.

#include "golden.h"
#include "guard.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

static struct lab *lab;
static struct golden_transaction transaction;
static uint8_t text[GOLDEN_TEXT_MAX];

#define PHONE "198.51.100.5:40000"
#define STRANGER "198.51.100.9:40000"
#define GATEWAY "203.0.113.200:5060" // in shared-flows
#define CORE "10.0.9.1:5060"

static void setup(void)
{
	struct flow_record record = {.id = {1, 5, 1000},
		.state = FLOW_LIVE,
		.listener = LAB_ACCESS,
		.transport = TRANSPORT_UDP,
		.row_count = 1};

	urcu_qsbr_register_thread();
	lab = lab_new(1);
	record.peer = lab_endpoint(PHONE);
	record.rows[0] = (struct row){.uak = lab_uak(lab, "alice"),
		.aor = lab_aor(lab, "alice"),
		.contact = lab_contact(lab, "sip:alice@192.168.1.5:5060"),
		.expires_at_s = LAB_NOW_S + 600};
	lab_put(lab, &record);
	lab->settings.source_per_s = 10;
	lab->settings.source_burst = 100;
	lab->settings.phone_per_s = 10;
	lab->settings.phone_burst = 200;
	lab->settings.strangers_per_s = 2000;
	lab->settings.behind_ms = 20;
	lab->settings.refusals_per_s = 20;
	lab_limit(lab);
}

static void teardown(void)
{
	lab_free(lab);
	urcu_qsbr_unregister_thread();
}

TestSuite(limit, .init = setup, .fini = teardown);

#define HEAD(method, to) \
	method " sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5;branch=z9hG4bK1\r\n" \
	       "From: <sip:alice@example.net>;tag=fa\r\n" to ": <sip:bob@example.net>"
#define TAIL(method) "\r\nCall-ID: c1\r\nCSeq: 1 " method "\r\n"
#define REQUEST(method, tag) HEAD(method, "To") tag TAIL(method) "\r\n"
#define INVITE REQUEST("INVITE", "")
#define STUN_REQUEST \
	"\x00\x01\x00\x00\x21\x12\xa4\x42" \
	"0123456789ab"

static enum verdict send_span(uint8_t listener, const char *source, struct span message)
{
	struct endpoint endpoint = lab_endpoint(source);

	lab_begin(lab);
	lab_add(lab, listener, &endpoint, message, ORIGIN_WIRE);
	lab_run(lab);
	return (enum verdict)lab->burst->verdict[0];
}

static enum verdict send(uint8_t listener, const char *source, const char *message)
{
	size_t length = golden_expand(lab, &transaction, message, strlen(message), text);

	return send_span(listener, source, span_of(text, length));
}

// How many of them pass, all at one moment, until one does not; *then is what becomes of that one.
static unsigned send_all(const char *source, const char *message, enum verdict *then)
{
	enum verdict first = send(LAB_ACCESS, source, message);
	unsigned passed = 0;

	for (*then = first; *then == first && passed < 5000; passed++)
		*then = send(LAB_ACCESS, source, message);
	return passed;
}

Test(limit, what_opens_something_goes_first_then_register_and_what_was_begun_last)
{
	enum verdict then;

	cr_assert(eq(uint, send_all(STRANGER, INVITE, &then), 50));
	cr_assert(eq(int, then, VERDICT_SOURCE_LIMIT));
	cr_assert(eq(uint, send_all(STRANGER, REQUEST("REGISTER", ""), &then), 25));
	cr_assert(eq(int, then, VERDICT_SOURCE_LIMIT));
	cr_assert(eq(uint, send_all(STRANGER, REQUEST("BYE", ";tag=tb"), &then), 25));
	cr_assert(eq(int, then, VERDICT_SOURCE_LIMIT));
}

Test(limit, a_request_in_a_dialog_is_known_by_its_to_tag_when_its_method_does_not_say)
{
	static const char *const inside[] = {
		HEAD("INVITE", "To") ";tag=tb" TAIL("INVITE") "\r\n",
		HEAD("INVITE", "t") ";tag=tb" TAIL("INVITE") "\r\n",
		HEAD("INVITE", "tO \t") " ;x=y;TAG=tb" TAIL("INVITE") "\r\n",
	};
	enum verdict then;

	send_all(STRANGER, INVITE, &then);
	cr_assert(eq(int, then, VERDICT_SOURCE_LIMIT));
	for (unsigned i = 0; i < sizeof(inside) / sizeof(*inside); i++)
		cr_assert(ne(int, send(LAB_ACCESS, STRANGER, inside[i]), VERDICT_SOURCE_LIMIT));
	cr_assert(eq(int, send(LAB_ACCESS, STRANGER, REQUEST("INVITE", ";gat=tb")),
		VERDICT_SOURCE_LIMIT));
}

Test(limit, every_prefix_of_what_is_over_a_limit_is_looked_through_within_its_bounds)
{
	static const char message[] = HEAD("SUBSCRIBE", "To") ";tag=tb" TAIL("SUBSCRIBE") "\r\n";
	const size_t tagged = (size_t)(strstr(message, ";tag=tb") + 6 - message);
	struct guard guard = guard_new(sizeof(message));
	struct packet packet = {.peer = lab_endpoint(STRANGER), .listener = LAB_ACCESS};
	enum verdict then;

	send_all(STRANGER, INVITE, &then);
	for (size_t length = 0; length < sizeof(message) - 1; length++) {
		packet.octets = guard_end(&guard, length);
		packet.length = (uint32_t)length;
		memcpy(packet.octets, message, length);
		lab_begin(lab);
		lab_add_packet(lab, &packet, ORIGIN_WIRE);
		parse_burst(&lab->world, lab->burst);
		cr_assert(eq(int, lab->burst->limit[0] == VERDICT_NONE,
				  length < 20 || length >= tagged),
			"%zu", length);
	}
	guard_free(&guard);
}

Test(limit, a_source_is_limited_for_all_its_ports_and_fills_again_with_time)
{
	enum verdict then;

	send_all(STRANGER, INVITE, &then);
	cr_assert(eq(int, send(LAB_ACCESS, "198.51.100.9:1", INVITE), VERDICT_SOURCE_LIMIT));
	cr_assert(eq(int, send(LAB_ACCESS, "198.51.100.10:1", INVITE), VERDICT_UPSTREAM));
	lab->world.now_ms += 1000;
	cr_assert(eq(uint, send_all(STRANGER, INVITE, &then), 10));
}

Test(limit, what_is_over_a_limit_is_not_parsed)
{
	enum verdict then;

	send_all(STRANGER, INVITE, &then);
	lab->burst->message[0].call_id = (struct slice){77, 7};
	cr_assert(eq(int, send(LAB_ACCESS, STRANGER, INVITE), VERDICT_SOURCE_LIMIT));
	cr_assert(eq(int, lab->burst->message[0].call_id.offset, 77));
	cr_assert(eq(int, lab->burst->action[0], ACTION_RELEASE));
}

Test(limit, a_few_are_told_503_with_retry_after_and_the_rest_nothing)
{
	enum verdict then;

	lab->settings.limit_answers_per_s = 3;
	lab_rebuild(lab);
	send_all(STRANGER, INVITE, &then);
	cr_assert(eq(int, then, VERDICT_LIMITED));
	cr_assert(span_equal(
		span_of(lab->packet[0].octets, 31), SPAN("SIP/2.0 503 Service Unavailable")));
	cr_assert(
		memmem(lab->packet[0].octets, lab->packet[0].length, "Retry-After: ", 13) != NULL);
	cr_assert(eq(int, send(LAB_ACCESS, STRANGER, INVITE), VERDICT_LIMITED));
	cr_assert(eq(int, send(LAB_ACCESS, STRANGER, "no SIP at all, and long enough"),
		VERDICT_UNREADABLE));
	cr_assert(eq(int, send(LAB_ACCESS, STRANGER, INVITE), VERDICT_SOURCE_LIMIT));
	lab->world.now_s++;
	cr_assert(eq(int, send(LAB_ACCESS, STRANGER, INVITE), VERDICT_LIMITED));
}

Test(limit, what_is_refused_for_all_strangers_costs_its_source_nothing)
{
	static const char inside[] = HEAD("INVITE", "To") ";tag=tb" TAIL("INVITE") "\r\n";
	enum verdict then;

	// Of eight that all strangers may send, four may open something; of a source's own hundred, fifty.
	lab->settings.strangers_per_s = 8;
	lab_rebuild(lab);
	cr_assert(eq(uint, send_all(STRANGER, INVITE, &then), 4));
	cr_assert(eq(int, then, VERDICT_STRANGER_LIMIT));
	cr_assert(eq(uint, send_all(STRANGER, inside, &then), 4));
	cr_assert(eq(int, then, VERDICT_STRANGER_LIMIT));
	for (unsigned i = 0; i < 100; i++)
		cr_assert(eq(int, send(LAB_ACCESS, STRANGER, inside), VERDICT_STRANGER_LIMIT));
	// None of these hundred has taken from its own.
	lab->settings.strangers_per_s = 0;
	lab_rebuild(lab);
	cr_assert(eq(uint, send_all(STRANGER, inside, &then), 92));
	cr_assert(eq(int, then, VERDICT_SOURCE_LIMIT));
}

Test(limit, a_phone_has_what_no_crowd_of_strangers_can_take)
{
	enum verdict then = VERDICT_NONE;
	char source[32];

	for (unsigned i = 0; then != VERDICT_STRANGER_LIMIT; i++) {
		cr_assert(lt(uint, i, 2000));
		snprintf(source, sizeof(source), "203.%u.113.%u:5060", i / 200, i % 200 + 1);
		then = send(LAB_ACCESS, source, INVITE);
	}
	cr_assert(eq(int, send(LAB_ACCESS, "198.51.100.77:5060", INVITE), VERDICT_STRANGER_LIMIT));
	cr_assert(eq(uint, send_all(PHONE, INVITE, &then), 100));
	cr_assert(eq(int, then, VERDICT_PHONE_LIMIT));
	cr_assert(eq(uint, send_all(PHONE, REQUEST("REGISTER", ""), &then), 50));
	cr_assert(eq(uint, send_all(PHONE, REQUEST("BYE", ""), &then), 50));
}

Test(limit, a_phone_takes_nothing_from_others_behind_its_nat)
{
	enum verdict then;

	send_all(PHONE, INVITE, &then);
	cr_assert(eq(int, then, VERDICT_PHONE_LIMIT));
	cr_assert(eq(uint, send_all("198.51.100.5:40001", INVITE, &then), 50));
}

Test(limit, a_source_that_many_share_has_sixteen_times_as_much)
{
	enum verdict then;

	cr_assert(eq(uint, send_all(GATEWAY, INVITE, &then), 16 * 50));
	cr_assert(eq(int, then, VERDICT_SOURCE_LIMIT));
	lab->world.now_ms += 1000;
	cr_assert(eq(uint, send_all(GATEWAY, INVITE, &then), 16 * 10));
}

Test(limit, core_and_peers_are_never_limited)
{
	enum verdict first = send(LAB_CORE, CORE, REQUEST("BYE", ";tag=tb"));

	for (unsigned i = 0; i < 3000; i++)
		cr_assert(eq(int, send(LAB_CORE, CORE, REQUEST("BYE", ";tag=tb")), first));
	for (unsigned i = 0; i < 3000; i++)
		cr_assert(eq(int, send(LAB_PEER, "10.0.1.2:7000", INVITE), VERDICT_PEER_SOURCE));
}

Test(limit, stun_and_responses_count_like_the_rest)
{
	static const char response[] =
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.99\r\nCSeq: 1 BYE\r\n\r\n";
	unsigned passed = 0;
	enum verdict then;

	while (send_span(LAB_ACCESS, STRANGER, SPAN(STUN_REQUEST)) == VERDICT_STUN_BINDING)
		passed++;
	cr_assert(eq(uint, passed, 75));
	cr_assert(eq(uint, send_all(STRANGER, response, &then), 25));
	cr_assert(eq(int, then, VERDICT_SOURCE_LIMIT));
}

Test(limit, what_only_keeps_a_nat_open_is_not_counted)
{
	for (unsigned i = 0; i < 1000; i++)
		cr_assert(eq(int, send(LAB_ACCESS, STRANGER, "\r\n\r\n"), VERDICT_KEEPALIVE));
	cr_assert(eq(int, send(LAB_ACCESS, STRANGER, INVITE), VERDICT_UPSTREAM));
}

static void receive_full_bursts(unsigned count, uint64_t each_ms)
{
	lab->limits.full = true;
	for (; count > 0; count--) {
		limits_note_burst(&lab->limits, lab->world.now_ms);
		lab->world.now_ms += each_ms;
	}
}

static void receive_all(void)
{
	lab->limits.full = false;
	limits_note_burst(&lab->limits, lab->world.now_ms);
}

Test(limit, a_worker_that_is_behind_turns_away_what_opens_then_register_never_a_dialog)
{
	receive_full_bursts(LIMITS_FULL_BURSTS, 1);
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, INVITE), VERDICT_SHED));
	cr_assert(eq(int, send(LAB_ACCESS, STRANGER, INVITE), VERDICT_SHED));
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, REQUEST("REGISTER", "")), VERDICT_REGISTER));
	receive_full_bursts(200, 1);
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, REQUEST("REGISTER", "")), VERDICT_SHED));
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, REQUEST("INVITE", ";tag=tb")), VERDICT_UPSTREAM));
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, REQUEST("BYE", ";tag=tb")), VERDICT_UPSTREAM));
	receive_all();
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, INVITE), VERDICT_UPSTREAM));
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, REQUEST("REGISTER", "")), VERDICT_REGISTER));
}

Test(limit, a_worker_that_slept_or_has_a_short_burst_to_work_off_is_not_behind)
{
	// The kernel ran somebody else for a second.
	receive_full_bursts(2, 1000);
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, INVITE), VERDICT_UPSTREAM));
	receive_all();
	receive_full_bursts(10 * LIMITS_FULL_BURSTS, 0);
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, INVITE), VERDICT_UPSTREAM));
}

Test(limit, a_worker_that_may_not_turn_away_does_not)
{
	lab->settings.behind_ms = 0;
	lab_rebuild(lab);
	receive_full_bursts(1000, 100);
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, INVITE), VERDICT_UPSTREAM));
}

#define FORGED(method) \
	method " sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5;branch=z9hG4bK1\r\n" \
	       "Route: <sip:nonsense@edge1.example.net;lr>\r\n" \
	       "From: <sip:alice@example.net>;tag=fa\r\nTo: <sip:bob@example.net>;tag=tb\r\n" \
	       "Call-ID: c1\r\nCSeq: 1 " method "\r\n\r\n"

Test(limit, a_source_is_told_twenty_times_a_second_that_its_token_is_bad)
{
	enum verdict then;

	cr_assert(eq(int, send(LAB_ACCESS, PHONE, FORGED("INFO")), VERDICT_TOKEN_MALFORMED));
	cr_assert(eq(uint, send_all(PHONE, FORGED("INFO"), &then), 19));
	cr_assert(eq(int, then, VERDICT_TOKEN_LIMIT));
	cr_assert(eq(int, lab->burst->action[0], ACTION_RELEASE));
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, FORGED("ACK")), VERDICT_ACK_DROPPED));
	cr_assert(eq(int, send(LAB_ACCESS, STRANGER, FORGED("INFO")), VERDICT_TOKEN_MALFORMED));
	lab->world.now_s++;
	cr_assert(eq(int, send(LAB_ACCESS, PHONE, FORGED("INFO")), VERDICT_TOKEN_MALFORMED));
}

Test(limit, the_core_is_told_of_every_bad_token)
{
	for (unsigned i = 0; i < 100; i++)
		cr_assert(eq(int, send(LAB_CORE, CORE, FORGED("INFO")), VERDICT_TOKEN_MALFORMED));
}
