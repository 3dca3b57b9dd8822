// The flow table: generations, rows, indexes, sweeps and limits. One thread plays the keeper and the reader.

#include "../../dataplane/table/flows.h"

#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>

enum {
	OWN = 1,
	PEER = 2,
	NOW_S = 1000,
};

static struct flow_table *table;

static void setup(void)
{
	const struct flow_limits limits = {.own_flows = 8, .peer_flows = 4, .rows = 16};

	urcu_qsbr_register_thread();
	table = flow_table_new(OWN, &limits);
	cr_assert(ne(ptr, table, NULL));
}

static void teardown(void)
{
	flow_table_free(table);
	urcu_qsbr_unregister_thread();
}

static struct flow_record record_of(uint8_t edge, uint32_t slot, uint32_t generation)
{
	return (struct flow_record){
		.id = {.edge = edge, .slot = slot, .generation = generation},
		.state = FLOW_LIVE,
		.listener = 1,
		.transport = TRANSPORT_UDP,
		.peer = {.address = {203, 0, 113, 1},
			.port = (uint16_t)(1000 + slot),
			.family = ENDPOINT_V4},
	};
}

static void add_row(struct flow_record *record, uint64_t uak, uint64_t contact)
{
	record->rows[record->row_count++] =
		(struct row){.uak = uak, .contact = contact, .expires_at_s = NOW_S + 100};
}

static int put(const struct flow_record *record)
{
	return flow_table_put(table, record, 5000);
}

static unsigned count_uak(uint64_t uak)
{
	struct flow_walk walk;
	unsigned count = 0;

	for (const struct flow_row *row = flow_rows_by_uak(table, uak, &walk); row != NULL;
		row = flow_rows_next(&walk))
		count++;
	return count;
}

static unsigned count_contact(uint64_t contact)
{
	struct flow_walk walk;
	unsigned count = 0;

	for (const struct flow_row *row = flow_rows_by_contact(table, contact, &walk); row != NULL;
		row = flow_rows_next(&walk))
		count++;
	return count;
}

Test(flows, finds_a_flow_only_by_its_own_generation, .init = setup, .fini = teardown)
{
	struct flow_record record = record_of(OWN, 3, 70);
	struct flow_id id = record.id;

	cr_assert(eq(int, flow_check(table, id), FLOW_GONE));
	cr_assert(eq(int, put(&record), 0));
	cr_assert(eq(int, flow_check(table, id), FLOW_LIVE));
	cr_assert(eq(int, flow_find(table, id)->peer.port, 1003));
	id.generation = 69;
	cr_assert(eq(int, flow_check(table, id), FLOW_GONE));
	cr_assert(eq(ptr, (void *)flow_find(table, id), NULL));
}

Test(flows, knows_as_gone_only_what_a_record_has_said, .init = setup, .fini = teardown)
{
	struct flow_record record = record_of(PEER, 3, 70);
	struct flow_id older = {.edge = PEER, .slot = 3, .generation = 60};
	struct flow_id newer = {.edge = PEER, .slot = 3, .generation = 80};

	cr_assert(not(flow_is_known_gone(table, record.id)));
	cr_assert(eq(int, put(&record), 0));
	cr_assert(not(flow_is_known_gone(table, record.id)));
	cr_assert(flow_is_known_gone(table, older));
	cr_assert(
		not(flow_is_known_gone(table, newer))); // my copy is behind: the owner may have it
	record.state = FLOW_GONE;
	cr_assert(eq(int, put(&record), 0));
	cr_assert(flow_is_known_gone(table, record.id));
}

Test(flows, finds_own_flows_by_their_source, .init = setup, .fini = teardown)
{
	struct flow_record own = record_of(OWN, 3, 70);
	struct flow_record foreign = record_of(PEER, 4, 70);

	cr_assert(eq(int, put(&own), 0));
	cr_assert(eq(int, put(&foreign), 0));
	cr_assert(eq(u32, flow_find_source(table, 1, &own.peer)->id.slot, 3));
	cr_assert(eq(ptr, (void *)flow_find_source(table, 2, &own.peer), NULL));
	cr_assert(eq(ptr, (void *)flow_find_source(table, 1, &foreign.peer), NULL));
	own.state = FLOW_GONE;
	cr_assert(eq(int, put(&own), 0));
	cr_assert(eq(ptr, (void *)flow_find_source(table, 1, &own.peer), NULL));
}

Test(flows, walks_all_rows_of_a_user_agent_over_all_edges, .init = setup, .fini = teardown)
{
	struct flow_record here = record_of(OWN, 1, 70);
	struct flow_record there = record_of(PEER, 2, 71);

	add_row(&here, 500, 600);
	add_row(&here, 501, 600);
	add_row(&there, 500, 601);
	cr_assert(eq(int, put(&here), 0));
	cr_assert(eq(int, put(&there), 0));
	cr_assert(eq(uint, count_uak(500), 2));
	cr_assert(eq(uint, count_uak(501), 1));
	cr_assert(eq(uint, count_contact(600), 2));
	cr_assert(eq(uint, count_uak(999), 0));
}

