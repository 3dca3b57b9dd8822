// Flows of other edges, found by where their messages come from.

#include "flows.h"

#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct flow_table *table;
static const struct endpoint phone = {
	.address = {198, 51, 100, 7}, .port = 40000, .family = ENDPOINT_V4};

static void setup(void)
{
	const struct flow_limits limits = {.own_flows = 8, .peer_flows = 64, .rows = 64};

	urcu_qsbr_register_thread();
	table = flow_table_new(1, &limits);
	cr_assert(ne(ptr, table, NULL));
}

static void teardown(void)
{
	flow_table_free(table);
	urcu_qsbr_unregister_thread();
}

TestSuite(flow_sources, .init = setup, .fini = teardown);

static void put(struct flow_id id, uint8_t listener, enum flow_state state)
{
	const struct flow_record record = {.id = id,
		.state = (uint8_t)state,
		.listener = listener,
		.transport = TRANSPORT_UDP,
		.peer = phone};

	cr_assert(eq(int, flow_table_put(table, &record, 1000), 0));
	flow_table_reclaim(table);
}

// The slot of the flow of an edge's listener from there; 0: none.
static unsigned find(uint8_t edge, uint8_t listener)
{
	const struct flow *flow = flow_find_peer_source(table, edge, listener, &phone);

	cr_assert(flow == NULL || flow->id.edge == edge);
	return flow == NULL ? 0 : flow->id.slot;
}

Test(flow_sources, only_of_listeners_that_somebody_asked_for)
{
	put((struct flow_id){2, 5, 1}, 1, FLOW_LIVE);
	cr_assert(eq(uint, find(2, 1), 0));
	cr_assert(eq(int, flow_table_index_sources(table, 2, 1), 0));
	cr_assert(eq(uint, find(2, 1), 5));
	put((struct flow_id){2, 6, 1}, 9, FLOW_LIVE);
	cr_assert(eq(uint, find(2, 9), 0));
	cr_assert(eq(int, flow_table_index_sources(table, 2, 9), 0));
	cr_assert(eq(uint, find(2, 9), 6));
}

Test(flow_sources, before_and_after_the_flows_come)
{
	cr_assert(eq(int, flow_table_index_sources(table, 2, 1), 0));
	cr_assert(eq(int, flow_table_index_sources(table, 2, 1), 0));
	cr_assert(eq(uint, find(2, 1), 0));
	put((struct flow_id){2, 5, 1}, 1, FLOW_LIVE);
	cr_assert(eq(uint, find(2, 1), 5));
}

Test(flow_sources, of_several_edges_each_its_own)
{
	cr_assert(eq(int, flow_table_index_sources(table, 2, 1), 0));
	cr_assert(eq(int, flow_table_index_sources(table, 3, 1), 0));
	put((struct flow_id){2, 5, 1}, 1, FLOW_LIVE);
	cr_assert(eq(uint, find(3, 1), 0));
	put((struct flow_id){3, 7, 1}, 1, FLOW_LIVE);
	cr_assert(eq(uint, find(2, 1), 5));
	cr_assert(eq(uint, find(3, 1), 7));
	put((struct flow_id){2, 5, 1}, 1, FLOW_GONE);
	cr_assert(eq(uint, find(2, 1), 0));
	cr_assert(eq(uint, find(3, 1), 7));
}

Test(flow_sources, a_slot_that_is_used_again_is_found_by_what_it_is_now)
{
	cr_assert(eq(int, flow_table_index_sources(table, 2, 1), 0));
	for (uint32_t generation = 1; generation < 20; generation++) {
		put((struct flow_id){2, 5, generation}, 1, FLOW_LIVE);
		const struct flow *flow = flow_find_peer_source(table, 2, 1, &phone);

		cr_assert(ne(ptr, (void *)flow, NULL));
		cr_assert(eq(u32, flow->id.generation, generation));
	}
	flow_table_mark(table, 2);
	flow_table_sweep(table, 2, 2000);
	cr_assert(eq(uint, find(2, 1), 0));
}

Test(flow_sources, our_own_are_not_among_them)
{
	put((struct flow_id){1, 3, 1}, 1, FLOW_LIVE);
	cr_assert(eq(int, flow_table_index_sources(table, 1, 1), 0));
	cr_assert(eq(uint, find(1, 1), 0));
	cr_assert(eq(uint, flow_find_source(table, 1, &phone)->id.slot, 3));
}

Test(flow_sources, another_edges_flow_has_not_been_heard_here_until_it_is)
{
	put((struct flow_id){2, 5, 1}, 1, FLOW_LIVE);
	const struct flow *flow = flow_find(table, (struct flow_id){2, 5, 1});

	cr_assert(eq(u32, flow_silent_s(flow, 5000), FLOW_NEVER_HEARD));
	flow_hear(flow, false, 5000);
	cr_assert(eq(u32, flow_silent_s(flow, 5000), 0));
	cr_assert(eq(u32, flow_silent_s(flow, 12000), 7));
}
