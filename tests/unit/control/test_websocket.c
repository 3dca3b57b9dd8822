// SIP over WebSocket as a browser meets it: the client's side is written by hand here.

#include "guard.h"
#include "websocket/handshake.h"
#include "websocket/websocket.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

enum {
	TEXT = 1,
	BINARY = 2,
	CLOSE = 8,
	PING = 9,
	PONG = 10,
	FINAL = 0x80,
	OUT_MAX = 8192,
	MESSAGE_MAX = 1000,
};

static const char request[] = "GET /any HTTP/1.1\r\n"
			      "Host: server.example.com\r\n"
			      "Upgrade: websocket\r\n"
			      "Connection: Upgrade\r\n"
			      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			      "Origin: http://example.com\r\n"
			      "Sec-WebSocket-Protocol: sip, chat\r\n"
			      "Sec-WebSocket-Version: 13\r\n\r\n";
static const char sip[] = "OPTIONS sip:bob@example.com SIP/2.0\r\n"
			  "Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK1\r\n\r\n";

// What was written to the browser.
static struct {
	uint8_t octets[OUT_MAX];
	size_t length;
} out;
static struct websocket *websocket;

static void out_write(void *context, struct span octets)
{
	cr_assert(context == &out && out.length + octets.length <= OUT_MAX);
	memcpy(out.octets + out.length, octets.octets, octets.length);
	out.length += octets.length;
}

static void setup(void)
{
	websocket = websocket_new(&(struct websocket_options){
		.message_max = MESSAGE_MAX, .write = out_write, .context = &out});
	cr_assert(websocket != NULL);
	out.length = 0;
}

static void setup_open(void)
{
	setup();
	cr_assert(eq(int, websocket_feed(websocket, span_of(request, sizeof(request) - 1)),
		WEBSOCKET_OPEN));
	out.length = 0;
}

static void teardown(void)
{
	websocket_free(websocket);
}

TestSuite(websocket, .init = setup_open, .fini = teardown);
TestSuite(handshake, .init = setup, .fini = teardown);

// A frame as a client sends it: masked. Returns its length.
static size_t frame_write(uint8_t *frame, uint8_t first, struct span payload, bool masked)
{
	static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	size_t at = 0;

	frame[at++] = first;
	if (payload.length < 126) {
		frame[at++] = (uint8_t)((masked ? 0x80 : 0) | payload.length);
	} else {
		frame[at++] = (uint8_t)((masked ? 0x80 : 0) | 126);
		frame[at++] = (uint8_t)(payload.length >> 8);
		frame[at++] = (uint8_t)payload.length;
	}
	if (masked) {
		memcpy(frame + at, mask, sizeof(mask));
		at += sizeof(mask);
	}
	for (size_t i = 0; i < payload.length; i++)
		frame[at++] = (uint8_t)(payload.octets[i] ^ (masked ? mask[i % 4] : 0));
	return at;
}

static enum websocket_state feed_frame(uint8_t first, struct span payload)
{
	uint8_t frame[2048];

	return websocket_feed(websocket, span_of(frame, frame_write(frame, first, payload, true)));
}

static void expect_message(struct span wanted)
{
	struct span message;

	cr_assert(websocket_take(websocket, &message));
	cr_assert(span_equal(message, wanted));
}

static void expect_nothing(void)
{
	struct span message;

	cr_assert(not(websocket_take(websocket, &message)));
}

// An unmasked frame from the server stands first in what was written.
static void expect_frame(uint8_t first, struct span payload)
{
	uint8_t frame[2048];
	size_t length = frame_write(frame, first, payload, false);

	cr_assert(out.length >= length && memcmp(out.octets, frame, length) == 0);
	memmove(out.octets, out.octets + length, out.length - length);
	out.length -= length;
}

static void expect_close(unsigned code)
{
	uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};

	cr_assert(eq(int, websocket_read_state(websocket), WEBSOCKET_CLOSING));
	cr_assert(out.length >= 4 && out.octets[0] == (FINAL | CLOSE));
	cr_assert(eq(int, memcmp(out.octets + 2, payload, 2), 0), "%02x%02x", out.octets[2],
		out.octets[3]);
}

Test(handshake, of_rfc_6455_section_1_3_is_answered_as_there)
{
	cr_assert(eq(int, websocket_feed(websocket, span_of(request, sizeof(request) - 1)),
		WEBSOCKET_OPEN));
	out.octets[out.length] = '\0';
	cr_assert(strstr((char *)out.octets, "HTTP/1.1 101 ") == (char *)out.octets);
	cr_assert(strstr((char *)out.octets,
			  "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")
		!= NULL);
	cr_assert(strstr((char *)out.octets, "\r\nSec-WebSocket-Protocol: sip\r\n") != NULL);
}

