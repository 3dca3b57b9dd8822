// frame_maker.h: frames put together header by header, also such as no honest host sends. Checksums here are RFC 1071 in its plainest form, so
// that nothing is checked against itself.

#pragma once

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { FRAME_MADE_MAX = 70000 };

struct made_frame {
	uint8_t octets[FRAME_MADE_MAX];
	size_t length;
	size_t network; // where IP begins
	size_t chain; // IPv6: where the number of the next header is to be written
	size_t transport; // where UDP begins
};

static const uint8_t made_v4[8] = {192, 0, 2, 1, 198, 51, 100, 2};
static const uint8_t made_v6[32] = {
	0x20, 1, 0x0d, 0xb8, [15] = 1, [16] = 0x20, 1, 0x0d, 0xb8, [31] = 2};

enum { MADE_SOURCE_PORT = 5060, MADE_DESTINATION_PORT = 5080 };

static inline void made_put(struct made_frame *frame, const void *octets, size_t length)
{
	assert(frame->length + length <= FRAME_MADE_MAX);
	if (length > 0)
		memcpy(frame->octets + frame->length, octets, length);
	frame->length += length;
}

static inline void made_set(struct made_frame *frame, size_t at, unsigned value)
{
	frame->octets[at] = (uint8_t)(value >> 8);
	frame->octets[at + 1] = (uint8_t)value;
}

static inline void made_put_field(struct made_frame *frame, unsigned value)
{
	frame->length += 2;
	made_set(frame, frame->length - 2, value);
}

// tag: of 802.1Q; -1: none.
static inline void made_begin(struct made_frame *frame, int tag, unsigned type)
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	frame->length = 0;
	made_put(frame, addresses, sizeof(addresses));
	if (tag >= 0) {
		made_put_field(frame, 0x8100);
		made_put_field(frame, (unsigned)tag);
	}
	made_put_field(frame, type);
	frame->network = frame->length;
}

// fragment: the field of flags and offset. The options are padded by the caller.
static inline void made_put_v4(struct made_frame *frame, const void *options, size_t option_octets,
	unsigned protocol, unsigned fragment)
{
	const uint8_t first[2] = {(uint8_t)(0x40 | (5 + option_octets / 4)), 0};
	const uint8_t life[2] = {61, (uint8_t)protocol};

	made_put(frame, first, 2);
	made_put_field(frame, 0);
	made_put_field(frame, 0x1234);
	made_put_field(frame, fragment);
	made_put(frame, life, 2);
	made_put_field(frame, 0);
	made_put(frame, made_v4, sizeof(made_v4));
	made_put(frame, options, option_octets);
	frame->transport = frame->length;
}

static inline void made_put_v6(struct made_frame *frame)
{
	static const uint8_t first[8] = {0x60, 0, 0, 0, 0, 0, 59, 61};

	made_put(frame, first, sizeof(first));
	made_put(frame, made_v6, sizeof(made_v6));
	frame->chain = frame->network + 6;
	frame->transport = frame->length;
}

static inline void made_chain(struct made_frame *frame, unsigned protocol)
{
	frame->octets[frame->chain] = (uint8_t)protocol;
	frame->chain = frame->length;
}

// An extension header whose octets behind the first two are given: 8n + 6 of them.
static inline void made_put_extension(
	struct made_frame *frame, unsigned protocol, const void *octets, size_t length)
{
	const uint8_t first[2] = {59, (uint8_t)((length + 2) / 8 - 1)};

	assert(length % 8 == 6);
	made_chain(frame, protocol);
	made_put(frame, first, 2);
	made_put(frame, octets, length);
	frame->transport = frame->length;
}

static inline void made_put_v6_fragment(struct made_frame *frame, unsigned fragment)
{
	made_chain(frame, 44);
	made_put_field(frame, 59 << 8);
	made_put_field(frame, fragment);
	made_put(frame, "\0\0\0\7", 4);
	frame->transport = frame->length;
}

static inline unsigned made_sum(unsigned sum, const uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 == 0 ? (unsigned)octets[i] << 8 : octets[i];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline int made_is_v6(const struct made_frame *frame)
{
	return frame->octets[frame->network] >> 4 == 6;
}

// Of the pseudo header of a UDP datagram of `length` octets.
static inline unsigned made_pseudo_sum(const struct made_frame *frame, size_t length)
{
	size_t at = frame->network + (made_is_v6(frame) ? 8 : 12);

	return made_sum(17 + (unsigned)length, frame->octets + at, made_is_v6(frame) ? 32 : 8);
}

static inline void made_sum_udp(struct made_frame *frame, size_t length)
{
	made_set(frame, frame->transport + 6, 0);
	unsigned sum =
		~made_sum(made_pseudo_sum(frame, length), frame->octets + frame->transport, length)
		& 0xffff;

	made_set(frame, frame->transport + 6, sum == 0 ? 0xffff : sum);
}

static inline void made_sum_v4(struct made_frame *frame)
{
	size_t header = (frame->octets[frame->network] & 0xfu) * 4;

	made_set(frame, frame->network + 10, 0);
	made_set(frame, frame->network + 10,
		~made_sum(0, frame->octets + frame->network, header) & 0xffff);
}

// Lengths and checksum of IP, as if all that follows were its own.
static inline void made_end(struct made_frame *frame)
{
	size_t octets = frame->length - frame->network;

	if (made_is_v6(frame)) {
		made_set(frame, frame->network + 4, (unsigned)(octets - 40));
	} else {
		made_set(frame, frame->network + 2, (unsigned)octets);
		made_sum_v4(frame);
	}
}

// UDP with a payload that counts up, and all lengths and checksums right.
static inline void made_end_udp(struct made_frame *frame, size_t payload)
{
	if (made_is_v6(frame))
		made_chain(frame, 17);
	made_put_field(frame, MADE_SOURCE_PORT);
	made_put_field(frame, MADE_DESTINATION_PORT);
	made_put_field(frame, (unsigned)(8 + payload));
	made_put_field(frame, 0);
	for (size_t i = 0; i < payload; i++)
		frame->octets[frame->length++] = (uint8_t)(i * 7 + 1);
	made_end(frame);
	made_sum_udp(frame, 8 + payload);
}

// The plain frame of a family, 4 or 6.
static inline void made_plain(struct made_frame *frame, int family, int tag, size_t payload)
{
	made_begin(frame, tag, family == 6 ? 0x86dd : 0x0800);
	if (family == 6)
		made_put_v6(frame);
	else
		made_put_v4(frame, NULL, 0, 17, 0x4000);
	made_end_udp(frame, payload);
}

// A piece, of at most so many octets, of the datagram in `whole`, from this offset on; returns whether there is more of it.
static inline int made_fragment(
	struct made_frame *frame, const struct made_frame *whole, size_t offset, size_t piece)
{
	size_t left = whole->length - whole->transport - offset;
	size_t length = left > piece ? piece : left;
	int v6 = made_is_v6(whole), more = left > piece;

	frame->length = frame->network = whole->network;
	memcpy(frame->octets, whole->octets, whole->transport);
	if (v6) {
		frame->length += 40;
		frame->chain = frame->network + 6;
		made_put_v6_fragment(frame, (unsigned)(offset | more));
		made_chain(frame, 17);
	} else {
		frame->length += 20;
		made_set(frame, frame->network + 6, (unsigned)(offset / 8 | (more ? 0x2000 : 0)));
	}
	made_put(frame, whole->octets + whole->transport + offset, length);
	made_end(frame);
	return more;
}