Test(flows, keeps_the_rows_that_a_new_record_still_holds, .init = setup, .fini = teardown)
{
	struct flow_record record = record_of(OWN, 1, 70);
	struct flow_walk walk;

	add_row(&record, 500, 600);
	add_row(&record, 501, 600);
	cr_assert(eq(int, put(&record), 0));
	const struct flow_row *kept = flow_rows_by_uak(table, 500, &walk);
	record.row_count = 1;
	record.rows[0].superseded = true;
	add_row(&record, 502, 602);
	cr_assert(eq(int, put(&record), 0));
	cr_assert(eq(ptr, (void *)flow_rows_by_uak(table, 500, &walk), (void *)kept));
	cr_assert(kept->row.superseded);
	cr_assert(eq(uint, count_uak(501), 0));
	cr_assert(eq(uint, count_uak(502), 1));
}

Test(flows, holds_a_user_agent_only_by_a_row_that_is_current, .init = setup, .fini = teardown)
{
	struct flow_record record = record_of(OWN, 1, 70);

	add_row(&record, 500, 600);
	cr_assert(eq(int, put(&record), 0));
	const struct flow *flow = flow_find(table, record.id);
	cr_assert(flow_holds_uak(flow, 500, NOW_S));
	cr_assert(not(flow_holds_uak(flow, 500, NOW_S + 100)));
	cr_assert(not(flow_holds_uak(flow, 501, NOW_S)));
	record.rows[0].superseded = true;
	cr_assert(eq(int, put(&record), 0));
	cr_assert(not(flow_holds_uak(flow, 500, NOW_S)));
}

Test(flows, gives_a_slot_to_another_generation_with_all_new_rows, .init = setup, .fini = teardown)
{
	struct flow_record first = record_of(OWN, 1, 70);
	struct flow_record second = record_of(OWN, 1, 71);

	add_row(&first, 500, 600);
	second.peer.port = 9;
	add_row(&second, 501, 601);
	cr_assert(eq(int, put(&first), 0));
	cr_assert(eq(int, put(&second), 0));
	cr_assert(eq(int, flow_check(table, first.id), FLOW_GONE));
	cr_assert(eq(int, flow_check(table, second.id), FLOW_LIVE));
	cr_assert(eq(uint, count_uak(500), 0));
	cr_assert(eq(ptr, (void *)flow_find_source(table, 1, &first.peer), NULL));
	cr_assert(ne(ptr, (void *)flow_find_source(table, 1, &second.peer), NULL));
}

Test(flows, refuses_a_flow_that_changes_its_address_without_a_new_generation, .init = setup,
	.fini = teardown)
{
	struct flow_record record = record_of(OWN, 1, 70);

	cr_assert(eq(int, put(&record), 0));
	record.peer.port = 9;
	cr_assert(eq(int, put(&record), -EINVAL));
	cr_assert(eq(int, flow_find(table, record.id)->peer.port, 1001));
}

Test(flows, lets_no_late_record_bring_an_older_generation_back, .init = setup, .fini = teardown)
{
	struct flow_record old = record_of(OWN, 1, 70);
	struct flow_record present = record_of(OWN, 1, 71);

	cr_assert(eq(int, put(&old), 0));
	cr_assert(eq(int, put(&present), 0));
	cr_assert(eq(int, put(&old), -EINVAL));
	cr_assert(eq(int, flow_check(table, present.id), FLOW_LIVE));
	old.state = FLOW_GONE;
	cr_assert(eq(int, put(&old), -EINVAL));
	cr_assert(eq(int, flow_check(table, present.id), FLOW_LIVE));
	present.state = FLOW_GONE;
	cr_assert(eq(int, put(&present), 0));
	old.state = FLOW_LIVE;
	cr_assert(eq(int, put(&old), -EINVAL));
	cr_assert(eq(int, flow_check(table, old.id), FLOW_GONE));
	present.state = FLOW_LIVE;
	cr_assert(eq(int, put(&present), 0)); // a flow that was restored
	cr_assert(eq(int, flow_check(table, present.id), FLOW_LIVE));
}

