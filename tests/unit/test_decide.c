// What golden files cannot say: whole bursts, worlds that are not there yet, and control's full ring.

#include "golden.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

static struct lab *lab;
static struct golden_transaction transaction;
static uint8_t text[GOLDEN_TEXT_MAX];

static void setup(void)
{
	struct flow_record record = {.id = {1, 5, 1000},
		.state = FLOW_LIVE,
		.listener = LAB_ACCESS,
		.transport = TRANSPORT_UDP,
		.row_count = 1};

	urcu_qsbr_register_thread();
	lab = lab_new(1);
	record.peer = lab_endpoint("198.51.100.5:40000");
	record.rows[0] = (struct row){.uak = lab_uak(lab, "alice"),
		.aor = lab_aor(lab, "alice"),
		.contact = lab_contact(lab, "sip:alice@192.168.1.5:5060"),
		.expires_at_s = LAB_NOW_S + 600};
	lab_put(lab, &record);
	lab_begin(lab);
}

static void teardown(void)
{
	lab_free(lab);
	urcu_qsbr_unregister_thread();
}

TestSuite(decide, .init = setup, .fini = teardown);

static unsigned add(uint8_t listener, const char *source, const char *message)
{
	struct endpoint endpoint = lab_endpoint(source);
	size_t length = golden_expand(lab, &transaction, message, strlen(message), text);

	return lab_add(lab, listener, &endpoint, span_of(text, length), ORIGIN_WIRE);
}

#define TOKEN \
	"{token route edge=1 slot=5 generation=1000 listener=1 role=sender " \
	"peer=198.51.100.5:40000 uak=alice bind=c1/fa}"
#define ROUTE "Route: <sip:" TOKEN "@edge1.example.net;lr>\r\n"

#define BOB "sip:bob@192.168.1.6:5060"

#define REGISTER_TEXT \
	"REGISTER sip:example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5;branch=z9hG4bK1\r\n" \
	"From: <sip:alice@example.net>;tag=fa\r\nTo: <sip:alice@example.net>\r\nCall-ID: c1\r\n" \
	"CSeq: 1 REGISTER\r\n\r\n"

// So many tokens of the caller's own in one request for bob, who has a flow of this edge too.
static const char *crowd(unsigned number, unsigned tokens)
{
	static char message[65536];
	size_t length = (size_t)snprintf(message, sizeof(message),
		"INFO " BOB " SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5;branch=z9hG4bK%u\r\n",
		number);

	for (unsigned i = 0; i < tokens; i++)
		length += (size_t)snprintf(message + length, sizeof(message) - length, "%s", ROUTE);
	snprintf(message + length, sizeof(message) - length,
		"From: <sip:alice@example.net>;tag=fa\r\nTo: <sip:bob@example.net>;tag=tb\r\n"
		"Call-ID: c1\r\nCSeq: %u INFO\r\n\r\n",
		number);
	return message;
}

Test(decide, a_burst_with_more_tokens_than_one_call_takes_leaves_as_its_messages_alone_would)
{
	static uint8_t alone[BURST_MAX][8192];
	size_t length[BURST_MAX];

	for (unsigned i = 0; i < BURST_MAX; i++) {
		lab_begin(lab);
		add(LAB_ACCESS, "198.51.100.5:40000", crowd(i + 1, 8));
		lab_run(lab);
		cr_assert(eq(int, lab->burst->verdict[0], VERDICT_UPSTREAM));
		length[i] = lab->packet[0].length;
		memcpy(alone[i], lab->packet[0].octets, length[i]);
	}
	lab_begin(lab);
	for (unsigned i = 0; i < BURST_MAX; i++)
		add(LAB_ACCESS, "198.51.100.5:40000", crowd(i + 1, 8));
	lab_run(lab);
	cr_assert(gt(int, lab->burst->mint_count, TOKEN_BURST));
	for (unsigned i = 0; i < BURST_MAX; i++)
		cr_assert(span_equal(span_of(lab->packet[i].octets, lab->packet[i].length),
			span_of(alone[i], length[i])));
}

static void bob_put(void)
{
	struct flow_record record = {.id = {1, 6, 1000},
		.state = FLOW_LIVE,
		.listener = LAB_ACCESS,
		.transport = TRANSPORT_UDP,
		.row_count = 1,
		.peer = lab_endpoint("198.51.100.6:40000")};

	record.rows[0] = (struct row){.uak = lab_uak(lab, "bob"),
		.aor = lab_aor(lab, "bob"),
		.contact = lab_contact(lab, BOB),
		.expires_at_s = LAB_NOW_S + 600};
	lab_put(lab, &record);
}

