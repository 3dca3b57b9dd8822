#include <weir/identity.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

static const uint8_t secret[INDEX_SECRET_OCTETS] = "an index secret, never rotated..";

static struct hash_keys keys;

static void setup(void)
{
	cr_assert(eq(int, hash_keys_derive(&keys, secret, SPAN("edge.example.net")), 0));
}

TestSuite(identity_transaction, .init = setup);

struct branch {
	uint8_t octets[BRANCH_HASH_OCTETS];
};

static struct message parsed(const char *text)
{
	struct message message;

	cr_assert(eq(int, message_parse(&message, (const uint8_t *)text, strlen(text)), MESSAGE_OK),
		"%s", text);
	return message;
}

static struct branch branch_of_request(const char *text)
{
	struct message message = parsed(text);
	struct branch branch;

	identity_hash_branch(&keys, &message, &message.via, branch.octets);
	return branch;
}

// Of a response: from the Via under the top one, which is ours.
static struct branch branch_of_response(const char *text)
{
	struct message message = parsed(text);
	struct value_cursor cursor;
	struct branch branch;
	struct via via;

	value_begin(&cursor, &message, HEADER_VIA);
	cr_assert(value_next(&cursor));
	cr_assert(value_next(&cursor));
	cr_assert(via_parse(message.octets, cursor.value, &via));
	identity_hash_branch(&keys, &message, &via, branch.octets);
	return branch;
}

static bool equal(struct branch a, struct branch b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

#define INVITE \
	"INVITE sip:bob@example.com SIP/2.0\r\n" \
	"Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776asdhds\r\n" \
	"Max-Forwards: 70\r\n" \
	"To: Bob <sip:bob@example.com>\r\n" \
	"From: Alice <sip:alice@example.com>;tag=1928301774\r\n" \
	"Call-ID: a84b4c76e66710@pc33.example.com\r\n" \
	"CSeq: 314159 INVITE\r\n" \
	"Contact: <sip:alice@pc33.example.com>\r\n" \
	"Content-Length: 0\r\n\r\n"

static const char cancel[] = "CANCEL sip:bob@example.com SIP/2.0\r\n"
			     "Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776asdhds\r\n"
			     "Max-Forwards: 70\r\n"
			     "To: Bob <sip:bob@example.com>\r\n"
			     "From: Alice <sip:alice@example.com>;tag=1928301774\r\n"
			     "Call-ID: a84b4c76e66710@pc33.example.com\r\n"
			     "CSeq: 314159 CANCEL\r\n"
			     "Content-Length: 0\r\n\r\n";

// To a 486: the To has the tag of that answer.
static const char ack[] = "ACK sip:bob@example.com SIP/2.0\r\n"
			  "Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776asdhds\r\n"
			  "Route: <sip:edge1.example.net;lr>\r\n"
			  "Max-Forwards: 70\r\n"
			  "To: Bob <sip:bob@example.com>;tag=a6c85cf\r\n"
			  "From: Alice <sip:alice@example.com>;tag=1928301774\r\n"
			  "Call-ID: a84b4c76e66710@pc33.example.com\r\n"
			  "CSeq: 314159 ACK\r\n"
			  "Content-Length: 0\r\n\r\n";

// The same request as another stack, or a hop between, would write it: compact names, folds, order, case, white space, a body.
static const char rewritten[] = "INVITE sip:bob@192.0.2.4 SIP/2.0\r\n"
				"f: \"A\" <sips:alice@example.org>;x=y;tag=1928301774\r\n"
				"i:a84b4c76e66710@pc33.example.com\r\n"
				"cseq:   314159\r\n"
				" INVITE\r\n"
				"t: sip:bob@example.com\r\n"
				"v: SIP / 2.0 / udp PC33.Example.COM ;rport;\r\n"
				"  branch=z9hG4bK776asdhds;received=198.51.100.9\r\n"
				"Max-Forwards: 69\r\n"
				"l: 4\r\n\r\nbody";

static const char ringing[] =
	"SIP/2.0 180 Ringing\r\n"
	"Via: SIP/2.0/UDP edge1.example.net;branch=z9hG4bKours;w=x;rport\r\n"
	"Via: SIP/2.0/UDP "
	"pc33.example.com;branch=z9hG4bK776asdhds;received=192.0.2.1;rport=4711\r\n"
	"To: Bob <sip:bob@example.com>;tag=a6c85cf\r\n"
	"From: Alice <sip:alice@example.com>;tag=1928301774\r\n"
	"Call-ID: a84b4c76e66710@pc33.example.com\r\n"
	"CSeq: 314159 INVITE\r\n"
	"Content-Length: 0\r\n\r\n";

Test(identity_transaction, branch_is_the_same_for_invite_cancel_and_ack)
{
	struct branch invite = branch_of_request(INVITE);

	cr_assert(equal(branch_of_request(cancel), invite));
	cr_assert(equal(branch_of_request(ack), invite));
}

Test(identity_transaction, branch_is_the_same_for_a_retransmission_however_written)
{
	struct branch invite = branch_of_request(INVITE);

	cr_assert(equal(branch_of_request(INVITE), invite));
	cr_assert(equal(branch_of_request(rewritten), invite));
}

Test(identity_transaction, branch_is_found_again_from_the_response)
{
	cr_assert(equal(branch_of_response(ringing), branch_of_request(INVITE)));
}

// The text with the first `from` in it replaced.
static struct branch branch_with(const char *from, const char *to)
{
	static char text[2048];
	const char *at = strstr(INVITE, from);

	cr_assert(ne(ptr, (void *)at, NULL));
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - INVITE), INVITE, to, at + strlen(from));
	return branch_of_request(text);
}

