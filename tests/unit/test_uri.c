// test_uri.c: URIs have one reading or none, and equal as RFC 3261 section 19.1.4 says.

#include "guard.h"

#include <weir/side.h>
#include <weir/uri.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct slice text_slice(const char *text)
{
	return (struct slice){0, (uint16_t)strlen(text)};
}

static bool parse(const char *text, struct uri *uri)
{
	return uri_parse((const uint8_t *)text, text_slice(text), uri);
}

static bool is_uri(const char *text)
{
	struct uri uri;

	return parse(text, &uri);
}

static bool slice_is(const char *base, struct slice slice, const char *expected)
{
	return span_equal(
		slice_span((const uint8_t *)base, slice), span_of(expected, strlen(expected)));
}

static bool equal(const char *a, const char *b)
{
	struct uri uri_a, uri_b;

	cr_assert(parse(a, &uri_a), "%s", a);
	cr_assert(parse(b, &uri_b), "%s", b);
	bool one_way = uri_equal((const uint8_t *)a, &uri_a, (const uint8_t *)b, &uri_b);
	bool other_way = uri_equal((const uint8_t *)b, &uri_b, (const uint8_t *)a, &uri_a);

	cr_assert(eq(int, one_way, other_way));
	return one_way;
}

Test(uri, every_part_is_found)
{
	const char *text =
		"sips:alice;day=tuesday:secret@[2001:db8::1]:5071;transport=tcp;lr?Subject=a&x=y";
	struct uri uri;

	cr_assert(parse(text, &uri));
	cr_assert(eq(int, uri.scheme, URI_SIPS));
	cr_assert(slice_is(text, uri.scheme_name, "sips"));
	cr_assert(slice_is(text, uri.user, "alice;day=tuesday"));
	cr_assert(slice_is(text, uri.password, "secret"));
	cr_assert(slice_is(text, uri.host, "[2001:db8::1]"));
	cr_assert(slice_is(text, uri.parameters, ";transport=tcp;lr"));
	cr_assert(slice_is(text, uri.headers, "Subject=a&x=y"));
	cr_assert(slice_is(text, uri.text, text));
	cr_assert(eq(u16, uri.port, 5071));
	cr_assert(eq(int, uri.transport, TRANSPORT_TCP));
	cr_assert(uri.has_user && uri.has_port);
}

Test(uri, parts_that_are_absent_have_no_length)
{
	struct uri uri;

	cr_assert(parse("SIP:example.com", &uri));
	cr_assert(eq(int, uri.scheme, URI_SIP));
	cr_assert(not(uri.has_user || uri.has_port));
	cr_assert(eq(u16, uri.user.length, 0));
	cr_assert(eq(u16, uri.parameters.length, 0));
	cr_assert(eq(u16, uri.headers.length, 0));
	cr_assert(eq(int, uri.transport, TRANSPORT_NONE));
}

Test(uri, an_escaped_at_sign_stays_in_the_user)
{
	const char *text = "sip:sips%3Auser%40example.com@example.net";
	struct uri uri;

	cr_assert(parse(text, &uri));
	cr_assert(slice_is(text, uri.user, "sips%3Auser%40example.com"));
	cr_assert(slice_is(text, uri.host, "example.net"));
}

Test(uri, an_escaped_line_break_stays_escaped_in_user_and_password)
{
	const char *text = "sip:bob%0d%0aRoute:%20%3csip:10.0.0.1;lr%3e@ep.example.net";
	struct uri uri;

	cr_assert(parse(text, &uri));
	cr_assert(slice_is(text, uri.user, "bob%0d%0aRoute"));
	cr_assert(slice_is(text, uri.password, "%20%3csip:10.0.0.1;lr%3e"));
	cr_assert(slice_is(text, uri.host, "ep.example.net"));
}

