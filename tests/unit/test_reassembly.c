// test_reassembly.c: pieces become datagrams, whatever their order; what does not fit together is refused, and memory is bounded.

#include "frame_layout.h"
#include "frame_maker.h"
#include "io.h"
#include "random.h"
#include "reassembly.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

enum { POOL = REASSEMBLY_DATAGRAMS_MAX + 4, PIECES_MAX = 300 };

static struct pool pool;
static struct reassembly *reassembly;
static struct reassembled whole;
static uint64_t refused;
static uint64_t now_ms = 1000;
static struct made_frame datagram; // not in pieces
static struct made_frame made;

static void setup(void)
{
	cr_assert(eq(int, pool_init(&pool, POOL_LARGE, POOL), 0));
	reassembly = reassembly_new(&pool);
	cr_assert(reassembly != NULL);
}

static void teardown(void)
{
	reassembly_free(reassembly);
	cr_assert(eq(uint, pool.free_count, POOL));
	pool_fini(&pool);
}

TestSuite(reassembly, .init = setup, .fini = teardown);

static unsigned waiting(void)
{
	return POOL - pool.free_count;
}

// A piece of `datagram`, of the octets behind IP's header.
static void piece_make(int family, uint32_t identification, size_t offset, size_t length, bool more)
{
	made_begin(&made, -1, family == 6 ? 0x86dd : 0x0800);
	if (family == 6) {
		made_put_v6(&made);
		made_put_v6_fragment(&made, (unsigned)offset | more);
		made_chain(&made, 17);
		made_set(&made, made.transport - 4, identification >> 16);
		made_set(&made, made.transport - 2, identification & 0xffff);
	} else {
		made_put_v4(&made, NULL, 0, 17, (unsigned)(offset / 8) | (more ? 0x2000u : 0));
		made_set(&made, made.network + 4, identification & 0xffff);
	}
	made_put(&made, datagram.octets + datagram.transport + offset, length);
	made_end(&made);
}

static enum reassembly_result made_add(void)
{
	struct frame frame;

	cr_assert(eq(int, frame_read(made.octets, made.length, 0, &frame), FRAME_FRAGMENT));
	return reassembly_add(reassembly, 0, made.octets, &frame, now_ms, &whole, &refused);
}

static enum reassembly_result piece_add(
	int family, uint32_t identification, size_t offset, size_t length, bool more)
{
	piece_make(family, identification, offset, length, more);
	return made_add();
}

static void assert_whole_is(size_t payload)
{
	const uint8_t *sent = datagram.octets + datagram.transport + 8;

	cr_assert(eq(u32, whole.packet->length, (uint32_t)payload));
	cr_assert(eq(int, memcmp(whole.packet->octets, sent, payload), 0));
	cr_assert(eq(int, whole.packet->peer.port, MADE_SOURCE_PORT));
	cr_assert(eq(int, whole.destination.port, MADE_DESTINATION_PORT));
	cr_assert(ge(long, whole.packet->octets - whole.packet->buffer, PACKET_HEAD_ROOM_MIN));
	cr_assert(ge(long,
		whole.packet->buffer + whole.packet->capacity - whole.packet->octets
			- whole.packet->length,
		IO_TAIL_ROOM));
	pool_give(&pool, whole.packet);
}

// All pieces of `datagram` in the order given by `step`, which has no divisor in common with their number.
static void assert_comes_whole(int family, size_t payload, size_t piece, unsigned step)
{
	size_t total = payload + 8;
	unsigned count = (unsigned)((total + piece - 1) / piece);

	made_plain(&datagram, family, -1, payload);
	for (unsigned i = 0; i < count; i++) {
		size_t offset = i * step % count * piece;
		bool more = offset + piece < total;

		cr_assert(eq(int, piece_add(family, 7, offset, more ? piece : total - offset, more),
			i + 1 < count ? REASSEMBLY_WAITS : REASSEMBLY_WHOLE));
	}
	assert_whole_is(payload);
	cr_assert(eq(u64, refused, 0));
}

Test(reassembly, pieces_in_any_order_become_the_datagram)
{
	for (int family = 4; family <= 6; family += 2) {
		assert_comes_whole(family, 1600, 1480, 1);
		assert_comes_whole(family, 4000, 1232, 1);
		assert_comes_whole(family, 4000, 1232, 3);
		assert_comes_whole(family, 60000, 1480, 1);
		assert_comes_whole(family, 60000, 1480, 40);
		assert_comes_whole(family, 60000, 256, 104);
	}
}

Test(reassembly, the_largest_datagrams_come_whole)
{
	assert_comes_whole(4, 65507, 1480, 44);
	assert_comes_whole(6, 65527 - 8, 1232, 53);
}