// Every Route is the caller's own and is renewed, and the one who is found by its contact gets a token too.
Test(decide, a_burst_of_the_most_tokens_that_messages_can_ask_for_has_room)
{
	bob_put();
	for (unsigned i = 0; i < BURST_MAX; i++)
		add(LAB_ACCESS, "198.51.100.5:40000", crowd(i + 1, ROUTES_MAX));
	lab_run(lab);
	for (unsigned i = 0; i < BURST_MAX; i++)
		cr_assert(eq(int, lab->burst->verdict[i], VERDICT_R6_CONTACT));
	cr_assert(eq(int, lab->burst->mint_count, BURST_MAX *(ROUTES_MAX + 1)));
	cr_assert(le(int, lab->burst->mint_count, BURST_MINTS));
}

// As many lines as a message may have, and more values than that on one line.
Test(decide, a_burst_of_messages_with_more_routes_than_are_walked_is_refused)
{
	static char message[65536];
	unsigned lines = MESSAGE_LINES_MAX - 5; // Via, From, To, Call-ID, CSeq
	const char *many = crowd(1, lines);
	const char *route = strstr(many, "Route: ");
	size_t length = (size_t)(route - many) + strlen("Route: ");
	size_t value = strlen(ROUTE) - strlen("Route: \r\n");

	memcpy(message, many, length);
	for (unsigned i = 0; i < 2 * lines; i++)
		length += (size_t)snprintf(message + length, sizeof(message) - length, "%s%.*s",
			i == 0 ? "" : ",", (int)value, route + strlen("Route: "));
	snprintf(message + length, sizeof(message) - length, "\r\n%s", strstr(many, "From: "));
	for (unsigned i = 0; i < BURST_MAX; i++)
		add(LAB_ACCESS, "198.51.100.5:40000", i % 2 == 0 ? crowd(1, lines) : message);
	lab_run(lab);
	for (unsigned i = 0; i < BURST_MAX; i++) {
		cr_assert(eq(int, lab->burst->fault[i], MESSAGE_OK));
		cr_assert(lab->burst->routes[i].crowded);
		cr_assert(eq(int, lab->burst->routes[i].count, ROUTES_MAX));
		cr_assert(eq(int, lab->burst->routes[i].hop[ROUTES_MAX - 1].verdict, TOKEN_OK));
		cr_assert(eq(int, lab->burst->verdict[i], VERDICT_BAD_REQUEST));
	}
	cr_assert(eq(int, lab->burst->mint_count, 0));
}

Test(decide, a_retransmission_leaves_octet_for_octet_as_its_original)
{
	add(LAB_ACCESS, "198.51.100.5:40000", crowd(1, 8));
	add(LAB_ACCESS, "198.51.100.5:40000", crowd(1, 8));
	lab_run(lab);
	cr_assert(span_equal(span_of(lab->packet[0].octets, lab->packet[0].length),
		span_of(lab->packet[1].octets, lab->packet[1].length)));
}

Test(decide, nothing_is_decided_before_control_has_sent_names_and_keys)
{
	struct world whole = lab->world;

	for (unsigned i = 0; i < 3; i++) {
		lab->world = whole;
		if (i == 0)
			lab->world.directory = NULL;
		else if (i == 1)
			lab->world.hashes = NULL;
		else
			lab->world.keys = NULL;
		lab_begin(lab);
		add(LAB_ACCESS, "198.51.100.5:40000", REGISTER_TEXT);
		lab_run(lab);
		cr_assert(eq(int, lab->burst->verdict[0], VERDICT_NOT_READY));
		cr_assert(eq(int, lab->burst->action[0], ACTION_RELEASE));
	}
	lab->world = whole;
}

