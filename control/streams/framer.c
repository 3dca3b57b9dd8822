#include "framer.h"

#include <weir/uri.h>

void framer_init(struct framer *framer, size_t message_max)
{
	*framer = (struct framer){
		.message_max = message_max < UINT16_MAX ? (uint32_t)message_max : UINT16_MAX};
}

// Between messages there may be CRLFs; two of them are a question.
static struct frame blank_read(struct span octets)
{
	static const uint8_t ping[] = "\r\n\r\n";
	size_t same = 0;

	while (same < 4 && same < octets.length && octets.octets[same] == ping[same])
		same++;
	if (same == 4)
		return (struct frame){FRAME_PING, 4};
	if (same == octets.length)
		return (struct frame){FRAME_MORE, 0};
	// "\r\n" and then something else; or a CR that no LF follows.
	return same >= 2 ? (struct frame){FRAME_PONG, 2} : (struct frame){FRAME_UNREADABLE, 0};
}

// Where the headers end, 0: not yet. What was looked at is not looked at again.
static size_t headers_end(struct framer *framer, struct span octets)
{
	size_t at = framer->scanned;

	while (at + 4 <= octets.length) {
		const uint8_t *found = memchr(octets.octets + at, '\r', octets.length - at - 3);

		if (found == NULL) {
			at = octets.length - 3;
			break;
		}
		at = (size_t)(found - octets.octets);
		if (memcmp(found, "\r\n\r\n", 4) == 0)
			return at + 4;
		at++;
	}
	framer->scanned = (uint32_t)at;
	return 0;
}

// What the parser reads as headers ends where we say it does, and says once how long the body is.
static bool body_length(const struct message *message, size_t headers, uint64_t *length)
{
	const struct header_line *line = message_line(message, HEADER_CONTENT_LENGTH);

	return message->body_offset == headers && line != NULL
		&& number_parse(span_of(message->octets + line->value_offset, line->value_length),
			UINT32_MAX, length);
}

// The headers are there: how long is the message?
static struct frame headers_read(
	struct framer *framer, struct span octets, size_t headers, struct message *message)
{
	uint64_t body;
	enum message_fault fault = message_parse(message, octets.octets, headers);

	if (fault == MESSAGE_STUN || fault == MESSAGE_KEEPALIVE || fault == MESSAGE_START_LINE)
		return (struct frame){FRAME_UNREADABLE, 0};
	if (fault == MESSAGE_HEADER_REPEATED || !body_length(message, headers, &body))
		return (struct frame){FRAME_UNENDED, headers};
	if (body > framer->message_max - headers)
		return (struct frame){FRAME_TOO_LARGE, headers};
	framer->whole = (uint32_t)(headers + body);
	return (struct frame){FRAME_MORE, framer->whole};
}

static struct frame message_end(struct framer *framer, struct span octets, struct message *message)
{
	size_t whole = framer->whole;

	if (octets.length < whole)
		return (struct frame){FRAME_MORE, whole};
	// What is wrong with it is the decision engine's to say.
	(void)message_parse(message, octets.octets, whole);
	framer->scanned = 0;
	framer->whole = 0;
	return (struct frame){FRAME_MESSAGE, whole};
}

struct frame framer_next(struct framer *framer, struct span octets, struct message *message)
{
	struct frame frame;

	if (framer->whole != 0)
		return message_end(framer, octets, message);
	if (octets.length == 0)
		return (struct frame){FRAME_MORE, 0};
	if (octets.octets[0] == '\r')
		return blank_read(octets);
	size_t headers = headers_end(framer, octets);

	if (headers > framer->message_max || (headers == 0 && octets.length >= framer->message_max))
		return (struct frame){FRAME_TOO_LARGE, 0};
	if (headers == 0)
		return (struct frame){FRAME_MORE, 0};
	frame = headers_read(framer, octets, headers, message);
	return frame.kind == FRAME_MORE ? message_end(framer, octets, message) : frame;
}