Test(reassembly, the_same_piece_once_more_is_ignored)
{
	made_plain(&datagram, 4, -1, 3000);
	for (unsigned i = 0; i < 3; i++)
		cr_assert(eq(int, piece_add(4, 7, 0, 1480, true), REASSEMBLY_WAITS));
	for (unsigned i = 0; i < 3; i++)
		cr_assert(eq(int, piece_add(4, 7, 2960, 48, false), REASSEMBLY_WAITS));
	cr_assert(eq(int, piece_add(4, 7, 1480, 1480, true), REASSEMBLY_WHOLE));
	assert_whole_is(3000);
	cr_assert(eq(u64, refused, 0));
}

Test(reassembly, a_piece_that_overlaps_ends_the_datagram_for_good)
{
	const struct {
		size_t offset, length;
		bool more;
	} overlaps[] = {{1472, 1480, true}, {0, 1488, true}, {8, 800, true}, {1472, 100, false}};

	for (int family = 4; family <= 6; family += 2)
		for (unsigned i = 0; i < 4; i++) {
			refused = 0;
			made_plain(&datagram, family, -1, 4000);
			cr_assert(eq(int, piece_add(family, i, 0, 1480, true), REASSEMBLY_WAITS));
			// Other octets than those that came.
			memset(datagram.octets + datagram.transport, 'x', 4008);
			cr_assert(eq(int,
				piece_add(family, i, overlaps[i].offset, overlaps[i].length,
					overlaps[i].more),
				REASSEMBLY_REFUSED));
			cr_assert(eq(uint, waiting(), 0));
			cr_assert(eq(
				int, piece_add(family, i, 1480, 1480, true), REASSEMBLY_REFUSED));
			cr_assert(eq(
				int, piece_add(family, i, 2960, 1048, false), REASSEMBLY_REFUSED));
			cr_assert(eq(u64, refused, 3));
			now_ms += REASSEMBLY_WAIT_MS;
		}
}

Test(reassembly, an_overlap_of_equal_octets_in_part_is_refused_too)
{
	made_plain(&datagram, 4, -1, 4000);
	cr_assert(eq(int, piece_add(4, 7, 0, 1480, true), REASSEMBLY_WAITS));
	cr_assert(eq(int, piece_add(4, 7, 800, 1480, true), REASSEMBLY_REFUSED));
}

Test(reassembly, a_datagram_has_one_end)
{
	made_plain(&datagram, 4, -1, 4000);
	cr_assert(eq(int, piece_add(4, 1, 2960, 100, false), REASSEMBLY_WAITS));
	cr_assert(eq(int, piece_add(4, 1, 1480, 300, false), REASSEMBLY_REFUSED));
	cr_assert(eq(int, piece_add(4, 2, 1480, 1480, true), REASSEMBLY_WAITS));
	cr_assert(eq(int, piece_add(4, 2, 256, 800, false), REASSEMBLY_REFUSED));
	cr_assert(eq(int, piece_add(4, 3, 1480, 100, false), REASSEMBLY_WAITS));
	cr_assert(eq(int, piece_add(4, 3, 2960, 1048, true), REASSEMBLY_REFUSED));
	cr_assert(eq(uint, waiting(), 0));
}

Test(reassembly, tiny_pieces_are_refused_unless_they_are_the_last)
{
	made_plain(&datagram, 4, -1, 4000);
	for (size_t length = 8; length < REASSEMBLY_PIECE_MIN; length += 8)
		cr_assert(eq(int, piece_add(4, 7, 0, length, true), REASSEMBLY_REFUSED));
	cr_assert(eq(uint, waiting(), 0));
	cr_assert(eq(int, piece_add(4, 7, 4000, 8, false), REASSEMBLY_WAITS));
}

Test(reassembly, a_datagram_whose_udp_does_not_hold_is_refused)
{
	for (unsigned i = 0; i < 4; i++) {
		made_plain(&datagram, 6, -1, 2000);
		uint8_t *udp = datagram.octets + datagram.transport;

		if (i == 0)
			udp[1000] ^= 1;
		if (i == 1)
			made_set(&datagram, datagram.transport + 4, 2009);
		if (i == 2)
			made_set(&datagram, datagram.transport + 4, 7);
		if (i == 3)
			made_set(&datagram, datagram.transport + 6, 0);
		cr_assert(eq(int, piece_add(6, i, 0, 1480, true), REASSEMBLY_WAITS));
		cr_assert(eq(int, piece_add(6, i, 1480, 528, false), REASSEMBLY_REFUSED));
		cr_assert(eq(uint, waiting(), 0));
	}
}

Test(reassembly, no_checksum_is_good_over_ipv4)
{
	made_plain(&datagram, 4, -1, 2000);
	made_set(&datagram, datagram.transport + 6, 0);
	cr_assert(eq(int, piece_add(4, 7, 0, 1480, true), REASSEMBLY_WAITS));
	cr_assert(eq(int, piece_add(4, 7, 1480, 528, false), REASSEMBLY_WHOLE));
	assert_whole_is(2000);
}

