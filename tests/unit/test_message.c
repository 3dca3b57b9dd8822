// test_message.c: a message is read in one way or refused for a named reason.

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

static unsigned value_count(enum header header)
{
	struct value_cursor cursor;
	unsigned count = 0;

	value_begin(&cursor, &message, header);
	while (value_next(&cursor))
		count++;
	return count;
}

Test(message, a_request_gives_its_identifiers)
{
	cr_assert(eq(int,
		parse(REQUEST_LINE REQUIRED "Max-Forwards: 0068\r\nContent-Length: 4\r\n" END
					    "body"),
		MESSAGE_OK));
	cr_assert(message.request && message.answerable);
	cr_assert(eq(int, message.method, METHOD_INVITE));
	cr_assert(slice_is(message.method_name, "INVITE"));
	cr_assert(slice_is(message.target, "sip:bob@example.com"));
	cr_assert(slice_is(message.call_id, "c1@192.0.2.1"));
	cr_assert(slice_is(message.from_uri, "sip:alice@example.com"));
	cr_assert(slice_is(message.from_tag, "f1"));
	cr_assert(slice_is(message.to_uri, "sip:bob@example.com"));
	cr_assert(eq(u16, message.to_tag.length, 0));
	cr_assert(slice_is(message.via.branch, "z9hG4bKa"));
	cr_assert(eq(u32, message.cseq, 7));
	cr_assert(eq(u16, message.max_forwards, 68));
	cr_assert(eq(u16, message.body_offset, message.length - 4));
}

Test(message, a_response_gives_its_status_and_the_method_of_its_cseq)
{
	cr_assert(eq(int, parse("SIP/2.0 486 Busy Here\r\n" REQUIRED END), MESSAGE_OK));
	cr_assert(not(message.request || message.answerable));
	cr_assert(eq(u16, message.status, 486));
	cr_assert(eq(int, message.method, METHOD_INVITE));
	cr_assert(slice_is(message.method_name, "INVITE"));
	cr_assert(eq(u16, message.max_forwards, MAX_FORWARDS_ABSENT));
}

Test(message, compact_names_spaces_folds_and_case_of_rfc_4475_are_read)
{
	cr_assert(eq(int,
		parse("OPTIONS sip:a SIP/2.0\r\nv  : SIP / 2.0\r\n /UDP\r\n  192.0.2.2;branch=x , "
		      "SIP/2.0/TCP a\r\n"
		      "f:\"A \\\"B\" <sip:a@b>\r\n  ;\r\n tag = 98\r\nTO :\r\n sip:c@d ;   tag    "
		      "= 19\r\n"
		      "i: x\r\ncseq: 0009\r\n  OPTIONS\r\nl   : 0\r\nk: a, PATH\r\n" END),
		MESSAGE_OK));
	cr_assert(slice_is(message.via.host, "192.0.2.2"));
	cr_assert(slice_is(message.from_tag, "98"));
	cr_assert(slice_is(message.to_tag, "19"));
	cr_assert(slice_is(message.to_uri, "sip:c@d"));
	cr_assert(eq(u32, message.cseq, 9));
	cr_assert(eq(uint, value_count(HEADER_VIA), 2));
	cr_assert(message_has_token(&message, HEADER_SUPPORTED, SPAN("path")));
	cr_assert(not(message_has_token(&message, HEADER_SUPPORTED, SPAN("outbound"))));
}

Test(message, a_line_covers_its_name_to_its_line_end_with_folds)
{
	const char *text = REQUEST_LINE REQUIRED "Route:\r\n <sip:x;lr>  \r\n" END;

	cr_assert(eq(int, parse(text), MESSAGE_OK));
	const struct header_line *line = message_line(&message, HEADER_ROUTE);

	cr_assert(slice_is(
		(struct slice){line->offset, line->length}, "Route:\r\n <sip:x;lr>  \r\n"));
	cr_assert(slice_is((struct slice){line->value_offset, line->value_length}, "<sip:x;lr>"));
	cr_assert(eq(u8, line->header, HEADER_ROUTE));
	cr_assert(eq(u8, line->next, MESSAGE_LINE_NONE));
	cr_assert(message_line(&message, HEADER_PATH) == NULL);
}

Test(message, names_that_routing_does_not_need_leave_no_line)
{
	cr_assert(eq(int,
		parse(REQUEST_LINE REQUIRED
			"X-Via: a\r\nViaa: b\r\nRoutee: c\r\nz: d\r\nVIb: e\r\n" END),
		MESSAGE_OK));
	cr_assert(eq(u8, message.line_count, 5));
}

Test(message, every_kept_header_is_found_by_its_own_name_without_case)
{
	for (unsigned header = HEADER_OTHER + 1; header < HEADER_COUNT; header++) {
		// The case of every second letter is turned, whatever it was.
		struct span name = header_name((enum header)header);
		char text[512];

		snprintf(text, sizeof(text), "OPTIONS sip:a SIP/2.0\r\n%.*s : 1\r\n" END,
			(int)name.length, (const char *)name.octets);
		for (char *octet = text + 23; octet < text + 23 + name.length; octet += 2)
			if (*octet != '-')
				*octet ^= 0x20;
		(void)parse(text);
		cr_assert(message_line(&message, (enum header)header) != NULL, "%s", text);
	}
}

