// What phones send by a stream: whatever the octets are and however they are cut, the frames are the same, lie side by side, and a
// message is one that the parser reads to the same end.

#include "fuzz.h"
#include "streams/framer.h"

enum {
	MESSAGE_MAX = 1024,
	FRAMES_MAX = 256,
};

struct frames {
	struct frame frame[FRAMES_MAX];
	unsigned count;
};

static bool frame_is_taken(const struct frame *frame)
{
	return frame->kind == FRAME_MESSAGE || frame->kind == FRAME_PING
		|| frame->kind == FRAME_PONG;
}

static void message_check(const struct message *message, struct span octets, size_t length)
{
	struct message again;

	CHECK(length <= MESSAGE_MAX && length <= octets.length);
	(void)message_parse(&again, octets.octets, length);
	CHECK(again.length == length && message->length == length);
	CHECK(message_line(&again, HEADER_CONTENT_LENGTH) != NULL);
}

// Feeds the octets in pieces; what is not taken stays for the next one. Ends where the stream cannot be read on.
static void stream_run(struct span octets, size_t piece, struct frames *frames)
{
	static struct message message;
	struct framer framer;
	size_t used = 0;

	framer_init(&framer, MESSAGE_MAX);
	frames->count = 0;
	for (size_t end = 0; end < octets.length;) {
		end = octets.length - end < piece ? octets.length : end + piece;
		for (;;) {
			struct span rest = span_of(octets.octets + used, end - used);
			struct frame frame = framer_next(&framer, rest, &message);

			if (frame.kind == FRAME_MORE)
				break;
			if (frames->count < FRAMES_MAX)
				frames->frame[frames->count++] = frame;
			if (!frame_is_taken(&frame))
				return;
			CHECK(frame.length > 0 && frame.length <= rest.length);
			if (frame.kind == FRAME_MESSAGE)
				message_check(&message, rest, frame.length);
			used += frame.length;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frames whole, pieces;
	struct span octets = span_of(data, size);

	stream_run(octets, size == 0 ? 1 : size, &whole);
	for (size_t piece = 1; piece < 8; piece += 3) {
		stream_run(octets, piece, &pieces);
		CHECK(pieces.count == whole.count);
		for (unsigned i = 0; i < whole.count; i++)
			CHECK(pieces.frame[i].kind == whole.frame[i].kind
				&& (!frame_is_taken(&whole.frame[i])
					|| pieces.frame[i].length == whole.frame[i].length));
	}
	return 0;
}
