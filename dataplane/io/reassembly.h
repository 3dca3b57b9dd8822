// reassembly.h: datagrams out of fragments, in bounded memory.
//
// One worker's. Fragments are copied to where they belong in a large packet, so that nothing else is held. Bounded are: datagrams
// that wait, those of one source among them, how long they wait, how small a piece may be. A piece that overlaps another with other
// octets ends its datagram for good (RFC 8200 section 4.5, RFC 5722), over IPv4 too; the same piece once more is ignored.
//
// Pieces wait much shorter than hosts let them (60 s in RFC 8200, RFC 1122): a phone that hears nothing sends its request again after
// half a second, in new fragments.

#pragma once

#include "frame.h"
#include "pool.h"

enum {
	REASSEMBLY_DATAGRAMS_MAX = 128, // waiting; the oldest makes room
	REASSEMBLY_SOURCE_MAX = 8, // of one source address; its oldest makes room
	REASSEMBLY_WAIT_MS = 2000,
	// Of a piece that is not the last: no link of today makes smaller ones, and RFC 1858 says what they are for.
	REASSEMBLY_PIECE_MIN = 256,
};

struct reassembly;

enum reassembly_result {
	REASSEMBLY_WAITS, // more must come, or this came before
	REASSEMBLY_WHOLE,
	REASSEMBLY_REFUSED,
};

// A datagram that is whole. The packet is the caller's.
struct reassembled {
	struct packet *packet; // with octets, length and peer set
	struct endpoint destination;
};

// Packets are taken from this pool of large ones, and given back to it. NULL: out of memory.
[[nodiscard]] struct reassembly *reassembly_new(struct pool *pool);
void reassembly_free(struct reassembly *reassembly);
// A fragment, as frame_read() has found it. *refused grows by the pieces and datagrams that are given up. device: fragments of several
// devices, or VLANs, are several datagrams'. *whole is written for REASSEMBLY_WHOLE alone.
[[nodiscard]] enum reassembly_result reassembly_add(struct reassembly *reassembly, unsigned device,
	const uint8_t *octets, const struct frame *frame, uint64_t now_ms,
	struct reassembled *whole, uint64_t *refused);
// Give up what has waited too long. Returns how many datagrams that were.
[[nodiscard]] unsigned reassembly_expire(struct reassembly *reassembly, uint64_t now_ms);
