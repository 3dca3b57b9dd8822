// frame_private.h: between the files that read frames.

#pragma once

#include "frame_layout.h"

// Both are given a frame whose network is set, and set its addresses, and payload and length of what IP carries.
[[nodiscard]] enum frame_kind frame_read_ipv4(
	const uint8_t *octets, size_t length, unsigned verified, struct frame *frame);
[[nodiscard]] enum frame_kind frame_read_ipv6(
	const uint8_t *octets, size_t length, struct frame *frame);
// Whether a fragment of frame->length octets can be a piece of a packet. offset: in octets; more: it is not the last.
[[nodiscard]] bool frame_fragment_holds(const struct frame *frame, size_t offset, bool more);
