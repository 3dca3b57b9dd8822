// test_via.c: a Via value is read to its last parameter, or refused.

#include "guard.h"

#include <weir/side.h>
#include <weir/via.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool parse(const char *text, struct via *via)
{
	return via_parse((const uint8_t *)text, (struct slice){0, (uint16_t)strlen(text)}, via);
}

static bool slice_is(const char *base, struct slice slice, const char *expected)
{
	return span_equal(
		slice_span((const uint8_t *)base, slice), span_of(expected, strlen(expected)));
}

Test(via, every_part_is_found)
{
	const char *text =
		"SIP/2.0/UDP pc33.example.com:5066;branch=z9hG4bK776;rport=4711;received=192.0.2.1"
		";maddr=224.2.0.1;w=abc;x=\"a;b\"";
	struct via via;

	cr_assert(parse(text, &via));
	cr_assert(slice_is(text, via.value, text));
	cr_assert(slice_is(text, via.protocol, "SIP/2.0/UDP"));
	cr_assert(slice_is(text, via.transport_name, "UDP"));
	cr_assert(eq(int, via.transport, TRANSPORT_UDP));
	cr_assert(slice_is(text, via.sent_by, "pc33.example.com:5066"));
	cr_assert(slice_is(text, via.host, "pc33.example.com"));
	cr_assert(via.has_port && via.has_rport);
	cr_assert(eq(u16, via.port, 5066));
	cr_assert(eq(u16, via.rport, 4711));
	cr_assert(slice_is(text, via.branch, "z9hG4bK776"));
	cr_assert(slice_is(text, via.received, "192.0.2.1"));
	cr_assert(slice_is(text, via.received_parameter, ";received=192.0.2.1"));
	cr_assert(slice_is(text, via.rport_parameter, ";rport=4711"));
	cr_assert(slice_is(text, via.maddr, "224.2.0.1"));
	cr_assert(slice_is(text, via.proof, "abc"));
}

Test(via, an_offer_to_keep_alive_is_one_without_a_value)
{
	const char *text = "SIP/2.0/UDP a ; keep ;branch=z9hG4bK1";
	struct via via;

	cr_assert(parse(text, &via));
	cr_assert(slice_is(text, via.keep_offer, "; keep"));
	cr_assert(parse("SIP/2.0/UDP a;keep=30", &via));
	cr_assert(eq(u16, via.keep_offer.length, 0));
}

Test(via, white_space_and_folds_may_stand_where_rfc_4475_puts_them)
{
	const char *text = "SIP  / 2.0\r\n /UDP\r\n    192.0.2.2 : 5060 ;\r\n  branch  =   "
			   "z9hG4bK9ikj8  ; rport ";
	struct via via;

	cr_assert(parse(text, &via));
	cr_assert(slice_is(text, via.transport_name, "UDP"));
	cr_assert(slice_is(text, via.host, "192.0.2.2"));
	cr_assert(slice_is(text, via.sent_by, "192.0.2.2 : 5060"));
	cr_assert(slice_is(text, via.branch, "z9hG4bK9ikj8"));
	cr_assert(slice_is(text, via.rport_parameter, "; rport"));
	cr_assert(eq(u16, via.port, 5060));
	cr_assert(via.has_rport);
	cr_assert(eq(u16, via.rport, 0));
}

Test(via, what_is_absent_has_no_length)
{
	struct via via;

	cr_assert(parse("sip/2.0/SCTP [2001:db8::9:1]", &via));
	cr_assert(eq(int, via.transport, TRANSPORT_NONE));
	cr_assert(not(via.has_port || via.has_rport));
	cr_assert(eq(u16, via.branch.length, 0));
	cr_assert(eq(u16, via.received_parameter.length, 0));
	cr_assert(parse("SIP/2.0/UDP a;branch=", &via));
	cr_assert(eq(u16, via.branch.length, 0));
}