Test(handshake, is_taken_octet_by_octet_and_no_octet_beyond_it_is_read)
{
	const size_t length = sizeof(request) - 1;
	struct guard guard = guard_new(length);
	const struct handshake_origins all = {0};
	struct handshake handshake;

	for (size_t part = 0; part <= length; part++) {
		uint8_t *at = guard_end(&guard, part);

		memcpy(at, request, part);
		cr_assert(eq(int, handshake_read(span_of(at, part), &all, &handshake),
			part < length ? HANDSHAKE_MORE : HANDSHAKE_ACCEPTED));
	}
	cr_assert(eq(sz, handshake.length, length));
	for (size_t i = 0; i < length; i++)
		cr_assert(eq(int, websocket_feed(websocket, span_of(request + i, 1)),
			i + 1 < length ? WEBSOCKET_OPENING : WEBSOCKET_OPEN));
	guard_free(&guard);
}

// The request with one text in place of another.
static void feed_changed(const char *from, const char *to)
{
	char text[2048];
	const char *at = strstr(request, from);

	cr_assert(at != NULL, "%s", from);
	int length = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - request), request, to,
		at + strlen(from));

	out.length = 0;
	(void)websocket_feed(websocket, span_of(text, (size_t)length));
	out.octets[out.length] = '\0';
}