Test(reassembly, what_waits_too_long_is_given_up)
{
	made_plain(&datagram, 4, -1, 2000);
	cr_assert(eq(int, piece_add(4, 7, 0, 1480, true), REASSEMBLY_WAITS));
	now_ms += REASSEMBLY_WAIT_MS - 1;
	cr_assert(eq(uint, reassembly_expire(reassembly, now_ms), 0));
	now_ms++;
	cr_assert(eq(uint, reassembly_expire(reassembly, now_ms), 1));
	cr_assert(eq(uint, waiting(), 0));
	// Its other half alone is not enough.
	cr_assert(eq(int, piece_add(4, 7, 1480, 528, false), REASSEMBLY_WAITS));
	now_ms += REASSEMBLY_WAIT_MS;
	cr_assert(eq(int, piece_add(4, 8, 0, 1480, true), REASSEMBLY_WAITS));
	cr_assert(eq(u64, refused, 1));
	cr_assert(eq(uint, waiting(), 1));
}

Test(reassembly, one_source_has_its_share_and_no_more)
{
	made_plain(&datagram, 4, -1, 2000);
	for (uint32_t i = 0; i < 1000; i++) {
		now_ms += i % 2;
		cr_assert(eq(int, piece_add(4, i, 0, 1480, true), REASSEMBLY_WAITS));
		cr_assert(le(uint, waiting(), REASSEMBLY_SOURCE_MAX));
	}
	cr_assert(eq(u64, refused, 1000 - REASSEMBLY_SOURCE_MAX));
	// The youngest are those that may still become whole.
	cr_assert(eq(int, piece_add(4, 999, 1480, 528, false), REASSEMBLY_WHOLE));
	assert_whole_is(2000);
}

static enum reassembly_result piece_add_from(
	unsigned source, size_t offset, size_t length, bool more)
{
	piece_make(4, 7, offset, length, more);
	made_set(&made, made.network + 12, 0x0a00 | source >> 16);
	made_set(&made, made.network + 14, source & 0xffff);
	made_sum_v4(&made);
	return made_add();
}

Test(reassembly, a_flood_of_sources_takes_a_bounded_room_and_shuts_nobody_out)
{
	made_plain(&datagram, 4, -1, 2000);
	// Checksums are of other sources.
	made_set(&datagram, datagram.transport + 6, 0);
	for (unsigned i = 1; i < 5000; i++) {
		now_ms += i % 8 == 0;
		cr_assert(eq(int, piece_add_from(i, 0, 1480, true), REASSEMBLY_WAITS));
		cr_assert(le(uint, waiting(), REASSEMBLY_DATAGRAMS_MAX));
	}
	cr_assert(eq(int, piece_add_from(6000, 0, 1480, true), REASSEMBLY_WAITS));
	cr_assert(eq(int, piece_add_from(6000, 1480, 528, false), REASSEMBLY_WHOLE));
	assert_whole_is(2000);
}

Test(reassembly, without_a_packet_a_piece_is_refused)
{
	struct packet *taken[POOL];

	for (unsigned i = 0; i < POOL; i++)
		taken[i] = pool_take(&pool);
	made_plain(&datagram, 4, -1, 2000);
	cr_assert(eq(int, piece_add(4, 7, 0, 1480, true), REASSEMBLY_REFUSED));
	for (unsigned i = 0; i < POOL; i++)
		pool_give(&pool, taken[i]);
	cr_assert(eq(int, piece_add(4, 8, 0, 1480, true), REASSEMBLY_WAITS));
}

Test(reassembly, pieces_of_several_devices_are_not_one_datagram)
{
	struct frame frame;

	made_plain(&datagram, 4, -1, 2000);
	cr_assert(eq(int, piece_add(4, 7, 0, 1480, true), REASSEMBLY_WAITS));
	piece_make(4, 7, 1480, 528, false);
	cr_assert(eq(int, frame_read(made.octets, made.length, 0, &frame), FRAME_FRAGMENT));
	cr_assert(eq(int,
		reassembly_add(reassembly, 1, made.octets, &frame, now_ms, &whole, &refused),
		REASSEMBLY_WAITS));
	cr_assert(eq(uint, waiting(), 2));
}

Test(reassembly, random_pieces_never_break_a_bound)
{
	struct random random = {0x5eed};

	made_plain(&datagram, 4, -1, 60000);
	for (unsigned i = 0; i < 200000; i++) {
		size_t offset = random_below(&random, 7500) * 8;
		size_t length = random_below(&random, 185) * 8;
		bool more = random_below(&random, 8) != 0;

		now_ms += random_below(&random, 3) == 0;
		if (length == 0 || offset + length > 60008 || (offset == 0 && !more))
			continue;
		piece_make(random_below(&random, 2) ? 4 : 6, (uint32_t)random_below(&random, 300),
			offset, length, more);
		if (made_add() == REASSEMBLY_WHOLE)
			pool_give(&pool, whole.packet);
		cr_assert(le(uint, waiting(), 2 * REASSEMBLY_SOURCE_MAX));
	}
}
