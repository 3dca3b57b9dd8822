#include <weir/ring.h>

#include <assert.h>
#include <errno.h>

enum {
	ALIGNMENT = 8,
	FILLER = 0,
	HEADER = sizeof(struct record_header),
};

void ring_attach(struct ring *ring, void *memory, uint32_t size)
{
	assert(size >= 4096 && (size & (size - 1)) == 0);
	*ring = (struct ring){
		.shared = memory,
		.data = (uint8_t *)memory + RING_DATA_OFFSET,
		.size = size,
	};
}

size_t ring_payload_max(const struct ring *ring)
{
	return ring->size / 4;
}

static uint32_t record_octets(uint32_t payload)
{
	return (HEADER + payload + ALIGNMENT - 1) & ~(uint32_t)(ALIGNMENT - 1);
}

// Octets that the consumer has not taken. A tail that cannot be (a hostile consumer) counts as a full ring.
static uint64_t octets_used(const struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->shared->tail, memory_order_acquire);
	uint64_t used = ring->position - tail;

	return used > ring->size ? ring->size : used;
}

unsigned ring_free_share(const struct ring *ring)
{
	return (unsigned)((ring->size - octets_used(ring)) * 256 / ring->size);
}

static void header_store(struct ring *ring, uint32_t length, uint16_t type, uint16_t flags)
{
	struct record_header header = {.length = length, .type = type, .flags = flags};

	memcpy(ring->data + (ring->position & (ring->size - 1)), &header, HEADER);
}

int ring_write(struct ring *ring, uint16_t type, uint16_t flags, struct span head, struct span body)
{
	if (head.length + body.length > ring_payload_max(ring))
		return -EMSGSIZE;
	uint32_t payload = (uint32_t)(head.length + body.length);
	uint32_t needed = record_octets(payload);
	uint32_t to_end = ring->size - (uint32_t)(ring->position & (ring->size - 1));
	uint32_t filler = to_end < needed ? to_end : 0;

	if (needed + filler > ring->size - octets_used(ring))
		return -EAGAIN;
	if (filler > 0) {
		header_store(ring, filler - HEADER, FILLER, 0);
		ring->position += filler;
	}
	header_store(ring, payload, type, flags);
	uint8_t *at = ring->data + (ring->position & (ring->size - 1)) + HEADER;
	if (head.length > 0)
		memcpy(at, head.octets, head.length);
	if (body.length > 0)
		memcpy(at + head.length, body.octets, body.length);
	ring->position += needed;
	atomic_store_explicit(&ring->shared->head, ring->position, memory_order_release);
	return 0;
}

static void take(struct ring *ring, uint32_t octets)
{
	ring->position += octets;
	atomic_store_explicit(&ring->shared->tail, ring->position, memory_order_release);
}

// The header at the position, checked against what has been written and against the end of the ring: nothing that the producer
// puts there can lead outside of the data. It is copied first, so it cannot change between check and use.
static int header_load(struct ring *ring, struct record_header *header)
{
	uint64_t head = atomic_load_explicit(&ring->shared->head, memory_order_acquire);
	uint64_t ready = head - ring->position;
	uint32_t to_end = ring->size - (uint32_t)(ring->position & (ring->size - 1));

	if (ready == 0)
		return 0;
	if (ready > ring->size || ready % ALIGNMENT != 0)
		return -EBADMSG;
	memcpy(header, ring->data + (ring->position & (ring->size - 1)), HEADER);
	if (header->length > ring->size - HEADER)
		return -EBADMSG;
	uint32_t octets = record_octets(header->length);
	if (octets > ready || octets > to_end)
		return -EBADMSG;
	return 1;
}

int ring_peek(struct ring *ring, struct record_header *header)
{
	int status = header_load(ring, header);

	if (status == 1 && header->type == FILLER) {
		take(ring, record_octets(header->length));
		status = header_load(ring, header);
		if (status == 1 && header->type == FILLER)
			return -EBADMSG; // an honest producer never writes two
	}
	if (status == 1 && header->length > ring_payload_max(ring))
		return -EBADMSG;
	return status;
}

int64_t ring_read(struct ring *ring, struct record_header *header, uint8_t *out, size_t capacity)
{
	int status = ring_peek(ring, header);

	if (status != 1)
		return status == 0 ? -EAGAIN : status;
	if (header->length > capacity)
		return -EMSGSIZE;
	uint8_t *payload = ring->data + (ring->position & (ring->size - 1)) + HEADER;
	memcpy(out, payload, header->length);
	if ((header->flags & RING_SECRET) != 0)
		explicit_bzero(payload, header->length);
	take(ring, record_octets(header->length));
	return header->length;
}

int64_t ring_peek_payload(struct ring *ring, uint8_t *out, size_t capacity)
{
	struct record_header header;
	int status = ring_peek(ring, &header);

	if (status != 1)
		return status == 0 ? -EAGAIN : status;
	size_t length = header.length < capacity ? header.length : capacity;
	memcpy(out, ring->data + (ring->position & (ring->size - 1)) + HEADER, length);
	return (int64_t)length;
}

// Sleeping is a handshake over two variables (sleeping, head), each side writing one and reading the other: sequential
// consistency is what makes it impossible that both miss.
bool ring_sleep(struct ring *ring)
{
	atomic_store_explicit(&ring->shared->sleeping, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&ring->shared->head, memory_order_seq_cst) == ring->position)
		return true;
	ring_wake(ring);
	return false;
}

void ring_wake(struct ring *ring)
{
	atomic_store_explicit(&ring->shared->sleeping, 0, memory_order_relaxed);
}

bool ring_needs_signal(struct ring *ring)
{
	atomic_thread_fence(memory_order_seq_cst); // pairs with ring_sleep(): head before sleeping
	// The exchange alone would take the line from the consumer at every record.
	return atomic_load_explicit(&ring->shared->sleeping, memory_order_relaxed) != 0
		&& atomic_exchange_explicit(&ring->shared->sleeping, 0, memory_order_seq_cst) != 0;
}
