// fuzz_frame.c: what must hold of a frame whatever its octets are. The first octet says which checksums are verified.

#include "frame.h"
#include "fuzz.h"

#include <string.h>

enum {
	LINK_MAX = 18,
	ROOM = UINT16_MAX + FRAME_HEADERS_MAX,
};

static void found_check(const struct frame *frame, size_t length, bool whole)
{
	CHECK(frame->source.family == frame->destination.family);
	CHECK(frame->source.family == ENDPOINT_V4 || frame->source.family == ENDPOINT_V6);
	CHECK(frame->vlan < 4095);
	CHECK(frame->network == LINK_MAX || (frame->network == LINK_MAX - 4 && frame->vlan == 0));
	size_t headers = (frame->source.family == ENDPOINT_V6 ? 40 : 20) + (whole ? 8u : 0u);

	CHECK(frame->payload >= frame->network + headers);
	CHECK((size_t)frame->payload + frame->length <= length);
	CHECK(whole
		|| (frame->length > 0 && frame->source.port == 0 && frame->destination.port == 0));
}

// What was read is written back, and read as it was.
static void again_check(const uint8_t *payload, const struct frame *frame)
{
	static uint8_t room[ROOM];
	struct next_hop hop = {.vlan = frame->vlan};
	struct frame again;

	// What IPv4's options or IPv6's headers took is free for more than one header can carry.
	if (frame->source.family == ENDPOINT_V4 && frame->length > UINT16_MAX - 28)
		return;
	memcpy(room + FRAME_HEADERS_MAX, payload, frame->length);
	size_t headers = frame_write(room + FRAME_HEADERS_MAX, frame->length, &hop, &frame->source,
		&frame->destination, 0);

	CHECK(headers <= FRAME_HEADERS_MAX);
	CHECK(frame_read(room + FRAME_HEADERS_MAX - headers, headers + frame->length, 0, &again)
		== FRAME_DATAGRAM);
	CHECK(endpoint_equal(&again.source, &frame->source));
	CHECK(endpoint_equal(&again.destination, &frame->destination));
	CHECK(again.vlan == frame->vlan && again.length == frame->length);
	CHECK(again.payload == headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct frame frame, untouched;

	if (length == 0)
		return 0;
	memset(&frame, 0xa5, sizeof(frame));
	untouched = frame;
	enum frame_kind kind = frame_read(octets + 1, length - 1, octets[0], &frame);

	if (kind == FRAME_OTHER || kind == FRAME_MALFORMED) {
		CHECK(memcmp(&frame, &untouched, sizeof(frame)) == 0);
		return 0;
	}
	found_check(&frame, length - 1, kind == FRAME_DATAGRAM);
	if (kind == FRAME_DATAGRAM)
		again_check(octets + 1 + frame.payload, &frame);
	// Whoever verifies nothing sees no more than whoever trusts a card.
	if (frame_read(octets + 1, length - 1, 0, &untouched) == FRAME_DATAGRAM)
		CHECK(kind == FRAME_DATAGRAM);
	return 0;
}
