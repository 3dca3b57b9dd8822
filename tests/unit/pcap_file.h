// pcap_file.h: frames in files that libpcap reads and writes (draft-ietf-opsawg-pcap).

#pragma once

#include "frame_maker.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

enum { PCAP_HEAD_OCTETS = 24 };

static inline FILE *pcap_new(const char *path)
{
	// Its own order of octets, microseconds, Ethernet.
	static const uint32_t head[6] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 262144, 1};
	FILE *file = fopen(path, "w+");

	cr_assert(file != NULL);
	cr_assert(eq(sz, fwrite(head, sizeof(head), 1, file), 1));
	return file;
}

static inline void pcap_put(FILE *file, const struct made_frame *frame)
{
	const uint32_t record[4] = {0, 0, (uint32_t)frame->length, (uint32_t)frame->length};

	cr_assert(eq(sz, fwrite(record, sizeof(record), 1, file), 1));
	cr_assert(eq(sz, fwrite(frame->octets, frame->length, 1, file), 1));
}

// False: there is no frame more.
static inline bool pcap_take(FILE *file, struct made_frame *frame)
{
	uint32_t record[4];

	if (fread(record, sizeof(record), 1, file) != 1)
		return false;
	frame->length = record[2];
	cr_assert(le(sz, frame->length, sizeof(frame->octets)));
	cr_assert(eq(sz, fread(frame->octets, 1, frame->length, file), frame->length));
	return true;
}