Test(flows, ends_an_older_generation_even_without_room_for_the_newer, .init = setup,
	.fini = teardown)
{
	struct flow_record old = record_of(OWN, 1, 70);
	struct flow_record crowd = record_of(OWN, 2, 70);
	struct flow_record newer = record_of(OWN, 1, 71);

	for (unsigned i = 0; i < 15; i++)
		add_row(&crowd, 10 + i, 1);
	add_row(&newer, 500, 600);
	add_row(&newer, 501, 600);
	cr_assert(eq(int, put(&old), 0));
	cr_assert(eq(int, put(&crowd), 0));
	cr_assert(eq(int, put(&newer), -ENOSPC));
	cr_assert(eq(int, flow_check(table, old.id), FLOW_GONE));
	cr_assert(flow_is_known_gone(table, old.id));
	cr_assert(not(flow_is_known_gone(table, newer.id)));
	cr_assert(eq(uint, count_uak(500), 0));
	newer.row_count = 1;
	cr_assert(eq(int, put(&newer), 0));
	cr_assert(eq(uint, count_uak(500), 1));
}

Test(flows, sweeps_what_a_snapshot_did_not_name, .init = setup, .fini = teardown)
{
	struct flow_record first = record_of(PEER, 1, 70);
	struct flow_record second = record_of(PEER, 2, 70);
	struct flow_record own = record_of(OWN, 1, 70);

	cr_assert(eq(int, put(&first), 0));
	cr_assert(eq(int, put(&second), 0));
	cr_assert(eq(int, put(&own), 0));
	flow_table_mark(table, PEER);
	cr_assert(eq(int, put(&second), 0));
	flow_table_sweep(table, PEER, 6000);
	cr_assert(eq(int, flow_check(table, first.id), FLOW_GONE));
	cr_assert(eq(int, flow_check(table, second.id), FLOW_LIVE));
	cr_assert(eq(int, flow_check(table, own.id), FLOW_LIVE));
}

Test(flows, refuses_more_than_its_limits_and_evicts_nothing, .init = setup, .fini = teardown)
{
	struct flow_usage usage;

	for (uint32_t slot = 1; slot <= 4; slot++) {
		struct flow_record record = record_of(PEER, slot, 70);
		for (unsigned i = 0; i < 4; i++)
			add_row(&record, slot * 10 + i, 1);
		cr_assert(eq(int, put(&record), 0));
	}
	struct flow_record fifth = record_of(PEER, 5, 70);
	cr_assert(eq(int, put(&fifth), -ENOSPC));
	struct flow_record own = record_of(OWN, 1, 70);
	add_row(&own, 1, 1);
	cr_assert(eq(int, put(&own), -ENOSPC)); // no rows left
	struct flow_record beyond = record_of(OWN, 9, 70);
	cr_assert(eq(int, put(&beyond), -ENOSPC));
	flow_table_count(table, &usage);
	cr_assert(eq(u32, usage.peer_flows, 4));
	cr_assert(eq(u32, usage.rows, 16));
	cr_assert(eq(u64, usage.refused, 3));
}

Test(flows, uses_rows_again_after_reclaiming_them, .init = setup, .fini = teardown)
{
	struct flow_usage usage;

	for (uint32_t generation = 1; generation <= 1000; generation++) {
		struct flow_record record = record_of(OWN, 1, generation);
		for (unsigned i = 0; i < 16; i++)
			add_row(&record, generation * 100 + i, i);
		cr_assert(eq(int, put(&record), 0));
	}
	flow_table_reclaim(table);
	flow_table_count(table, &usage);
	cr_assert(eq(u32, usage.rows, 16));
}

Test(flows, remembers_when_a_user_agent_lost_its_flow, .init = setup, .fini = teardown)
{
	struct flow_record record = record_of(PEER, 1, 70);

	add_row(&record, 500, 600);
	cr_assert(eq(int, put(&record), 0));
	cr_assert(eq(u64, flow_uak_lost_at(table, 500), 0));
	record = record_of(PEER, 1, 70);
	record.state = FLOW_GONE;
	cr_assert(eq(int, flow_table_put(table, &record, 7777), 0));
	cr_assert(eq(u64, flow_uak_lost_at(table, 500), 7777));
	cr_assert(eq(u64, flow_uak_lost_at(table, 501), 0));
}

Test(flows, turns_doubtful_what_icmp_suspects, .init = setup, .fini = teardown)
{
	struct flow_record record = record_of(OWN, 1, 70);

	cr_assert(not(flow_table_suspect(table, record.id)));
	cr_assert(eq(int, put(&record), 0));
	cr_assert(flow_table_suspect(table, record.id));
	cr_assert(eq(int, flow_check(table, record.id), FLOW_DOUBTFUL));
}

Test(flows, ends_streams_and_leaves_datagrams, .init = setup, .fini = teardown)
{
	struct flow_record udp = record_of(OWN, 1, 70);
	struct flow_record tls = record_of(OWN, 2, 70);

	tls.transport = TRANSPORT_TLS;
	cr_assert(eq(int, put(&udp), 0));
	cr_assert(eq(int, put(&tls), 0));
	flow_table_end_streams(table, 6000);
	cr_assert(eq(int, flow_check(table, udp.id), FLOW_LIVE));
	cr_assert(eq(int, flow_check(table, tls.id), FLOW_GONE));
}
