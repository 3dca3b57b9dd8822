// ring.h: a single-producer single-consumer ring of records in shared memory; each side treats the other's octets as hostile.
//
// A record is {u32 length, u16 type, u16 flags} and its payload, 8-aligned; it never wraps (a filler record skips to the start).
// The consumer copies a record before it looks at it. Order: the producer's release store of `head` pairs with the consumer's
// acquire load; the consumer's release store of `tail` pairs with the producer's acquire load.

#pragma once

#include <weir/span.h>

#include <stdatomic.h>

struct record_header {
	uint32_t length; // of the payload, without this header
	uint16_t type; // 0 is the filler
	uint16_t flags;
};

// At the start of the ring's memory; data follows at RING_DATA_OFFSET. Shared by both processes.
struct ring_shared {
	_Alignas(64) _Atomic uint64_t head; // octets ever written; producer writes
	_Alignas(64) _Atomic uint64_t tail; // octets ever read; consumer writes
	_Alignas(64) _Atomic uint32_t
		sleeping; // consumer sets before it waits: the producer must signal its eventfd
};

enum {
	RING_DATA_OFFSET = 192,
	RING_SECRET = 1, // a flag of a record: its octets are wiped when it is taken
};

// One side's view. Private memory: a hostile peer can corrupt records, never this.
struct ring {
	struct ring_shared *shared;
	uint8_t *data;
	uint32_t size; // of data, a power of two
	uint64_t position; // own head or tail
};

// memory is RING_DATA_OFFSET + size octets, 64-aligned, zeroed by its creator. size is a power of two of at least 4096.
void ring_attach(struct ring *ring, void *memory, uint32_t size);
// The largest payload: a quarter of the ring.
size_t ring_payload_max(const struct ring *ring);
// Octets free for the producer, as a share of 256: 0 is full. Message classes are shed by it.
unsigned ring_free_share(const struct ring *ring);
// Write one record of up to two parts. 0, -EAGAIN (full) or -EMSGSIZE. Visible at once.
[[nodiscard]] int ring_write(
	struct ring *ring, uint16_t type, uint16_t flags, struct span head, struct span body);
// Look at the next record's header without taking it: 1, 0 (empty) or -EBADMSG (the producer broke the ring; it is dead).
[[nodiscard]] int ring_peek(struct ring *ring, struct record_header *header);
// Copy the next record's payload and take it: its length, -EAGAIN (empty), -EBADMSG, or -EMSGSIZE (left in place).
[[nodiscard]] int64_t ring_read(
	struct ring *ring, struct record_header *header, uint8_t *out, size_t capacity);
// Copy the first octets of the next record's payload without taking it (for a record that must wait).
[[nodiscard]] int64_t ring_peek_payload(struct ring *ring, uint8_t *out, size_t capacity);
// The consumer, before it waits: publishes that it sleeps; false if something came in between, so it must not wait.
[[nodiscard]] bool ring_sleep(struct ring *ring);
void ring_wake(struct ring *ring); // after it waited
// The producer, after writing: true if the consumer sleeps and its eventfd must be written.
[[nodiscard]] bool ring_needs_signal(struct ring *ring);