Test(identity_transaction, branch_ignores_what_a_cancel_or_response_may_have_otherwise)
{
	struct branch invite = branch_of_request(INVITE);

	cr_assert(equal(branch_with("sip:bob@example.com SIP", "sip:eve@example.com SIP"), invite));
	cr_assert(
		equal(branch_with("Bob <sip:bob@example.com>", "<sip:x@y.example>;tag=9"), invite));
	cr_assert(
		equal(branch_with("<sip:alice@example.com>;tag", "<sip:a@b.example>;tag"), invite));
	cr_assert(equal(
		branch_with("pc33.example.com;branch", "pc33.example.com;rport;branch"), invite));
	cr_assert(equal(branch_with("Forwards: 70", "Forwards: 3"), invite));
}

Test(identity_transaction, branch_differs_with_each_of_its_inputs)
{
	struct branch invite = branch_of_request(INVITE);

	cr_assert(not(equal(branch_with("2.0/UDP", "2.0/TCP"), invite)));
	cr_assert(not(equal(branch_with("2.0/UDP", "2.0/DCCP"), invite)));
	cr_assert(not(equal(branch_with("UDP pc33", "UDP pc34"), invite)));
	cr_assert(not(equal(branch_with("example.com;branch", "example.com:5060;branch"), invite)));
	cr_assert(not(equal(branch_with("z9hG4bK776asdhds", "z9hG4bK776asdhdS"), invite)));
	cr_assert(not(equal(branch_with("Call-ID: a84b", "Call-ID: A84b"), invite)));
	cr_assert(not(equal(branch_with("CSeq: 314159", "CSeq: 314160"), invite)));
	cr_assert(not(equal(branch_with("tag=1928301774", "tag=1928301775"), invite)));
	cr_assert(not(equal(branch_with(";tag=1928301774", ""), invite)));
}

Test(identity_transaction, branch_of_a_via_without_or_with_the_bare_cookie_is_of_the_other_fields)
{
	struct branch none = branch_with(";branch=z9hG4bK776asdhds", "");
	struct branch cookie = branch_with("z9hG4bK776asdhds", "z9hG4bK");

	cr_assert(not(equal(none, branch_of_request(INVITE))));
	cr_assert(not(equal(none, cookie)));
	cr_assert(equal(none, branch_with(";branch=z9hG4bK776asdhds", ";rport")));
	cr_assert(equal(cookie, branch_with("branch=z9hG4bK776asdhds", "branch=z9hG4bK;rport")));
}