Test(uri, what_rfc_4475_calls_valid_is_taken)
{
	static const char *const taken[] = {
		("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:"
		 "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com"),
		"sip:user;par=u%40example.net@example.com",
		"sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31",
		"sip:null-%00-null@example.com",
		"sip:%00@host5.example.com",
		"sip:vivekg@chair-dnrc.example.com;unknownparam",
		"sip:user@[2001:db8:::192.0.2.1]",
		"sip:[2001:db8::10:5070]",
		"sip:+1-212-555-1212:1234@gateway.com;user=phone",
		"sip:alice@example.com.",
		"sip:alice@a-b.c_d.example",
		"sip:alice@1.2.3.4.example",
		"sip:a:@example.com",
		"tel:+1-201-555-0123;phone-context=example.com",
		"soap.beep://192.0.2.103:3002",
		"nobodyKnowsThisScheme:totallyopaquecontent",
		"isbn:2983792873",
		"http://www.example.com",
		"urn:service:sos",
		"name:John_Smith",
	};

	for (unsigned i = 0; i < COUNT(taken); i++)
		cr_assert(is_uri(taken[i]), "%s", taken[i]);
}

Test(uri, what_has_two_readings_or_none_is_refused)
{
	static const char *const refused[] = {
		"",
		"sip",
		"sip:",
		":",
		"sip:@host",
		"sip::pw@host",
		"1sip:host",
		"sip:a@b@c",
		"sip:host:",
		"sip:a:b\"c@host",
		"sip:a:b%4@host",
		"sip:a\"b:c@host",
		"sip:host:0",
		"sip:host:65536",
		"sip:host:-1",
		"sip:host:5060x",
		"sip:host: 5060",
		"sip:host:+5060",
		"sip:a@",
		"sip:a@:5060",
		"sip:a@;lr",
		"sip: a@host",
		"sip:a@host ",
		"sip:a b@host",
		"sip:a@ho\001st",
		"sip:a\001@host",
		"sip:a\r\n b@host",
		"sip:<a>@host",
		"sip:\"a\"@host",
		"sip:a@h\303\266st",
		"sip:\303\266@host",
		"sip:a%@host",
		"sip:a%4@host",
		"sip:a%4g@host",
		"sip:a@host;x=%",
		"sip:a@host;x=%4",
		"sip:a@ho%73t",
		"sip:a@-host",
		"sip:a@host-",
		"sip:a@a..b",
		"sip:a@.host",
		"sip:a@.",
		"sip:a@host;",
		"sip:a@host;;lr",
		"sip:a@host;=x",
		"sip:a@host;x=a=b",
		"sip:a@host;x=a@b",
		"sip:a@host;lr;LR",
		"sip:a@host;transport=tcp;transport=udp",
		"sip:a@host;transport=tcp;%74ransport=udp",
		"sip:a@host;transport=%74cp",
		"sip:a@host?",
		"sip:a@host?x=<y>",
		"sip:a@host?a=b@c?d@e",
		"sip:a@host?x=%0",
		"sip:a@2130706433",
		"sip:a@127.1",
		"sip:a@0x7f000001",
		"sip:a@0177.0.0.1",
		"sip:a@1.2.3.256",
		"sip:a@1.2.3.4.5",
		"sip:a@1.2.3.4.",
		"sip:a@example.0x1F",
		"sip:a@0x",
		"sip:a@2001:db8::1",
		"sip:a@[2001:db8::1",
		"sip:a@2001:db8::1]",
		"sip:a@[]",
		"sip:a@[1:2:3:4:5:6:7:8:9]",
		"sip:a@[fe80::1%25eth0]",
		"sip:a@[fe80::1%eth0]",
		"sip:a@[192.0.2.1]",
		"sip:a@[::1]]",
		"sip:a@[::1]x",
		"tel:",
		"tel:a b",
		"x:%",
		"x:a\303\266",
		"x:a\"b",
	};

	for (unsigned i = 0; i < COUNT(refused); i++)
		cr_assert(not(is_uri(refused[i])), "%s", refused[i]);
}

// "sip:" and a host of labels of the given length, `octets` in all.
static size_t long_host_write(char *out, size_t octets, size_t label)
{
	memcpy(out, "sip:", 4);
	for (size_t i = 0; i < octets; i++)
		out[4 + i] = i % (label + 1) == label ? '.' : 'a';
	out[4 + octets] = '\0';
	return 4 + octets;
}