Test(message, methods_are_known_by_their_case)
{
	cr_assert(eq(int, method_find(SPAN("ACK")), METHOD_ACK));
	cr_assert(eq(int, method_find(SPAN("REGISTER")), METHOD_REGISTER));
	cr_assert(eq(int, method_find(SPAN("UPDATE")), METHOD_UPDATE));
	cr_assert(eq(int, method_find(SPAN("register")), METHOD_OTHER));
	cr_assert(eq(int, method_find(SPAN("RE%47IST%45R")), METHOD_OTHER));
	cr_assert(eq(int, method_find(SPAN("")), METHOD_OTHER));
}

Test(message, an_extension_method_is_other_and_keeps_its_name)
{
	cr_assert(eq(int,
		parse("!interesting-Method0123456789_*+`.%indeed'~ sip:a SIP/2.0\r\n" VIA FROM TO
				CALL_ID
		      "CSeq: 0 !interesting-Method0123456789_*+`.%indeed'~\r\n" END),
		MESSAGE_OK));
	cr_assert(eq(int, message.method, METHOD_OTHER));
	cr_assert(slice_is(message.method_name, "!interesting-Method0123456789_*+`.%indeed'~"));
}

Test(message, control_octets_may_stand_behind_a_backslash_in_quotes)
{
	static const char text[] =
		"OPTIONS sip:a SIP/2.0\r\n" VIA FROM CALL_ID "CSeq: 1 OPTIONS\r\n"
		"To: \"BEL:\\\007 NUL:\\\000 DEL:\\\177\" <sip:1_unusual@example.com>\r\n" END;

	cr_assert(eq(
		int, message_parse(&message, (const uint8_t *)text, sizeof(text) - 1), MESSAGE_OK));
	cr_assert(slice_is(message.to_uri, "sip:1_unusual@example.com"));
}

Test(message, octets_behind_the_content_length_are_cut_off)
{
	cr_assert(eq(int,
		parse(REQUEST_LINE REQUIRED "Content-Length:\r\n 4\r\n" END
					    "bodyINVITE sip:x SIP/2.0\r\n"),
		MESSAGE_OK));
	cr_assert(eq(u16, message.length, message.body_offset + 4));
}

Test(message, without_content_length_the_body_is_the_rest)
{
	const char *text = REQUEST_LINE REQUIRED END "body\n\r\0x";

	cr_assert(eq(int, parse(text), MESSAGE_OK));
	cr_assert(eq(sz, message.length, strlen(text)));
	cr_assert(eq(u16, message.body_offset, strlen(REQUEST_LINE REQUIRED END)));
}

Test(message, a_body_may_begin_with_what_would_be_a_fold)
{
	cr_assert(eq(
		int, parse(REQUEST_LINE REQUIRED "Content-Length: 3\r\n" END " \r\n"), MESSAGE_OK));
	cr_assert(eq(u16, message.body_offset, message.length - 3));
}

Test(message, values_of_all_lines_are_walked_in_order)
{
	static const char *const expected[] = {"<sip:a,b;lr>;y=\",\"",
		"\"c, <\\\" \" <sip:d>;x=\"1,2\"", "<sip:e>", "", "", "<sip:f>"};
	struct value_cursor cursor;

	cr_assert(eq(int,
		parse(REQUEST_LINE REQUIRED
			"Contact: <sip:a,b;lr>;y=\",\",\"c, <\\\" \" <sip:d>;x=\"1,2\"\r\n"
			"Route: <sip:r>\r\nm:\r\n <sip:e>\r\n ,,\r\nContact: <sip:f>\r\n" END),
		MESSAGE_OK));
	value_begin(&cursor, &message, HEADER_CONTACT);
	for (unsigned i = 0; i < COUNT(expected); i++) {
		cr_assert(value_next(&cursor));
		cr_assert(slice_is(cursor.value, expected[i]), "%u", i);
	}
	cr_assert(not(value_next(&cursor)));
	cr_assert(eq(u8, message.lines[cursor.line].header, HEADER_CONTACT));
}

Test(message, a_quote_that_is_not_closed_holds_the_rest_of_its_line_and_no_more)
{
	cr_assert(
		eq(int, parse(REQUEST_LINE REQUIRED "Contact: \"a, b\r\nContact: <sip:c>\r\n" END),
			MESSAGE_OK));
	cr_assert(eq(uint, value_count(HEADER_CONTACT), 2));
}

Test(message, uris_of_other_schemes_are_somebody_elses_to_judge)
{
	cr_assert(eq(int, parse("INVITE tel:+15550100 SIP/2.0\r\n" REQUIRED END), MESSAGE_OK));
	cr_assert(eq(int,
		parse("INVITE sip:a SIP/2.0\r\n" VIA CALL_ID CSEQ
		      "To: isbn:2983792873\r\nFrom: <http://www.example.com>;tag=3234233\r\n" END),
		MESSAGE_OK));
	cr_assert(slice_is(message.from_uri, "http://www.example.com"));
}