Test(identity_transaction, branch_takes_an_address_in_any_spelling)
{
	struct branch address = branch_with("pc33.example.com;", "[2001:db8::1]:5060;");

	cr_assert(equal(branch_with("pc33.example.com;", "[2001:DB8:0::0:1]:5060;"), address));
	cr_assert(not(equal(branch_with("pc33.example.com;", "[2001:db8::2]:5060;"), address)));
}

static uint64_t tag_of(const char *text, uint16_t status)
{
	struct message message = parsed(text);

	return identity_hash_tag(&keys, &message, status);
}

Test(identity_transaction, tag_is_the_same_for_a_retransmission_and_another_for_another_status)
{
	cr_assert(eq(u64, tag_of(INVITE, 403), tag_of(rewritten, 403)));
	cr_assert(ne(u64, tag_of(INVITE, 403), tag_of(INVITE, 430)));
	cr_assert(ne(u64, tag_of(INVITE, 0), 0));
}

static uint32_t relay_of(const char *text, struct span branch)
{
	struct message message = parsed(text);

	return identity_hash_relay(&keys, &message, branch);
}

Test(identity_transaction, relay_is_bound_to_branch_call_id_cseq_and_method)
{
	uint32_t relay = relay_of(INVITE, SPAN("z9hG4bK1"));

	cr_assert(eq(u32, relay_of(rewritten, SPAN("z9hG4bK1")), relay));
	cr_assert(ne(u32, relay_of(INVITE, SPAN("z9hG4bK2")), relay));
	cr_assert(ne(u32, relay_of(cancel, SPAN("z9hG4bK1")), relay));
	cr_assert(ne(u32, relay_of(ack, SPAN("z9hG4bK1")), relay));
}

struct proof {
	uint8_t octets[RETURN_HASH_OCTETS];
};

static struct proof proof_of(uint8_t listener, uint32_t slot, uint32_t generation, uint8_t branch,
	struct span received, uint16_t rport)
{
	uint8_t ours[BRANCH_HASH_OCTETS] = {[15] = branch};
	struct proof proof;

	identity_hash_return(
		&keys, 0, listener, slot, generation, ours, received, rport, proof.octets);
	return proof;
}

static bool proofs_equal(struct proof a, struct proof b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

Test(identity_transaction, proof_is_over_listener_slot_generation_branch_received_and_rport)
{
	struct span address = SPAN("192.0.2.1");
	struct proof proof = proof_of(1, 2, 3, 4, address, 5);

	cr_assert(proofs_equal(proof_of(1, 2, 3, 4, address, 5), proof));
	cr_assert(not(proofs_equal(proof_of(2, 2, 3, 4, address, 5), proof)));
	cr_assert(not(proofs_equal(proof_of(1, 3, 3, 4, address, 5), proof)));
	cr_assert(not(proofs_equal(proof_of(1, 2, 4, 4, address, 5), proof)));
	cr_assert(not(proofs_equal(proof_of(1, 2, 3, 5, address, 5), proof)));
	cr_assert(not(proofs_equal(proof_of(1, 2, 3, 4, SPAN("192.0.2.2"), 5), proof)));
	cr_assert(not(proofs_equal(proof_of(1, 2, 3, 4, SPAN(""), 5), proof)));
	cr_assert(not(proofs_equal(proof_of(1, 2, 3, 4, address, 6), proof)));
}

Test(identity_transaction, proof_takes_received_in_any_spelling_with_brackets_or_without)
{
	cr_assert(proofs_equal(proof_of(1, 2, 3, 4, SPAN("2001:db8::1"), 5),
		proof_of(1, 2, 3, 4, SPAN("[2001:DB8:0::1]"), 5)));
}
