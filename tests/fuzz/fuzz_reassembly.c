// fuzz_reassembly.c: what must hold of reassembly whatever pieces come. The input is a row of frames: a time step of one octet, a
// length of two, the frame.

#include "fuzz.h"
#include "io.h"
#include "reassembly.h"

enum {
	POOL = REASSEMBLY_DATAGRAMS_MAX + 1,
};

static void whole_check(const struct reassembled *whole)
{
	const struct packet *packet = whole->packet;

	CHECK(packet->octets - packet->buffer >= PACKET_HEAD_ROOM);
	CHECK(packet->buffer + packet->capacity - packet->octets - packet->length >= IO_TAIL_ROOM);
	CHECK(packet->peer.family == whole->destination.family);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct reassembled whole;
	struct pool pool;
	struct frame frame;
	uint64_t refused = 0;
	uint64_t now_ms = 0;

	CHECK(pool_init(&pool, POOL_LARGE, POOL) == 0);
	struct reassembly *reassembly = reassembly_new(&pool);

	CHECK(reassembly != NULL);
	while (length >= 3) {
		size_t piece = (size_t)octets[1] << 8 | octets[2];

		now_ms += octets[0] * 16;
		octets += 3;
		length -= 3;
		if (piece > length)
			piece = length;
		if (frame_read(octets, piece, 0, &frame) == FRAME_FRAGMENT
			&& reassembly_add(reassembly, 0, octets, &frame, now_ms, &whole, &refused)
				== REASSEMBLY_WHOLE) {
			whole_check(&whole);
			pool_give(&pool, whole.packet);
		}
		CHECK(pool.free_count > 0);
		octets += piece;
		length -= piece;
	}
	reassembly_free(reassembly);
	CHECK(pool.free_count == POOL);
	pool_fini(&pool);
	return 0;
}