Test(handshake, that_lacks_something_is_refused_with_what_it_lacks)
{
	static const struct {
		const char *from, *to, *status;
	} cases[] = {
		{"GET", "POST", "400"},
		{"HTTP/1.1", "HTTP/1.0", "400"},
		{"/any", "any", "400"},
		{"Host: server.example.com\r\n", "", "400"},
		{"Host:", "Host: a\r\nHost:", "400"},
		{"Host:", "Host :", "400"},
		{"Host:", " folded\r\nHost:", "400"},
		{"\r\nUpgrade: websocket", "", "426"},
		{"Connection: Upgrade", "Connection: close", "426"},
		{"Version: 13", "Version: 8", "426"},
		{"Sec-WebSocket-Version: 13\r\n", "", "426"},
		{"sip, chat", "chat", "400"},
		{"sip, chat", "SIP", "400"},
		{"ZQ==", "ZQ=", "400"},
		{"ZQ==", "ZQ!=", "400"},
		{"Origin:", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin:", "400"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		feed_changed(cases[i].from, cases[i].to);
		cr_assert(eq(int, websocket_read_state(websocket), WEBSOCKET_CLOSING));
		cr_assert(eq(int, memcmp(out.octets, "HTTP/1.1 ", 9), 0));
		cr_assert(eq(int, memcmp(out.octets + 9, cases[i].status, 3), 0), "%s for %s",
			out.octets, cases[i].to);
		teardown();
		setup();
	}
}

Test(handshake, says_which_version_it_speaks_to_who_speaks_another)
{
	feed_changed("Version: 13", "Version: 14");
	cr_assert(strstr((char *)out.octets, "\r\nSec-WebSocket-Version: 13\r\n") != NULL);
}

Test(handshake, of_a_client_with_lists_and_other_cases_is_accepted)
{
	feed_changed("Connection: Upgrade", "connection: keep-alive, upgrade");
	cr_assert(eq(int, websocket_read_state(websocket), WEBSOCKET_OPEN));
}

Test(handshake, without_an_end_is_refused_at_its_limit)
{
	static uint8_t octets[HANDSHAKE_REQUEST_MAX + 100];

	memset(octets, 'a', sizeof(octets));
	cr_assert(eq(int, websocket_feed(websocket, span_of(octets, HANDSHAKE_REQUEST_MAX - 1)),
		WEBSOCKET_OPENING));
	cr_assert(eq(int, websocket_feed(websocket, span_of(octets, 100)), WEBSOCKET_CLOSING));
	cr_assert(eq(int, memcmp(out.octets, "HTTP/1.1 431", 12), 0));
}

Test(handshake, may_be_followed_at_once_by_a_frame)
{
	uint8_t octets[2048];
	size_t length = sizeof(request) - 1;

	memcpy(octets, request, length);
	length += frame_write(octets + length, FINAL | TEXT, SPAN("hello"), true);
	cr_assert(eq(int, websocket_feed(websocket, span_of(octets, length)), WEBSOCKET_OPEN));
	expect_message(SPAN("hello"));
}

Test(websocket, messages_come_out_as_they_were_sent_text_or_binary_in_their_order)
{
	feed_frame(FINAL | TEXT, SPAN(sip));
	feed_frame(FINAL | BINARY, SPAN("\xff\x00\xfe"));
	feed_frame(FINAL | TEXT, SPAN("\r\n\r\n"));
	expect_message(SPAN(sip));
	expect_message(SPAN("\xff\x00\xfe"));
	expect_message(SPAN("\r\n\r\n"));
	expect_nothing();
}

Test(websocket,
	a_message_in_fragments_with_a_ping_between_them_is_one_message_at_every_split_of_the_stream)
{
	uint8_t octets[512];
	size_t length = frame_write(octets, TEXT, span_of(sip, 20), true);

	length += frame_write(octets + length, FINAL | PING, SPAN("are you there"), true);
	length += frame_write(octets + length, FINAL, span_of(sip + 20, sizeof(sip) - 21), true);
	length += frame_write(octets + length, FINAL | BINARY, SPAN("next"), true);
	for (size_t split = 0; split <= length; split++) {
		out.length = 0;
		(void)websocket_feed(websocket, span_of(octets, split));
		(void)websocket_feed(websocket, span_of(octets + split, length - split));
		expect_message(SPAN(sip));
		expect_message(SPAN("next"));
		expect_nothing();
		expect_frame(FINAL | PONG, SPAN("are you there"));
		cr_assert(eq(sz, out.length, 0));
	}
}

Test(websocket, empty_messages_and_pongs_are_nothing)
{
	feed_frame(FINAL | TEXT, SPAN(""));
	feed_frame(FINAL | PONG, SPAN("unasked"));
	expect_nothing();
	cr_assert(eq(sz, out.length, 0));
	cr_assert(eq(int, websocket_read_state(websocket), WEBSOCKET_OPEN));
}

Test(websocket, an_unmasked_frame_breaks_the_protocol)
{
	uint8_t frame[512];

	(void)websocket_feed(
		websocket, span_of(frame, frame_write(frame, FINAL | TEXT, SPAN(sip), false)));
	expect_nothing();
	expect_close(1002);
}

Test(websocket, a_message_beyond_the_limit_is_too_big_whole_or_in_fragments)
{
	uint8_t octets[MESSAGE_MAX + 1] = {0};

	feed_frame(FINAL | BINARY, span_of(octets, MESSAGE_MAX));
	expect_message(span_of(octets, MESSAGE_MAX));
	feed_frame(BINARY, span_of(octets, MESSAGE_MAX - 1));
	feed_frame(FINAL, span_of(octets, 2));
	expect_nothing();
	expect_close(1009);
}

// Kept until their message is whole, each costs many times what it took to send.
Test(websocket, a_message_in_endless_fragments_ends_the_connection)
{
	unsigned fragments = 0;

	feed_frame(TEXT, SPAN("O"));
	while (fragments < MESSAGE_MAX && feed_frame(0, SPAN("P")) == WEBSOCKET_OPEN)
		fragments++;
	cr_assert(lt(uint, fragments, MESSAGE_MAX / 2));
	expect_nothing();
	expect_close(1008);
}

Test(websocket, a_message_in_some_fragments_is_one_message_every_time)
{
	for (unsigned i = 0; i < 10; i++) {
		feed_frame(TEXT, SPAN("O"));
		for (unsigned fragments = 0; fragments < 100; fragments++)
			feed_frame(0, SPAN(""));
		feed_frame(FINAL, SPAN("K"));
		expect_message(SPAN("OK"));
	}
}

Test(websocket, text_that_is_no_utf_8_is_refused)
{
	feed_frame(FINAL | TEXT, SPAN("\xc3\x28"));
	expect_nothing();
	expect_close(1007);
}

Test(websocket, a_reserved_bit_and_an_unknown_frame_break_the_protocol)
{
	feed_frame(FINAL | 0x40 | TEXT, SPAN("hello"));
	expect_close(1002);
	teardown();
	setup_open();
	feed_frame(FINAL | 3, SPAN("hello"));
	expect_close(1002);
}

Test(websocket, a_close_is_answered_and_nothing_is_read_behind_it)
{
	feed_frame(FINAL | TEXT, SPAN("before"));
	cr_assert(eq(int, feed_frame(FINAL | CLOSE, SPAN("\x03\xe8")), WEBSOCKET_CLOSING));
	cr_assert(eq(int, feed_frame(FINAL | TEXT, SPAN("behind")), WEBSOCKET_CLOSING));
	expect_close(1000);
	expect_message(SPAN("before"));
	expect_nothing();
	cr_assert(not(websocket_send(websocket, SPAN("late"))));
}

Test(websocket, we_go_away_with_a_close_once)
{
	websocket_close(websocket, 1001);
	expect_close(1001);
	out.length = 0;
	websocket_close(websocket, 1001);
	cr_assert(eq(sz, out.length, 0));
}

Test(websocket, utf_8_is_sent_as_text_and_other_octets_as_binary)
{
	cr_assert(websocket_send(websocket, SPAN("gr\xc3\xbc\xc3\x9f")));
	expect_frame(FINAL | TEXT, SPAN("gr\xc3\xbc\xc3\x9f"));
	cr_assert(websocket_send(websocket, SPAN("gr\xfc\xdf")));
	expect_frame(FINAL | BINARY, SPAN("gr\xfc\xdf"));
	cr_assert(eq(sz, out.length, 0));
}

Test(websocket, a_large_message_is_sent_whole)
{
	static uint8_t octets[1500];

	memset(octets, 'a', sizeof(octets));
	cr_assert(websocket_send(websocket, span_of(octets, sizeof(octets))));
	expect_frame(FINAL | TEXT, span_of(octets, sizeof(octets)));
}

Test(websocket, is_not_sent_to_before_the_handshake_is_over)
{
	teardown();
	setup();
	cr_assert(not(websocket_send(websocket, SPAN("early"))));
	cr_assert(eq(sz, out.length, 0));
}
