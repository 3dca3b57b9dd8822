#include "../../dataplane/pipeline/stun.h"
#include "lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct lab *lab;

static void setup(void)
{
	urcu_qsbr_register_thread();
	lab = lab_new(1);
}

static void teardown(void)
{
	lab_free(lab);
	urcu_qsbr_unregister_thread();
}

TestSuite(stun, .init = setup, .fini = teardown);

#define TRANSACTION "0123456789ab"
#define REQUEST(length) "\x00\x01\x00" length "\x21\x12\xa4\x42" TRANSACTION

static enum verdict ask(uint8_t listener, const char *source, struct span text)
{
	struct endpoint endpoint = lab_endpoint(source);

	lab_begin(lab);
	lab_add(lab, listener, &endpoint, text, ORIGIN_WIRE);
	lab_run(lab);
	return (enum verdict)lab->burst->verdict[0];
}

static bool sent(struct span expected)
{
	const struct packet *packet = &lab->packet[0];

	return lab->burst->action[0] == ACTION_SEND
		&& span_equal(span_of(packet->octets, packet->length), expected);
}

Test(stun, a_binding_request_is_answered_with_its_source_by_the_same_listener)
{
	cr_assert(eq(int, ask(LAB_ACCESS, "198.51.100.5:40000", SPAN(REQUEST("\x00"))),
		VERDICT_STUN_BINDING));
	// 40000 is 0x9c40, 198.51.100.5 is c6336405; xor-ed with 0x2112a442
	cr_assert(sent(SPAN("\x01\x01\x00\x0c\x21\x12\xa4\x42" TRANSACTION
			    "\x00\x20\x00\x08\x00\x01\xbd\x52\xe7\x21\xc0\x47")));
	cr_assert(eq(int, lab->packet[0].listener, LAB_ACCESS));
	cr_assert(eq(int, lab->packet[0].peer.port, 40000));
}

Test(stun, an_ipv6_source_is_mixed_with_the_transaction_too)
{
	cr_assert(eq(int, ask(LAB_ACCESS6, "[2001:db8:f::5]:40000", SPAN(REQUEST("\x00"))),
		VERDICT_STUN_BINDING));
	cr_assert(sent(SPAN("\x01\x01\x00\x18\x21\x12\xa4\x42" TRANSACTION
			    "\x00\x20\x00\x14\x00\x02\xbd\x52\x01\x13\xa9\xfa"
			    "\x30\x3e\x32\x33\x34\x35\x36\x37\x38\x39\x61\x67")));
}

Test(stun, an_attribute_that_must_be_understood_and_is_not_gets_420_that_names_it)
{
	cr_assert(eq(int,
		ask(LAB_ACCESS, "198.51.100.5:40000",
			SPAN(REQUEST("\x08") "\x7f\xff\x00\x04"
					     "aaaa")),
		VERDICT_STUN_BINDING));
	cr_assert(sent(SPAN("\x01\x11\x00\x10\x21\x12\xa4\x42" TRANSACTION
			    "\x00\x09\x00\x04\x00\x00\x04\x14\x00\x0a\x00\x02\x7f\xff\x00\x00")));
}

Test(stun, a_good_fingerprint_is_taken_and_a_bad_one_is_not)
{
	// CRC-32 of the 20 octets before the attribute, by zlib: 0x9c08a3e5; xor-ed with 0x5354554e (RFC 5389 section 15.5).
	cr_assert(eq(int,
		ask(LAB_ACCESS, "198.51.100.5:40000",
			SPAN(REQUEST("\x08") "\x80\x28\x00\x04"
					     "\xcf\x5c\xf6\xab")),
		VERDICT_STUN_BINDING));
	cr_assert(eq(int,
		ask(LAB_ACCESS, "198.51.100.5:40000",
			SPAN(REQUEST("\x08") "\x80\x28\x00\x04\x00\x00\x00\x01")),
		VERDICT_STUN));
	cr_assert(eq(int, lab->burst->action[0], ACTION_RELEASE));
}

Test(stun, what_is_no_binding_request_in_good_form_gets_no_answer)
{
	static const struct span broken[] = {
		SPAN("\x00\x03\x00\x00\x21\x12\xa4\x42" TRANSACTION), // Allocate
		SPAN("\x01\x11\x00\x04\x21\x12\xa4\x42" TRANSACTION "\x00\x09\x00\x00"),
		SPAN("\x00\x01\x01\x90\x21\x12\xa4\x42" TRANSACTION), // longer than what came
		SPAN(REQUEST("\x08") "\x00\x06\xff\xff"
				     "aaaa"),
	};

	for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		ask(LAB_ACCESS, "198.51.100.5:40000", broken[i]);
		cr_assert(eq(int, lab->burst->action[0], ACTION_RELEASE));
	}
}

Test(stun, an_answer_passes_the_guard_and_a_stranger_to_the_core_hears_nothing)
{
	cr_assert(eq(int, ask(LAB_ACCESS, "10.0.5.5:40000", SPAN(REQUEST("\x00"))),
		VERDICT_EGRESS_GUARD));
	cr_assert(eq(
		int, ask(LAB_CORE, "10.7.7.7:5060", SPAN(REQUEST("\x00"))), VERDICT_CORE_SOURCE));
	cr_assert(eq(
		int, ask(LAB_CORE, "10.0.9.1:5060", SPAN(REQUEST("\x00"))), VERDICT_STUN_BINDING));
	cr_assert(eq(
		int, ask(LAB_PEER, "10.0.1.9:7000", SPAN(REQUEST("\x00"))), VERDICT_EGRESS_GUARD));
	cr_assert(eq(
		int, ask(LAB_PEER, "10.0.1.2:7000", SPAN(REQUEST("\x00"))), VERDICT_STUN_BINDING));
}

Test(stun, a_phone_of_an_edge_whose_address_is_here_is_answered_and_heard)
{
	const struct flow_record record = {.id = {1, 5, 1000},
		.state = FLOW_LIVE,
		.listener = LAB_ACCESS,
		.transport = TRANSPORT_UDP,
		.peer = lab_endpoint("198.51.100.5:40000")};

	lab_free(lab);
	lab = lab_new(2);
	lab->takeover = true;
	lab_rebuild(lab);
	lab_put(lab, &record);
	const struct flow *flow = flow_find(lab->flows, record.id);

	cr_assert(eq(u32, flow_silent_s(flow, LAB_NOW_MS), FLOW_NEVER_HEARD));
	cr_assert(eq(int, ask(LAB_TAKEN, "198.51.100.5:40000", SPAN(REQUEST("\x00"))),
		VERDICT_STUN_BINDING));
	cr_assert(eq(int, lab->packet[0].listener, LAB_TAKEN));
	cr_assert(eq(u32, flow_silent_s(flow, LAB_NOW_MS), 0));
	lab_set_address(lab, LAB_TAKEN, false, 0);
	cr_assert(eq(int, ask(LAB_TAKEN, "198.51.100.5:40000", SPAN(REQUEST("\x00"))),
		VERDICT_ADDRESS_AWAY));
}
