// What control keeps of other edges' flows for a dataplane that starts anew.

#include "edge/peer_copy.h"

#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>

static struct peer_copies *copies;
static uint32_t walked[64];
static unsigned walked_count;

static void setup(void)
{
	copies = peer_copies_new(4);
}

static void teardown(void)
{
	peer_copies_free(copies);
}

static int put(uint8_t edge, uint32_t slot, uint32_t generation, enum flow_state state)
{
	const struct flow_record record = {
		.id = {.edge = edge, .slot = slot, .generation = generation},
		.state = (uint8_t)state,
		.transport = TRANSPORT_UDP,
		.peer = {.address = {192, 0, 2, 1}, .port = 5060, .family = ENDPOINT_V4},
	};

	return peer_copies_put(copies, &record);
}

static void note(void *context, struct span octets)
{
	struct flow_record record;

	cr_assert(flow_record_decode(octets, &record));
	walked[walked_count++] = record.id.slot;
}

static void walk(uint8_t edge)
{
	walked_count = 0;
	peer_copies_walk(copies, edge, note, NULL);
}

Test(peer_copy, gives_the_records_of_an_edge_in_slot_order, .init = setup, .fini = teardown)
{
	cr_assert(eq(int, put(2, 9000, 1, FLOW_LIVE), 0));
	cr_assert(eq(int, put(2, 5, 1, FLOW_LIVE), 0));
	cr_assert(eq(int, put(3, 6, 1, FLOW_LIVE), 0));
	walk(2);
	cr_assert(eq(uint, walked_count, 2));
	cr_assert(eq(u32, walked[0], 5));
	cr_assert(eq(u32, walked[1], 9000));
}

Test(peer_copy, is_complete_only_after_a_snapshot_and_without_what_it_left_out, .init = setup,
	.fini = teardown)
{
	cr_assert(eq(int, put(2, 5, 1, FLOW_LIVE), 0));
	cr_assert(not(peer_copies_are_complete(copies, 2)));
	peer_copies_mark(copies, 2);
	cr_assert(eq(int, put(2, 6, 1, FLOW_LIVE), 0));
	peer_copies_sweep(copies, 2);
	cr_assert(peer_copies_are_complete(copies, 2));
	walk(2);
	cr_assert(eq(uint, walked_count, 1));
	cr_assert(eq(u32, walked[0], 6));
}

Test(peer_copy, gives_what_an_open_snapshot_brought_until_it_ends, .init = setup, .fini = teardown)
{
	cr_assert(eq(int, put(2, 5, 1, FLOW_LIVE), 0));
	cr_assert(not(peer_copies_are_open(copies, 2)));
	peer_copies_mark(copies, 2);
	cr_assert(eq(int, put(2, 6, 1, FLOW_LIVE), 0));
	cr_assert(peer_copies_are_open(copies, 2));
	cr_assert(not(peer_copies_are_open(copies, 3)));
	walked_count = 0;
	peer_copies_walk_open(copies, 2, note, NULL);
	cr_assert(eq(uint, walked_count, 1));
	cr_assert(eq(u32, walked[0], 6));
	peer_copies_sweep(copies, 2);
	cr_assert(not(peer_copies_are_open(copies, 2)));
	walked_count = 0;
	peer_copies_walk_open(copies, 2, note, NULL);
	cr_assert(eq(uint, walked_count, 0));
}

Test(peer_copy, remembers_the_newest_generation_even_of_what_is_gone, .init = setup,
	.fini = teardown)
{
	cr_assert(eq(int, put(2, 5, 70, FLOW_LIVE), 0));
	cr_assert(eq(int, put(2, 6, 80, FLOW_GONE), 0));
	cr_assert(eq(u32, peer_copies_newest_generation(copies, 2), 80));
	peer_copies_clear(copies, 2);
	cr_assert(eq(u32, peer_copies_newest_generation(copies, 2), 80));
	cr_assert(eq(u32, peer_copies_count(copies, 2), 0));
}

Test(peer_copy, refuses_more_than_its_limit_over_all_edges, .init = setup, .fini = teardown)
{
	for (uint32_t slot = 1; slot <= 4; slot++)
		cr_assert(eq(int, put((uint8_t)(1 + slot), slot, 1, FLOW_LIVE), 0));
	cr_assert(eq(int, put(2, 9, 1, FLOW_LIVE), -ENOSPC));
	cr_assert(eq(int, put(2, 1, 2, FLOW_LIVE), 0)); // a change of what is there
	cr_assert(eq(int, put(2, 1, 2, FLOW_GONE), 0));
	cr_assert(eq(int, put(2, 9, 1, FLOW_LIVE), 0));
	cr_assert(eq(int, put(2, PEER_COPY_SLOTS_MAX, 1, FLOW_LIVE), -ENOSPC));
}
