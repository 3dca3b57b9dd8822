// How far what a browser sends has come, and whose web pages may connect.

#include "websocket/websocket.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>

enum {
	TEXT = 1,
	PING = 9,
	FINAL = 0x80,
	MASKED = 0x80,
	HEAD = 6,
};

static struct websocket *websocket;

static void nothing_write(void *context, struct span octets)
{
	(void)context;
	(void)octets;
}

static void feed(const void *octets, size_t length)
{
	(void)websocket_feed(websocket, span_of(octets, length));
}

static void setup(void)
{
	static const char request[] =
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Protocol: sip\r\n\r\n";

	websocket = websocket_new(
		&(struct websocket_options){.message_max = 100000, .write = nothing_write});
	cr_assert(not(websocket_read_pace(websocket).amid));
	feed(request, 10);
	cr_assert(websocket_read_pace(websocket).amid);
	feed(request + 10, sizeof(request) - 11);
	cr_assert(eq(int, websocket_read_state(websocket), WEBSOCKET_OPEN));
	cr_assert(not(websocket_read_pace(websocket).amid));
}

static void teardown(void)
{
	websocket_free(websocket);
}

TestSuite(websocket_pace, .init = setup, .fini = teardown);

// Masked by zeros; returns its length.
static size_t frame_write(uint8_t *frame, uint8_t first, size_t length)
{
	size_t at = 0;

	frame[at++] = first;
	frame[at++] = (uint8_t)(MASKED | (length < 126 ? length : length < 65536 ? 126 : 127));
	for (int shift = length < 126 ? -8 : length < 65536 ? 8 : 56; shift >= 0; shift -= 8)
		frame[at++] = (uint8_t)((uint64_t)length >> shift);
	memset(frame + at, 0, 4);
	memset(frame + at + 4, 'x', length);
	return at + 4 + length;
}

static void expect(bool amid, size_t octets, uint32_t whole)
{
	struct websocket_pace pace = websocket_read_pace(websocket);

	cr_assert(eq(int, pace.amid, amid));
	cr_assert(eq(sz, pace.octets, octets));
	cr_assert(eq(u32, pace.whole, whole));
}

Test(websocket_pace, is_amid_at_every_octet_of_a_frame_but_the_last_whatever_its_length)
{
	static const size_t lengths[] = {1, 125, 126, 65535, 65536};
	static uint8_t frame[70000];

	for (uint32_t i = 0; i < 5; i++) {
		size_t length = frame_write(frame, FINAL | TEXT, lengths[i]);
		size_t head = length - lengths[i];

		for (size_t at = 0; at < length; at++) {
			expect(at > 0, at <= head ? 0 : length,
				i); // its head counts with its first octet
			feed(frame + at, 1);
		}
		expect(false, 0, i + 1);
	}
}

Test(websocket_pace, of_a_message_in_fragments_runs_on_through_the_pings_between_them)
{
	uint8_t frame[64];
	size_t length = frame_write(frame, TEXT, 10);

	feed(frame, length);
	expect(true, HEAD + 10, 0);
	feed(frame, frame_write(frame, FINAL | PING, 4));
	expect(true, HEAD + 10 + HEAD + 4, 0);
	feed(frame, frame_write(frame, 0, 5));
	expect(true, HEAD + 10 + HEAD + 4 + HEAD + 5, 0);
	feed(frame, frame_write(frame, FINAL, 5));
	expect(false, 0, 1);
	feed(frame, frame_write(frame, FINAL | PING, 4));
	expect(false, 0, 2);
	feed(frame, 1);
	expect(true, 0, 2);
}

static enum handshake_result handshake_from(
	const char *origin, const struct handshake_origins *origins, char *status)
{
	struct handshake handshake;
	char text[512];
	int length = snprintf(text, sizeof(text),
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n%s"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Protocol: sip\r\n\r\n",
		origin);
	enum handshake_result result =
		handshake_read(span_of(text, (size_t)length), origins, &handshake);

	snprintf(status, 4, "%.3s", handshake.answer + strlen("HTTP/1.1 "));
	return result;
}

Test(handshake_origin, that_is_not_listed_is_refused_403_and_without_a_list_none_is)
{
	const struct span items[] = {
		SPAN("https://phone.example.com"), SPAN("http://a.test:8080/")};
	const struct handshake_origins listed = {items, 2}, all = {0};
	static const struct {
		const char *field;
		const char *status;
	} cases[] = {
		{"Origin: https://phone.example.com\r\n", "101"},
		{"origin: HTTPS://Phone.Example.Com\r\n", "101"},
		{"Origin: http://a.test:8080\r\n", "101"},
		{"", "101"}, // no browser
		{"Origin: http://phone.example.com\r\n", "403"},
		{"Origin: https://phone.example.com.evil.test\r\n", "403"},
		{"Origin: https://phone.example.co\r\n", "403"},
		{"Origin: null\r\n", "403"},
		{"Origin: \r\n", "403"},
		{"Origin: https://phone.example.com\r\nOrigin: https://evil.test\r\n", "400"},
	};
	char status[4];

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert(eq(int, handshake_from(cases[i].field, &listed, status),
			strcmp(cases[i].status, "101") == 0 ? HANDSHAKE_ACCEPTED
							    : HANDSHAKE_REFUSED));
		cr_assert(eq(str, status, (char *)cases[i].status), "%s", cases[i].field);
	}
	cr_assert(eq(int, handshake_from("Origin: https://evil.test\r\n", &all, status),
		HANDSHAKE_ACCEPTED));
}
