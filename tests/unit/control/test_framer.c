// Messages cut out of a stream: at every split, at the end of memory, and never where two readers could differ.

#include "../guard.h"
#include "streams/framer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

enum {
	LIMIT = 2048,
	FRAMES_MAX = 16,
};

#define HEAD(number, length) \
	"OPTIONS sip:edge1.test SIP/2.0\r\n" \
	"Via: SIP/2.0/TCP 192.0.2.7:5060;branch=z9hG4bK" number "\r\n" \
	"From: <sip:a@test>;tag=1\r\n" \
	"To: <sip:edge1.test>\r\n" \
	"Call-ID: c" number "\r\n" \
	"CSeq: 1 OPTIONS\r\n" length "\r\n"

static const char pipelined[] =
	HEAD("1", "Content-Length: 17\r\n") "a body\r\n\r\nPING me"
					    "\r\n\r\n" HEAD("2", "l: 0\r\n") "\r\n";

static struct message message;
static struct frame frames[FRAMES_MAX];
static unsigned frame_count;

// Feeds `octets` in the pieces that end at each of `ends`, as a connection does: what was not used stays.
static void feed(const uint8_t *octets, const size_t *ends, unsigned pieces, bool guarded)
{
	struct framer framer;
	size_t used = 0;

	framer_init(&framer, LIMIT);
	frame_count = 0;
	for (unsigned i = 0; i < pieces; i++) {
		struct guard guard;
		const uint8_t *at = octets + used;
		size_t length = ends[i] - used;

		if (guarded) {
			guard = guard_new(length);
			memcpy(guard_end(&guard, length), octets + used, length);
			at = guard_end(&guard, length);
		}
		for (size_t taken = 0;;) {
			struct frame frame =
				framer_next(&framer, span_of(at + taken, length - taken), &message);

			if (frame.kind == FRAME_MORE)
				break;
			cr_assert(frame_count < FRAMES_MAX && frame.length > 0);
			frames[frame_count++] = frame;
			taken += frame.length;
			used += frame.length;
		}
		if (guarded)
			guard_free(&guard);
	}
}

static void frames_check(void)
{
	static const enum frame_kind kinds[] = {
		FRAME_MESSAGE, FRAME_PING, FRAME_MESSAGE, FRAME_PONG};

	cr_assert(frame_count >= 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert(eq(int, frames[i].kind, kinds[i]));
	cr_assert(eq(sz, frames[0].length, sizeof(HEAD("1", "Content-Length: 17\r\n")) - 1 + 17));
	cr_assert(eq(sz, frames[2].length, sizeof(HEAD("2", "l: 0\r\n")) - 1));
}

Test(framer, every_split_of_two_pipelined_messages_gives_the_same_frames)
{
	const size_t length = sizeof(pipelined) - 1;

	for (size_t split = 0; split <= length; split++) {
		const size_t ends[] = {split, length};

		feed((const uint8_t *)pipelined, ends, 2, true);
		frames_check();
	}
}

Test(framer, octet_by_octet_it_is_the_same)
{
	size_t ends[sizeof(pipelined)];

	for (size_t i = 0; i < sizeof(pipelined) - 1; i++)
		ends[i] = i + 1;
	feed((const uint8_t *)pipelined, ends, sizeof(pipelined) - 1, true);
	frames_check();
}

static struct frame first(const char *text)
{
	struct framer framer;

	framer_init(&framer, LIMIT);
	return framer_next(&framer, span_of(text, strlen(text)), &message);
}

Test(framer, two_crlfs_are_a_ping_and_one_is_a_pong)
{
	cr_assert(eq(int, first("\r\n\r\n").kind, FRAME_PING));
	cr_assert(eq(int, first("\r\n\r\n\r\n").kind, FRAME_PING));
	cr_assert(eq(int, first("\r\n").kind, FRAME_MORE));
	cr_assert(eq(int, first("\r\nOPTIONS").kind, FRAME_PONG));
	cr_assert(eq(sz, first("\r\nOPTIONS").length, 2));
}

Test(framer, what_is_no_sip_is_unreadable)
{
	cr_assert(eq(int, first("\rx").kind, FRAME_UNREADABLE));
	cr_assert(eq(int, first("GET / HTTP/1.1\r\nHost: x\r\n\r\n").kind, FRAME_UNREADABLE));
	cr_assert(eq(int, first("\x16\x03\x01\x02\r\n\r\n").kind, FRAME_UNREADABLE));
}

Test(framer, a_length_that_is_not_said_once_and_plainly_is_refused)
{
	static const char *const lengths[] = {HEAD("1", ""),
		HEAD("1", "Content-Length: 0\r\nl: 0\r\n"), HEAD("1", "Content-Length: -1\r\n"),
		HEAD("1", "Content-Length: +1\r\n"), HEAD("1", "Content-Length: 0x1\r\n"),
		HEAD("1", "Content-Length: 1, 1\r\n"), HEAD("1", "Content-Length:\r\n"),
		HEAD("1", "Content-Length: 1 1\r\n"), HEAD("1", "Content-Length: 4294967296\r\n"),
		HEAD("1", "Content-Length: 4294967328\r\n"),
		HEAD("1", "Content-Length: 18446744073709551616\r\n")};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		cr_assert(eq(int, first(lengths[i]).kind, FRAME_UNENDED), "%s", lengths[i]);
		cr_assert(message.answerable, "%s", lengths[i]);
	}
}

Test(framer, what_exceeds_the_limit_is_refused_before_it_has_come)
{
	char text[LIMIT + 64];

	cr_assert(
		eq(int, first(HEAD("1", "Content-Length: 2147483609\r\n")).kind, FRAME_TOO_LARGE));
	cr_assert(
		eq(int, first(HEAD("1", "Content-Length: 4294967295\r\n")).kind, FRAME_TOO_LARGE));
	memset(text, 'x', sizeof(text));
	text[LIMIT - 1] = 0;
	cr_assert(eq(int, first(text).kind, FRAME_MORE));
	text[LIMIT - 1] = 'x';
	text[LIMIT] = 0;
	cr_assert(eq(int, first(text).kind, FRAME_TOO_LARGE));
}

Test(framer, a_message_of_exactly_the_limit_is_taken)
{
	char text[LIMIT + 1];
	size_t head = sizeof(HEAD("1", "Content-Length: 1800\r\n")) - 1;
	int body = LIMIT - (int)head;
	int length = snprintf(text, sizeof(text), HEAD("1", "Content-Length: %4d\r\n"), body);

	memset(text + length, 'b', (size_t)body);
	text[LIMIT] = 0;
	cr_assert(eq(int, first(text).kind, FRAME_MESSAGE));
	cr_assert(eq(sz, first(text).length, LIMIT));
}

Test(framer, a_message_inside_of_a_body_is_no_message)
{
	const char *text =
		HEAD("1", "Content-Length: 12\r\n") "BYE sip:x\r\n\r" HEAD("2", "l: 0\r\n");
	struct frame frame = first(text);

	cr_assert(eq(int, frame.kind, FRAME_MESSAGE));
	cr_assert(eq(int, memcmp(text + frame.length, "OPTIONS", 7), 0));
}
