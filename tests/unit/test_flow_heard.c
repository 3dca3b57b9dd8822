// Own flows whose peers fall silent and are heard again. One thread plays worker and keeper.

#include "../../dataplane/table/flows.h"

#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum {
	OWN = 1,
	SLOT = 3,
	LIMIT_S = 38,
};

static struct flow_table *table;
static uint64_t now_ms = 5000000;
static struct flow_record record;
static struct flow_life life;

static void setup(void)
{
	const struct flow_limits limits = {.own_flows = 8, .peer_flows = 4, .rows = 16};

	urcu_qsbr_register_thread();
	table = flow_table_new(OWN, &limits);
	cr_assert(ne(ptr, table, NULL));
	record = (struct flow_record){
		.id = {.edge = OWN, .slot = SLOT, .generation = 1000},
		.state = FLOW_LIVE,
		.listener = 1,
		.transport = TRANSPORT_UDP,
		.flags = FLOW_KEEPALIVE_SHOWN,
		.peer = {.address = {203, 0, 113, 1}, .port = 1000, .family = ENDPOINT_V4},
	};
}

static void teardown(void)
{
	flow_table_free(table);
	urcu_qsbr_unregister_thread();
}

TestSuite(flow_heard, .init = setup, .fini = teardown);

static void put(void)
{
	cr_assert(eq(int, flow_table_put(table, &record, now_ms), 0));
}

static bool judge(void)
{
	return flow_table_judge(table, SLOT, LIMIT_S, now_ms, &life);
}

static void pass_s(uint32_t seconds)
{
	now_ms += seconds * UINT64_C(1000);
}

static void hear(bool keepalive)
{
	flow_hear(flow_find(table, record.id), keepalive, now_ms);
}

static enum flow_state state(void)
{
	return flow_check(table, record.id);
}

Test(flow_heard, a_peer_that_has_shown_keep_alives_is_missed_after_the_limit_and_once)
{
	put();
	pass_s(LIMIT_S);
	cr_assert(not(judge()));
	cr_assert(eq(int, state(), FLOW_LIVE));
	pass_s(1);
	cr_assert(judge());
	cr_assert(life.silent);
	cr_assert(flow_id_equal(life.id, record.id));
	cr_assert(eq(int, state(), FLOW_DOUBTFUL));
	cr_assert(judge()); // until control has been told
	flow_table_mark_told(table, &life);
	cr_assert(not(judge()));
}

Test(flow_heard, whoever_is_heard_in_time_is_not_missed)
{
	put();
	for (unsigned i = 0; i < 100; i++) {
		pass_s(LIMIT_S);
		hear(false);
		pass_s(LIMIT_S - 10);
		cr_assert(not(judge()));
	}
	cr_assert(eq(int, state(), FLOW_LIVE));
}

Test(flow_heard, the_coarse_second_wraps_and_nobody_is_missed_for_it)
{
	put();
	for (uint32_t passed = 0; passed < 3 * UINT16_MAX; passed += 30) {
		pass_s(30);
		hear(false);
		cr_assert(not(judge()));
		pass_s(1);
		cr_assert(not(judge()));
	}
}

Test(flow_heard, silence_of_who_never_showed_keep_alives_means_nothing)
{
	record.flags = 0;
	put();
	pass_s(10 * LIMIT_S);
	cr_assert(not(judge()));
	cr_assert(eq(int, state(), FLOW_LIVE));
}

Test(flow_heard, streams_and_empty_slots_are_not_judged)
{
	cr_assert(not(judge()));
	record.transport = TRANSPORT_TCP;
	put();
	pass_s(10 * LIMIT_S);
	cr_assert(not(judge()));
}

Test(flow_heard, a_peer_that_is_heard_again_is_news_and_live_even_without_control)
{
	put();
	pass_s(LIMIT_S + 1);
	cr_assert(judge());
	flow_table_mark_told(table, &life);
	hear(false);
	cr_assert(judge());
	cr_assert(not(life.silent));
	cr_assert(eq(int, state(), FLOW_LIVE));
	flow_table_mark_told(table, &life);
	cr_assert(not(judge()));
}

Test(flow_heard, what_control_said_in_between_stays)
{
	put();
	pass_s(LIMIT_S + 1);
	cr_assert(judge());
	flow_table_mark_told(table, &life);
	record.state = FLOW_DOUBTFUL; // for this silence or another reason
	put();
	hear(false);
	cr_assert(judge());
	cr_assert(eq(int, state(), FLOW_DOUBTFUL));
}

Test(flow_heard, a_record_that_calls_a_silent_flow_live_does_not_last)
{
	put();
	pass_s(LIMIT_S + 1);
	cr_assert(judge());
	flow_table_mark_told(table, &life);
	put();
	cr_assert(eq(int, state(), FLOW_LIVE));
	cr_assert(not(judge()));
	cr_assert(eq(int, state(), FLOW_DOUBTFUL));
}

Test(flow_heard, another_control_is_told_anew)
{
	put();
	pass_s(LIMIT_S + 1);
	cr_assert(judge());
	flow_table_mark_told(table, &life);
	flow_table_forget_told(table);
	cr_assert(judge());
	cr_assert(life.silent);
}

Test(flow_heard, the_first_keep_alive_is_news_until_the_record_says_so)
{
	record.flags = 0;
	put();
	hear(false);
	cr_assert(not(judge()));
	hear(true);
	cr_assert(judge());
	cr_assert(life.keepalive);
	flow_table_mark_told(table, &life);
	cr_assert(judge());
	record.flags = FLOW_KEEPALIVE_SHOWN;
	put();
	cr_assert(not(judge()));
}

Test(flow_heard, another_generation_begins_as_heard)
{
	put();
	hear(true);
	pass_s(LIMIT_S + 1);
	cr_assert(judge());
	flow_table_mark_told(table, &life);
	record.id.generation++;
	record.flags = 0;
	put();
	cr_assert(not(judge()));
	cr_assert(eq(int, state(), FLOW_LIVE));
}
