// frame_lab.h: reads frames that a test has made, at the end of what may be read.

#pragma once

#include "frame.h"
#include "frame_maker.h"
#include "guard.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct made_frame made; // read from
static struct guard room;
static struct frame frame; // read last

static inline void frame_lab_setup(void)
{
	room = guard_new(FRAME_MADE_MAX);
}

static inline void frame_lab_teardown(void)
{
	guard_free(&room);
}

// At the end of what may be read.
static inline enum frame_kind read_prefix(size_t length, unsigned verified)
{
	const uint8_t *octets = memcpy(guard_end(&room, length), made.octets, length);

	return frame_read(octets, length, verified, &frame);
}

static inline enum frame_kind read_made(void)
{
	return read_prefix(made.length, 0);
}

static inline void expect_datagram(size_t payload)
{
	frame = (struct frame){0};
	cr_assert(eq(int, read_made(), FRAME_DATAGRAM));
	bool v6 = made_is_v6(&made);

	cr_assert(eq(int, frame.source.family, v6 ? ENDPOINT_V6 : ENDPOINT_V4));
	cr_assert(eq(int, frame.destination.family, frame.source.family));
	cr_assert(eq(int, memcmp(frame.source.address, v6 ? made_v6 : made_v4, v6 ? 16 : 4), 0));
	cr_assert(eq(int,
		memcmp(frame.destination.address, v6 ? made_v6 + 16 : made_v4 + 4, v6 ? 16 : 4),
		0));
	cr_assert(eq(int, frame.source.port, MADE_SOURCE_PORT));
	cr_assert(eq(int, frame.destination.port, MADE_DESTINATION_PORT));
	cr_assert(eq(sz, frame.network, made.network));
	cr_assert(eq(sz, frame.payload, made.transport + 8));
	cr_assert(eq(sz, frame.length, payload));
}

static inline void begin_v6(void)
{
	made_begin(&made, -1, 0x86dd);
	made_put_v6(&made);
}

// Options of three octets that say nothing: PadN.
#define PAD "\1\1\0"
#define PADS PAD PAD
