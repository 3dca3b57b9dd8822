// test_message_fault.c: what a message is refused for, and what can be answered nevertheless.

#include "guard.h"

#include <weir/message.h>
#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define REQUEST_LINE "INVITE sip:bob@example.com SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport\r\n"
#define FROM "From: Alice <sip:alice@example.com>;tag=f1\r\n"
#define TO "To: <sip:bob@example.com>\r\n"
#define CALL_ID "Call-ID: c1@192.0.2.1\r\n"
#define CSEQ "CSeq: 7 INVITE\r\n"
#define REQUIRED VIA FROM TO CALL_ID CSEQ
#define END "\r\n"

static struct message message;

static enum message_fault parse(const char *text)
{
	// Whatever the last message left there must not show.
	memset(&message, 0xa5, sizeof(message));
	return message_parse(&message, (const uint8_t *)text, strlen(text));
}

static bool slice_is(struct slice slice, const char *expected)
{
	return span_equal(message_span(&message, slice), span_of(expected, strlen(expected)));
}

Test(message, each_fault_has_its_name)
{
	static const struct {
		const char *text;
		enum message_fault fault;
	} cases[] = {
		{"", MESSAGE_KEEPALIVE},
		{"\r\n\r\n", MESSAGE_KEEPALIVE},
		{"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n", MESSAGE_KEEPALIVE},
		{"INVITE sip:a SIP/2", MESSAGE_KEEPALIVE},
		{"INVITE sip:bob@example.com SIP/2.0", MESSAGE_START_LINE},
		{"INVITE sip:a@b SIP/2.0\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE  sip:a@b SIP/2.0\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE sip:a@b  SIP/2.0\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE sip:a@b SIP/2.0 \r\n" REQUIRED END, MESSAGE_START_LINE},
		{" INVITE sip:a@b SIP/2.0\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE\tsip:a@b\tSIP/2.0\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE sip:a@b; lr SIP/2.0\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE sip:a@b\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE sip:a@b HTTP/1.1\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE sip:a@b SIP/2.x\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"\r\nINVITE sip:a@b SIP/2.0\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE sip:a@b SIP/2.0\r\n " REQUIRED END, MESSAGE_START_LINE},
		{"SIP/2.0 200 OK\r\n folded\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"SIP/2.0 200 O\001K\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"SIP/2.0 99 No\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"SIP/2.0 099 No\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"SIP/2.0 700 No\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"SIP/2.0 -20 No\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"SIP/2.0 4294967301 better not break the receiver\r\n" REQUIRED END,
			MESSAGE_START_LINE},
		{"SIP/2.0 200\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"SIP/2.0  200 OK\r\n" REQUIRED END, MESSAGE_START_LINE},
		{"INVITE sip:a@b SIP/7.0\r\n" REQUIRED END, MESSAGE_VERSION},
		{"SIP/1.0 200 OK\r\n" REQUIRED END, MESSAGE_VERSION},
		{"INVITE sip:a@ SIP/2.0\r\n" REQUIRED END, MESSAGE_URI},
		{"INVITE sip:a@b?Route=%3Csip:c%3E SIP/2.0\r\n" REQUIRED END, MESSAGE_URI},
		{"INVITE <sip:a@b> SIP/2.0\r\n" REQUIRED END, MESSAGE_URI},
		{REQUEST_LINE REQUIRED "no colon\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED ": x\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a b: x\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a\001: x\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a\r\n : x\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "h\303\266: x\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a: x\001\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a: \"x\001\"\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a: x\\\001\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a: x\177\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a: x\rb: y\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a: x\nb: y\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "a: x\r\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE REQUIRED "\r", MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE VIA FROM TO CSEQ "Call-ID: a b\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE VIA FROM TO CSEQ "Call-ID:\r\n" END, MESSAGE_HEADER_SYNTAX},
		{REQUEST_LINE FROM TO CALL_ID CSEQ END, MESSAGE_HEADER_MISSING},
		{REQUEST_LINE VIA TO CALL_ID CSEQ END, MESSAGE_HEADER_MISSING},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ END, MESSAGE_HEADER_MISSING},
		{REQUEST_LINE VIA FROM TO CSEQ END, MESSAGE_HEADER_MISSING},
		{REQUEST_LINE VIA FROM TO CALL_ID END, MESSAGE_HEADER_MISSING},
		{REQUEST_LINE END, MESSAGE_HEADER_MISSING},
		{REQUEST_LINE REQUIRED FROM END, MESSAGE_HEADER_REPEATED},
		{REQUEST_LINE REQUIRED "t: <sip:a@b>\r\n" END, MESSAGE_HEADER_REPEATED},
		{REQUEST_LINE REQUIRED CALL_ID END, MESSAGE_HEADER_REPEATED},
		{REQUEST_LINE REQUIRED CSEQ END, MESSAGE_HEADER_REPEATED},
		{REQUEST_LINE REQUIRED "Expires: 1\r\nExpires: 1\r\n" END, MESSAGE_HEADER_REPEATED},
		{REQUEST_LINE REQUIRED "Max-Forwards: 1\r\nMax-Forwards: 1\r\n" END,
			MESSAGE_HEADER_REPEATED},
		{REQUEST_LINE REQUIRED "Content-Length: 0\r\nl : 0\r\n" END,
			MESSAGE_HEADER_REPEATED},
		{REQUEST_LINE REQUIRED "Content-Length: 1\r\n" END, MESSAGE_CONTENT_LENGTH},
		{REQUEST_LINE REQUIRED "Content-Length: 4294967296\r\n" END,
			MESSAGE_CONTENT_LENGTH},
		{REQUEST_LINE REQUIRED "Content-Length: 18446744073709551616\r\n" END,
			MESSAGE_CONTENT_LENGTH},
		{REQUEST_LINE REQUIRED "Content-Length: -1\r\n" END, MESSAGE_CONTENT_LENGTH},
		{REQUEST_LINE REQUIRED "Content-Length: +0\r\n" END, MESSAGE_CONTENT_LENGTH},
		{REQUEST_LINE REQUIRED "Content-Length: 0,0\r\n" END, MESSAGE_CONTENT_LENGTH},
		{REQUEST_LINE REQUIRED "Content-Length: 0;x\r\n" END, MESSAGE_CONTENT_LENGTH},
		{REQUEST_LINE REQUIRED "Content-Length:\r\n" END, MESSAGE_CONTENT_LENGTH},
		{REQUEST_LINE "Via: x\r\n" FROM TO CALL_ID CSEQ END, MESSAGE_VIA},
		{REQUEST_LINE "Via:\r\n" FROM TO CALL_ID CSEQ END, MESSAGE_VIA},
		{REQUEST_LINE "Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n" FROM TO CALL_ID CSEQ END,
			MESSAGE_VIA},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "To:\r\n" END, MESSAGE_ADDRESS},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "To: <sip:a@b>;tag=x;tag=y\r\n" END,
			MESSAGE_ADDRESS},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "To: <sip:a@b>;tag=x;TAG=x\r\n" END,
			MESSAGE_ADDRESS},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "To: <sip:a@b>;tag\r\n" END, MESSAGE_ADDRESS},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "To: <sip:a@b>;tag=\r\n" END, MESSAGE_ADDRESS},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "To: \"a <sip:a@b>\r\n" END, MESSAGE_ADDRESS},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "To: <sip:a@>\r\n" END, MESSAGE_ADDRESS},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "To: a@b\r\n" END, MESSAGE_ADDRESS},
		{REQUEST_LINE VIA FROM CALL_ID CSEQ "To: <sip:a@b>, <sip:c@d>\r\n" END,
			MESSAGE_ADDRESS},
		{REQUEST_LINE REQUIRED "Route: sip:a@b;lr\r\n" END, MESSAGE_ADDRESS},
		{REQUEST_LINE REQUIRED "Route:\r\n" END, MESSAGE_ADDRESS},
		{REQUEST_LINE REQUIRED "Route: <sip:a;lr>,\r\n" END, MESSAGE_ADDRESS},
		{REQUEST_LINE REQUIRED "Route: <sip:a;lr>\r\nRoute: <sip:b\r\n" END,
			MESSAGE_ADDRESS},
		{REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 2147483648 INVITE\r\n" END, MESSAGE_CSEQ},
		{REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 4294967303 INVITE\r\n" END, MESSAGE_CSEQ},
		{REQUEST_LINE VIA FROM TO CALL_ID "CSeq: INVITE\r\n" END, MESSAGE_CSEQ},
		{REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 1\r\n" END, MESSAGE_CSEQ},
		{REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 1INVITE\r\n" END, MESSAGE_CSEQ},
		{REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 1 INVITE x\r\n" END, MESSAGE_CSEQ},
		{REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 1 invite\r\n" END, MESSAGE_CSEQ},
		{REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 1 OPTIONS\r\n" END, MESSAGE_CSEQ},
		{REQUEST_LINE REQUIRED "Max-Forwards: 256\r\n" END, MESSAGE_MAX_FORWARDS},
		{REQUEST_LINE REQUIRED "Max-Forwards: -1\r\n" END, MESSAGE_MAX_FORWARDS},
		{REQUEST_LINE REQUIRED "Max-Forwards:\r\n" END, MESSAGE_MAX_FORWARDS},
	};

	for (unsigned i = 0; i < COUNT(cases); i++)
		cr_assert(eq(int, parse(cases[i].text), cases[i].fault), "%s", cases[i].text);
}

Test(message, nul_octets_are_refused_in_names_and_values)
{
	static const char name[] = REQUEST_LINE REQUIRED "a\0b: x\r\n" END;
	static const char value[] = REQUEST_LINE REQUIRED "a: x\0y\r\n" END;
	static const char target[] = "INVITE sip:a\0@b SIP/2.0\r\n" REQUIRED END;

	cr_assert(eq(int, message_parse(&message, (const uint8_t *)name, sizeof(name) - 1),
		MESSAGE_HEADER_SYNTAX));
	cr_assert(eq(int, message_parse(&message, (const uint8_t *)value, sizeof(value) - 1),
		MESSAGE_HEADER_SYNTAX));
	cr_assert(eq(int, message_parse(&message, (const uint8_t *)target, sizeof(target) - 1),
		MESSAGE_URI));
}

Test(message, stun_is_told_by_its_cookie)
{
	uint8_t stun[20] = {0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42};

	cr_assert(eq(int, message_parse(&message, stun, 20), MESSAGE_STUN));
	cr_assert(eq(int, message_parse(&message, stun, 19), MESSAGE_KEEPALIVE));
	stun[0] = 0x40;
	cr_assert(eq(int, message_parse(&message, stun, 20), MESSAGE_START_LINE));
	stun[0] = 0;
	stun[7] = 0x43;
	cr_assert(eq(int, message_parse(&message, stun, 20), MESSAGE_START_LINE));
}

// RFC 5626 section 8: the two top bits of the first octet of a SigComp message are set (RFC 3320 section 7).
Test(message, sigcomp_is_no_message)
{
	static uint8_t sigcomp[] = "\xf9\x01\x02\x03INVITE sip:a@b SIP/2.0\r\n\r\n";

	for (unsigned first = 0xc0; first <= 0xff; first++) {
		sigcomp[0] = (uint8_t)first;
		cr_assert(eq(int, message_parse(&message, sigcomp, sizeof(sigcomp) - 1),
			MESSAGE_START_LINE));
	}
}

Test(message, a_fault_leaves_what_an_answer_needs)
{
	cr_assert(eq(int,
		parse("INVITE sip:a@b SIP/7.0\r\nbad\r\n" REQUIRED "Content-Length: 99\r\n" END),
		MESSAGE_VERSION));
	cr_assert(message.answerable);
	cr_assert(eq(int, message.method, METHOD_INVITE));
	cr_assert(slice_is(message.from_tag, "f1"));
	cr_assert(slice_is(message.via.branch, "z9hG4bKa"));
	cr_assert(eq(
		int, parse(REQUEST_LINE VIA FROM TO CALL_ID "CSeq: 1 BYE\r\n" END), MESSAGE_CSEQ));
	cr_assert(message.answerable);
}

Test(message, nothing_is_answerable_without_its_identifiers)
{
	static const char *const texts[] = {
		"",
		"\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
		REQUEST_LINE FROM TO CALL_ID CSEQ END,
		REQUEST_LINE VIA TO CALL_ID CSEQ END,
		REQUEST_LINE VIA FROM CALL_ID CSEQ END,
		REQUEST_LINE VIA FROM TO CSEQ END,
		REQUEST_LINE VIA FROM TO CALL_ID END,
		REQUEST_LINE "Via: x\r\n" FROM TO CALL_ID CSEQ END,
		"SIP/2.0 200 OK\r\n" REQUIRED END,
		"SIP/2.0 2 OK\r\n" REQUIRED END,
		"/ sip:a SIP/2.0\r\n" REQUIRED END,
	};

	for (unsigned i = 0; i < COUNT(texts); i++) {
		(void)parse(texts[i]);
		cr_assert(not(message.answerable), "%s", texts[i]);
	}
}

Test(message, what_was_not_read_is_absent)
{
	cr_assert(eq(int,
		parse(REQUEST_LINE FROM "To: <\r\n"
					"Via: y\r\n" END),
		MESSAGE_HEADER_MISSING));
	cr_assert(eq(u16, message.via.value.length, 0));
	cr_assert(eq(u16, message.to_uri.length, 0));
	cr_assert(eq(u16, message.call_id.length, 0));
	cr_assert(eq(u32, message.cseq, 0));
	cr_assert(eq(u16, message.max_forwards, MAX_FORWARDS_ABSENT));
	cr_assert(eq(u8, message.first[HEADER_CALL_ID], MESSAGE_LINE_NONE));
	cr_assert(slice_is(message.from_uri, "sip:alice@example.com"));
}

static size_t many_lines_write(char *out, const char *line, unsigned count)
{
	size_t length = (size_t)sprintf(out, "%s", REQUEST_LINE REQUIRED);

	for (unsigned i = 0; i < count; i++)
		length += (size_t)sprintf(out + length, "%s", line);
	return length + (size_t)sprintf(out + length, "\r\n");
}

Test(message, kept_lines_are_bounded_and_others_are_not)
{
	static char text[UINT16_MAX];

	many_lines_write(text, "Contact: <sip:a>\r\n", MESSAGE_LINES_MAX - 5);
	cr_assert(eq(int, parse(text), MESSAGE_OK));
	cr_assert(eq(uint, message.line_count, MESSAGE_LINES_MAX));
	many_lines_write(text, "Contact: <sip:a>\r\n", MESSAGE_LINES_MAX - 4);
	cr_assert(eq(int, parse(text), MESSAGE_TOO_MANY_LINES));
	cr_assert(message.answerable);
	many_lines_write(text, "X: y\r\n", 10000);
	cr_assert(eq(int, parse(text), MESSAGE_OK));
	cr_assert(eq(u8, message.line_count, 5));
}

Test(message, no_prefix_is_read_past_its_end_or_before_its_beginning)
{
	static const char text[] = REQUEST_LINE REQUIRED
		"Route: <sip:a;lr>,\r\n <sip:b;lr>\r\nContent-Length: 1\r\n" END "x";
	struct guard guard = guard_new(sizeof(text));

	for (size_t length = 0; length < sizeof(text); length++) {
		uint8_t *end = memcpy(guard_end(&guard, length), text, length);
		enum message_fault fault = message_parse(&message, end, length);
		uint8_t *begin = memcpy(guard_begin(&guard), text, length);

		cr_assert(eq(int, message_parse(&message, begin, length), fault));
		cr_assert(eq(int, fault == MESSAGE_OK, length == sizeof(text) - 1));
	}
	guard_free(&guard);
}