Test(uri, a_host_has_255_octets_and_its_labels_63)
{
	char text[512];

	long_host_write(text, 255, 63);
	cr_assert(is_uri(text));
	long_host_write(text, 257, 63);
	cr_assert(not(is_uri(text)));
	long_host_write(text, 63, 63);
	cr_assert(is_uri(text));
	long_host_write(text, 64, 64);
	cr_assert(not(is_uri(text)));
}

Test(uri, parameters_are_bounded_in_number)
{
	char text[512] = "sip:a";

	for (unsigned i = 0; i < 32; i++)
		snprintf(text + strlen(text), 8, ";p%u", i);
	cr_assert(is_uri(text));
	strcat(text, ";q");
	cr_assert(not(is_uri(text)));
}

Test(uri, nothing_is_written_when_the_text_is_refused)
{
	struct uri uri = {.port = 7};

	cr_assert(not(parse("sip:a@host;", &uri)));
	cr_assert(eq(u16, uri.port, 7));
}

Test(uri, no_prefix_of_a_uri_is_read_past_its_end)
{
	static const char text[] =
		"sips:al%69ce:pw@[2001:db8::1]:5061;transport=tcp;a=%41?Subject=%41&x=y";
	struct guard guard = guard_new(sizeof(text));
	struct uri uri;

	for (size_t length = 0; length < sizeof(text); length++) {
		uint8_t *end = memcpy(guard_end(&guard, length), text, length);
		bool taken = uri_parse(end, (struct slice){0, (uint16_t)length}, &uri);
		uint8_t *begin = memcpy(guard_begin(&guard), text, length);

		cr_assert(eq(
			int, uri_parse(begin, (struct slice){0, (uint16_t)length}, &uri), taken));
	}
	guard_free(&guard);
}

Test(uri, the_port_that_is_not_said_follows_scheme_and_transport)
{
	struct uri uri;

	cr_assert(parse("sip:a", &uri));
	cr_assert(eq(u16, uri_port(&uri), 5060));
	cr_assert(parse("sips:a", &uri));
	cr_assert(eq(u16, uri_port(&uri), 5061));
	cr_assert(parse("sip:a;transport=TLS", &uri));
	cr_assert(eq(u16, uri_port(&uri), 5061));
	cr_assert(parse("sips:a:7", &uri));
	cr_assert(eq(u16, uri_port(&uri), 7));
}

Test(uri, equal_ones_of_rfc_3261_19_1_4_are_equal)
{
	cr_assert(equal(
		"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
	cr_assert(equal("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
	cr_assert(equal("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"));
	cr_assert(equal("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"));
	cr_assert(equal("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		"sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
	cr_assert(equal("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		"sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
	cr_assert(equal("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::1]"));
	cr_assert(equal("tel:+15550100", "tel:+15550100"));
}

Test(uri, different_ones_of_rfc_3261_19_1_4_are_not_equal)
{
	cr_assert(not(equal(
		"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP")));
	cr_assert(not(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060")));
	cr_assert(not(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp")));
	cr_assert(not(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp")));
	cr_assert(not(
		equal("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting")));
	cr_assert(not(equal("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4")));
	cr_assert(not(
		equal("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off")));
	cr_assert(not(equal("sip:bob@biloxi.com", "sip:biloxi.com")));
	cr_assert(not(equal("sip:bob@biloxi.com", "sips:bob@biloxi.com")));
	cr_assert(not(equal("sip:bob:a@biloxi.com", "sip:bob@biloxi.com")));
	cr_assert(not(equal("sip:bob@biloxi.com;maddr=192.0.2.1", "sip:bob@biloxi.com")));
	cr_assert(not(equal("sip:a%3Bb@biloxi.com", "sip:a;b@biloxi.com")));
	cr_assert(not(equal("sip:a?x=1&x=1", "sip:a?x=1")));
	cr_assert(not(equal("tel:+15550100", "tel:+15550101")));
}