Test(via, transports_are_known_without_case)
{
	static const struct {
		const char *text;
		enum transport transport;
	} cases[] = {
		{"SIP/2.0/udp a", TRANSPORT_UDP},
		{"SIP/2.0/Tcp a", TRANSPORT_TCP},
		{"SIP/2.0/TLS a", TRANSPORT_TLS},
		{"SIP/2.0/WS a", TRANSPORT_WS},
		{"SIP/2.0/wss a", TRANSPORT_WSS},
		{"SIP/2.0/UNKNOWN a", TRANSPORT_NONE},
	};
	struct via via;

	for (unsigned i = 0; i < COUNT(cases); i++) {
		cr_assert(parse(cases[i].text, &via));
		cr_assert(eq(int, via.transport, cases[i].transport));
	}
}

Test(via, received_with_the_brackets_of_rfc_5118_is_taken)
{
	const char *text =
		"SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111";
	struct via via;

	cr_assert(parse(text, &via));
	cr_assert(slice_is(text, via.received, "[2001:db8::9:255]"));
	cr_assert(parse("SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255", &via));
}

Test(via, malformed_values_are_refused)
{
	static const char *const refused[] = {
		"",
		" ",
		"SIP",
		"SIP/2.0",
		"SIP/2.0/",
		"SIP/2.0/UDP",
		"SIP/2.0/UDP ",
		"SIP/2.0/UDP;branch=x",
		"SIP/3.0/UDP a",
		"SIP 2.0/UDP a",
		"HTTP/2.0/UDP a",
		"SIP/2.0/UDPa",
		"SIP/2.0/UDP[::1]",
		"SIP/2.0/UDP a b",
		"SIP/2.0/UDP a:",
		"SIP/2.0/UDP a:x",
		"SIP/2.0/UDP a:5060x",
		"SIP/2.0/UDP a:0",
		"SIP/2.0/UDP a:65536",
		"SIP/2.0/UDP :5060",
		"SIP/2.0/UDP a;",
		"SIP/2.0/UDP a;;branch=x",
		"SIP/2.0/UDP a;branch=x;",
		"SIP/2.0/UDP a;=x",
		"SIP/2.0/UDP a;branch=x y",
		"SIP/2.0/UDP a;x=\"y",
		"SIP/2.0/UDP a;branch=x\001",
		"SIP/2.0/UDP a\001",
		"SIP/2.0/UDP a;branch=x;branch=y",
		"SIP/2.0/UDP a;branch=;branch=y",
		"SIP/2.0/UDP a;rport;rport=1",
		"SIP/2.0/UDP a;received=1.2.3.4;received=1.2.3.5",
		"SIP/2.0/UDP a;w=a;w=b",
		"SIP/2.0/UDP a;maddr=a;maddr=b",
		"SIP/2.0/UDP a;rport=x",
		"SIP/2.0/UDP a;rport=65536",
		"SIP/2.0/UDP a;rport=-1",
		"SIP/2.0/UDP [::1",
		"SIP/2.0/UDP [fe80::1%eth0]",
		"SIP/2.0/UDP 2001:db8::1",
		"SIP/2.0/UDP 2130706433",
		"SIP/2.0/UDP a,b",
		"SIP/2.0/UDP h\303\266st",
	};
	struct via via;

	for (unsigned i = 0; i < COUNT(refused); i++)
		cr_assert(not(parse(refused[i], &via)), "%s", refused[i]);
}

Test(via, no_prefix_is_read_past_its_end)
{
	static const char text[] =
		"SIP / 2.0 / UDP [2001:db8::1]:5060 ;branch=\"a\\\"b\";rport=1;received=192.0.2.1";
	struct guard guard = guard_new(sizeof(text));
	struct via via;

	for (size_t length = 0; length < sizeof(text); length++) {
		uint8_t *end = memcpy(guard_end(&guard, length), text, length);
		bool taken = via_parse(end, (struct slice){0, (uint16_t)length}, &via);
		uint8_t *begin = memcpy(guard_begin(&guard), text, length);

		cr_assert(eq(
			int, via_parse(begin, (struct slice){0, (uint16_t)length}, &via), taken));
	}
	guard_free(&guard);
}
