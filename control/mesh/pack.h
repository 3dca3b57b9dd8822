// pack.h: fixed-width little-endian fields in a buffer, written and read with bounds.

#pragma once

#include <weir/span.h>

// Writing: `overflow` is set when something did not fit, and nothing more is written.
struct packer {
	uint8_t *octets;
	size_t length;
	size_t capacity;
	bool overflow;
};

// Reading: `short_` is set when something was missing, and zeroes are read from then on.
struct unpacker {
	struct span rest;
	bool short_;
};

void pack_number(struct packer *packer, uint64_t number, unsigned octets);
void pack_octets(struct packer *packer, const void *octets, size_t length);
// A u8 length and so many octets.
void pack_text(struct packer *packer, struct span text);

uint64_t unpack_number(struct unpacker *unpacker, unsigned octets);
// Borrowed from the input.
struct span unpack_octets(struct unpacker *unpacker, size_t length);
struct span unpack_text(struct unpacker *unpacker);