Test(decide, a_heartbeat_is_the_keepers_and_only_on_the_peer_listener)
{
	static const char beat[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234-_9";
	struct endpoint peer = lab_endpoint("10.0.1.2:7000");

	static_assert(sizeof(beat) - 1 == TOKEN_LENGTH_V4, "the form of a heartbeat");
	lab_add(lab, LAB_PEER, &peer, span_of(beat, TOKEN_LENGTH_V4), ORIGIN_WIRE);
	lab_add(lab, LAB_ACCESS, &peer, span_of(beat, TOKEN_LENGTH_V4), ORIGIN_WIRE);
	lab_add(lab, LAB_PEER, &peer, span_of(beat, TOKEN_LENGTH_V4 - 1), ORIGIN_WIRE);
	lab_run(lab);
	cr_assert(eq(int, lab->burst->action[0], ACTION_KEEPER));
	cr_assert(eq(int, lab->burst->verdict[0], VERDICT_BEAT));
	cr_assert(eq(int, lab->burst->action[1], ACTION_RELEASE));
	cr_assert(eq(int, lab->burst->action[2], ACTION_RELEASE));
}

Test(decide, a_register_that_controls_ring_cannot_take_is_answered_503)
{
	add(LAB_ACCESS, "198.51.100.5:40000", REGISTER_TEXT);
	lab_run(lab);
	cr_assert(eq(int, lab->burst->action[0], ACTION_CONTROL));
	burst_refuse(&lab->world, lab->burst, 0);
	cr_assert(eq(int, lab->burst->verdict[0], VERDICT_OVERLOAD));
	cr_assert(eq(int, lab->burst->action[0], ACTION_SEND));
	cr_assert(span_equal(
		span_of(lab->packet[0].octets, 31), SPAN("SIP/2.0 503 Service Unavailable")));
	cr_assert(eq(int, lab->packet[0].peer.port, 40000));
}

Test(decide, a_response_that_controls_ring_cannot_take_is_dropped)
{
	add(LAB_CORE, "10.0.9.1:5060",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKcprobe\r\n"
		"From: <sip:a@example.net>;tag=fa\r\nTo: <sip:a@example.net>;tag=x\r\nCall-ID: "
		"c1\r\n"
		"CSeq: 1 OPTIONS\r\n\r\n");
	lab_run(lab);
	cr_assert(eq(int, lab->burst->action[0], ACTION_CONTROL));
	burst_refuse(&lab->world, lab->burst, 0);
	cr_assert(eq(int, lab->burst->verdict[0], VERDICT_RING_FULL));
	cr_assert(eq(int, lab->burst->action[0], ACTION_RELEASE));
}

Test(decide, a_message_on_an_unknown_listener_is_dropped)
{
	add(99, "198.51.100.5:40000", REGISTER_TEXT);
	lab_run(lab);
	cr_assert(eq(int, lab->burst->action[0], ACTION_RELEASE));
	cr_assert(eq(int, lab->burst->verdict[0], VERDICT_UNREADABLE));
}

Test(decide, a_record_route_without_token_is_noted_with_its_reason)
{
	add(LAB_ACCESS, "198.51.100.99:5060",
		"INVITE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5\r\n"
		"From: <sip:alice@example.net>;tag=fa\r\nTo: <sip:bob@example.net>\r\nCall-ID: "
		"c1\r\n"
		"CSeq: 1 INVITE\r\n\r\n");
	add(LAB_ACCESS, "198.51.100.5:40000",
		"INVITE sip:bob@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5\r\n"
		"From: <sip:mallory@example.net>;tag=fa\r\nTo: <sip:bob@example.net>\r\nCall-ID: "
		"c1\r\n"
		"CSeq: 1 INVITE\r\n\r\n");
	lab_run(lab);
	cr_assert(eq(int, lab->burst->note[0], NOTE_UNREGISTERED));
	cr_assert(eq(int, lab->burst->note[1], NOTE_FOREIGN_FROM));
}

// The phone of slot 5.
static const struct flow *alice(void)
{
	return flow_find(lab->flows, (struct flow_id){1, 5, 1000});
}

static bool is_heard_by(const char *octets, size_t length)
{
	const struct endpoint source = lab_endpoint("198.51.100.5:40000");
	uint16_t before = atomic_load(&alice()->heard);

	lab_begin(lab);
	lab->world.now_ms += 5000;
	lab_add(lab, LAB_ACCESS, &source, span_of(octets, length), ORIGIN_WIRE);
	lab_run(lab);
	return atomic_load(&alice()->heard) != before;
}

#define STUN_REQUEST \
	"\x00\x01\x00\x00\x21\x12\xa4\x42" \
	"0123456789ab"

Test(decide, requests_and_keep_alives_of_a_phone_are_heard_and_a_stun_request_is_a_promise)
{
	cr_assert(is_heard_by(REGISTER_TEXT, sizeof(REGISTER_TEXT) - 1));
	cr_assert(is_heard_by("\r\n\r\n", 4));
	cr_assert(is_heard_by("\0\0\0\0", 4));
	cr_assert(not(atomic_load(&alice()->keepalive)));
	cr_assert(is_heard_by(STUN_REQUEST, sizeof(STUN_REQUEST) - 1));
	cr_assert(atomic_load(&alice()->keepalive));
}

Test(decide, octets_from_elsewhere_or_on_another_listener_are_nobodys_sign_of_life)
{
	const struct endpoint other = lab_endpoint("198.51.100.5:40001");
	const struct endpoint same = lab_endpoint("198.51.100.5:40000");
	uint16_t before = atomic_load(&alice()->heard);

	lab->world.now_ms += 5000;
	lab_add(lab, LAB_ACCESS, &other, SPAN(STUN_REQUEST), ORIGIN_WIRE);
	lab_add(lab, LAB_PEER, &same, SPAN(STUN_REQUEST), ORIGIN_WIRE);
	lab_run(lab);
	cr_assert(eq(int, atomic_load(&alice()->heard), before));
	cr_assert(not(atomic_load(&alice()->keepalive)));
}
