// frame_private.h: between the files that read frames.

#pragma once

#include "frame_layout.h"

// Where what is in a frame: struct frame without the addresses, which are copied once, when all else holds.
struct frame_bounds {
	uint16_t vlan;
	uint16_t network;
	uint16_t payload;
	uint16_t length;
};

// Both are given where IP begins, and set payload and length of what it carries.
[[nodiscard]] enum frame_kind frame_read_ipv4(
	const uint8_t *octets, size_t length, unsigned verified, struct frame_bounds *bounds);
[[nodiscard]] enum frame_kind frame_read_ipv6(
	const uint8_t *octets, size_t length, struct frame_bounds *bounds);
// Whether a fragment of bounds->length octets can be a piece of a packet. offset: in octets; more: it is not the last.
[[nodiscard]] bool frame_fragment_holds(
	const struct frame_bounds *bounds, size_t offset, bool more);
