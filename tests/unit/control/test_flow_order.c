// The flow book: slots and generations, bounds, batches, and what an earlier process left.

#include "flow_fixture.h"

TestSuite(flow_order, .fini = close_book);

Test(flow_order, no_pair_of_slot_and_generation_is_given_out_twice)
{
	static uint32_t last[41];

	open_book(40, 400);
	for (unsigned round = 0; round < 500; round++) {
		struct flow_id id;

		if (reserve_as(source_of(round << 8, (uint16_t)round), round + 1, 1, true, &id)
			== FLOW_OK) {
			cr_assert(gt(u32, id.generation, last[id.slot]));
			last[id.slot] = id.generation;
		}
		pass_ms(7000);
		// A clock that steps back now and then.
		now.wall_ms -= round % 50 == 49 ? 300000 : 0;
	}
}

Test(flow_order, slots_rest_60_seconds_and_the_one_that_rested_longest_goes_first)
{
	open_book(20, 100);
	struct flow_id ids[20];
	struct flow_id id;

	for (unsigned i = 0; i < 20; i++) {
		ids[i] = enrol(source_of(i, 5060), 10 * (i + 1), 1);
		cr_assert(eq(u32, ids[i].slot, i + 1));
	}
	// Another user agent at source 4, then at source 2, cannot come in while no slot is free.
	cr_assert(eq(int, reserve_as(source_of(4, 5060), 900, 900, true, &id), FLOW_FULL));
	for (unsigned i = 0; i < 20; i++)
		flow_book_remove(book, ids[i], 10 * (i + 1), 1, now);
	pass_ms(FLOW_LINGER_MS + 2000);
	cr_assert(eq(u32, usage().resting, 20));
	cr_assert(eq(int, reserve_as(source_of(40, 1), 900, 900, true, &id), FLOW_FULL));
	pass_ms(FLOW_REST_MS);
	cr_assert(eq(u32, enrol(source_of(40, 1), 900, 1).slot, 1));
	cr_assert(eq(u32, enrol(source_of(41, 1), 910, 1).slot, 2));
}

Test(flow_order, a_full_table_refuses_new_flows_and_evicts_none)
{
	open_book(1000, 4000);
	struct flow_id id;

	for (uint32_t i = 0; i < 1000; i++)
		(void)enrol(source_of(i, 5060), 10 * (i + 1), 1);
	for (uint32_t i = 1000; i < 2000; i++)
		cr_assert(eq(int, reserve_as(source_of(i, 5060), i, i, true, &id), FLOW_FULL));
	cr_assert(eq(u32, usage().live, 1000));
	cr_assert(eq(u64, usage().refused[FLOW_FULL], 1000));
}

Test(flow_order, a_spoofed_flood_cannot_fill_the_table)
{
	open_book(1000, 4000);
	struct flow_id id;
	unsigned given = 0;

	for (uint32_t i = 0; i < 60000; i++)
		given += reserve_as(source_of(i << 8, (uint16_t)i), i + 1, 1, true, &id) == FLOW_OK;
	cr_assert(eq(u32, given, 100));
	cr_assert(eq(u32, usage().reserved, 100));
	// Phones that hold a flow go on refreshing it, and when the flood ends there is room again.
	pass_ms(FLOW_RESERVED_MS + 1000);
	cr_assert(eq(u32, usage().reserved, 0));
	(void)enrol(source_of(7, 5060), 100, 1);
}

Test(flow_order, one_network_cannot_take_the_whole_reserved_share)
{
	open_book(1000, 4000);
	struct flow_id id;
	unsigned given = 0;

	for (uint16_t port = 1; port <= 200; port++)
		given += reserve_as(source_of(7, port), port, port, true, &id) == FLOW_OK;
	cr_assert(eq(u32, given, RESERVED_PER_NETWORK));
	cr_assert(eq(u64, usage().refused[FLOW_PREFIX_FULL], 200 - RESERVED_PER_NETWORK));
	(void)reserve(source_of(7 << 8, 5060), 5000);
}

static unsigned reserve_many(uint32_t number, uint16_t from, uint16_t to)
{
	struct flow_id id;
	unsigned given = 0;

	for (uint16_t port = from; port <= to; port++)
		given += reserve_as(source_of(number, port), port, port, true, &id) == FLOW_OK;
	return given;
}

Test(flow_order, bounds_that_change_hold_for_what_comes_next)
{
	open_book(1000, 4000);
	struct flow_bounds bounds = {.reserved_percent = 5, .reserved_per_network = 40};

	cr_assert(eq(u32, reserve_many(7, 1, 100), RESERVED_PER_NETWORK));
	flow_book_set_bounds(book, &bounds);
	cr_assert(eq(u32, reserve_many(7, 101, 200), 40 - RESERVED_PER_NETWORK));
	cr_assert(eq(u32, reserve_many(7 << 8, 1, 100), 50 - 40));
	cr_assert(eq(u32, usage().reserved, 50));
	bounds.reserved_percent = 6;
	flow_book_set_bounds(book, &bounds);
	cr_assert(eq(u32, reserve_many(7 << 8, 201, 300), 10));
}

Test(flow_order, no_slot_is_given_out_while_the_clock_is_behind_what_any_copy_knows)
{
	open_book(10, 100);
	struct flow_id id;

	flow_book_note_generation(book, START_S + 100);
	cr_assert(eq(int, reserve_as(source_of(7, 5060), 1, 1, true, &id), FLOW_CLOCK_BEHIND));
	pass_ms(99000);
	cr_assert(eq(int, reserve_as(source_of(7, 5060), 1, 1, true, &id), FLOW_CLOCK_BEHIND));
	pass_ms(1000);
	cr_assert(eq(int, reserve_as(source_of(7, 5060), 1, 1, true, &id), FLOW_OK));
	cr_assert(eq(u32, id.generation, START_S + 101));
}

struct told {
	unsigned count;
	struct flow_id id[8];
	uint8_t state[8];
};

static void tell(void *context, const struct flow_record *record)
{
	struct told *told = context;

	cr_assert(lt(u32, told->count, 8));
	told->id[told->count] = record->id;
	told->state[told->count++] = record->state;
}

Test(flow_order, changes_come_in_order_each_flow_once_as_it_is_now)
{
	open_book(10, 100);
	struct told told = {0};
	struct flow_id before = enrol(source_of(7, 5060), 100, 1);

	(void)commit(before, 200, 1);
	flow_book_walk_changes(book, tell, &told);
	cr_assert(eq(u32, told.count, 1));
	flow_book_clear_changes(book);
	cr_assert(not(flow_book_has_changes(book)));

	// The source changes hands: its old flow must be gone before the new one takes the source.
	struct flow_id after = enrol(source_of(7, 5060), 900, 1);
	told = (struct told){0};
	flow_book_walk_changes(book, tell, &told);
	cr_assert(eq(u32, told.count, 2));
	cr_assert(flow_id_equal(told.id[0], before));
	cr_assert(eq(int, told.state[0], FLOW_GONE));
	cr_assert(flow_id_equal(told.id[1], after));
	cr_assert(eq(int, told.state[1], FLOW_LIVE));
}

static struct flow_record stored_record(uint32_t slot, uint32_t expires_at_s)
{
	return (struct flow_record){
		.id = {EDGE, slot, START_S - 1000},
		.state = FLOW_LIVE,
		.listener = 1,
		.transport = TRANSPORT_UDP,
		.row_count = 1,
		.peer = source_of(slot, 5060).peer,
		.rows = {{.uak = 100 + slot,
			.aor = 1,
			.contact = 1,
			.reg_id = 1,
			.committed_at_ms = START_S * 1000ull - 500,
			.expires_at_s = expires_at_s}},
	};
}

Test(flow_order, a_short_outage_restores_flows_live_a_long_one_doubtful_until_the_next_2xx)
{
	open_book(20, 100);
	struct flow_record near = stored_record(3, START_S + 500);
	struct flow_record far = stored_record(4, START_S + 500);

	flow_book_restore(book, &near, FLOW_OUTAGE_MS, now);
	flow_book_restore(book, &far, FLOW_OUTAGE_MS + 1, now);
	cr_assert(eq(int, state_of(near.id), FLOW_LIVE));
	cr_assert(eq(int, state_of(far.id), FLOW_DOUBTFUL));
	cr_assert(flow_id_equal(far.id, reserve(source_of(4, 5060), 104)));
	cr_assert(eq(int, commit(far.id, 104, 1), FLOW_OK));
	cr_assert(eq(int, state_of(far.id), FLOW_LIVE));
	// The slots below are free, those restored are not given out again.
	for (uint32_t slot = 1; slot <= 5; slot += slot == 2 ? 3 : 1)
		cr_assert(eq(u32, enrol(source_of(50 + slot, 1), 10 * slot, 1).slot, slot));
}

Test(flow_order, another_user_agent_on_the_source_of_a_restored_flow_ends_it)
{
	open_book(100, 100);
	struct flow_record stored = stored_record(3, START_S + 500);

	flow_book_restore(book, &stored, 0, now);
	struct flow_id id = enrol(source_of(3, 5060), 900, 1);
	cr_assert(not(flow_id_equal(id, stored.id)));
	cr_assert(eq(int, state_of(stored.id), FLOW_GONE));
}

Test(flow_order, what_cannot_be_ours_or_is_over_is_not_restored)
{
	open_book(10, 100);
	struct flow_record expired = stored_record(1, START_S - 1);
	struct flow_record foreign = stored_record(2, START_S + 500);
	struct flow_record stream = stored_record(3, START_S + 500);
	struct flow_record beyond = stored_record(11, START_S + 500);
	struct flow_record zero = stored_record(0, START_S + 500);
	struct flow_record twice = stored_record(4, START_S + 500);
	struct told told = {0};

	foreign.id.edge = 2;
	stream.transport = TRANSPORT_TLS;
	flow_book_restore(book, &expired, 0, now);
	flow_book_restore(book, &foreign, 0, now);
	flow_book_restore(book, &stream, 0, now);
	flow_book_restore(book, &beyond, 0, now);
	flow_book_restore(book, &zero, 0, now);
	flow_book_restore(book, &twice, 0, now);
	twice.id.generation++;
	flow_book_restore(book, &twice, 0, now);
	cr_assert(eq(u32, usage().held, 1));
	cr_assert(eq(u32, usage().rows, 1));
	// The store is told that the expired one is gone.
	flow_book_walk_changes(book, tell, &told);
	cr_assert(eq(u32, told.id[0].slot, 1));
	cr_assert(eq(int, told.state[0], FLOW_GONE));
}

Test(flow_order, a_restored_slots_next_generation_is_greater_even_if_the_clock_is_not)
{
	open_book(1, 10);
	struct flow_record stored = stored_record(1, START_S + 5);
	struct flow_id id;

	stored.id.generation = START_S + 70;
	flow_book_restore(book, &stored, 0, now);
	pass_ms(6000);
	cr_assert(eq(u32, usage().resting, 1));
	pass_ms(FLOW_REST_MS + 2000);
	cr_assert(eq(int, reserve_as(source_of(7, 5060), 1, 1, true, &id), FLOW_CLOCK_BEHIND));
	pass_ms(3000);
	cr_assert(gt(u32, reserve(source_of(7, 5060), 1).generation, START_S + 70));
}

Test(flow_order, rows_beyond_the_limit_are_refused)
{
	open_book(100, 5);
	struct flow_id id = enrol(source_of(7, 5060), 10, 1);

	for (uint64_t i = 1; i < 5; i++)
		cr_assert(eq(int, commit(id, 10 + i, 1), FLOW_OK));
	cr_assert(eq(int, commit(id, 99, 1), FLOW_FULL));
	cr_assert(eq(int, record_of(id).row_count, 5));
}

// Whatever happens in whatever order: counts agree with the records, no row is on two flows unsuperseded, states are as the rows say.
Test(flow_order, counts_and_states_agree_after_a_hundred_thousand_random_steps)
{
	open_book(60, 200);
	uint64_t draw = 88172645463325252ull;
	struct flow_id ids[64] = {0};

	for (unsigned step = 0; step < 100000; step++) {
		draw ^= draw << 13;
		draw ^= draw >> 7;
		draw ^= draw << 17;
		unsigned who = draw % 64;
		uint64_t uak = 1 + (draw >> 8) % 40;
		uint32_t reg_id = 1 + (draw >> 16) % 2;

		switch ((draw >> 24) % 8) {
		case 0:
		case 1:
			(void)reserve_as(source_of(who << 8, 5060), uak, who, true, &ids[who]);
			break;
		case 2:
		case 3:
			(void)commit(ids[who], uak, reg_id);
			break;
		case 4:
			flow_book_remove(book, ids[who], uak, reg_id, now);
			break;
		case 5:
			flow_book_suspect(book, ids[who], now);
			break;
		case 6: {
			struct flow_record peer = {.id = {2, who + 1, 1},
				.state = FLOW_LIVE,
				.row_count = 1,
				.rows = {{.uak = uak,
					.reg_id = reg_id,
					.committed_at_ms = now.wall_ms - 5 + (draw >> 40) % 10,
					.expires_at_s = UINT32_MAX}}};
			flow_book_hear_peer(book, &peer, now);
			break;
		}
		case 7:
			pass_ms((draw >> 40) % 60000);
			flow_book_clear_changes(book);
			break;
		}
		if (step % 100 != 0)
			continue;
		struct flow_record record;
		uint32_t held = 0, live = 0;
		for (uint32_t slot = 0; flow_book_next(book, slot, &record);
			slot = record.id.slot) {
			bool current = false;
			for (unsigned i = 0; i < record.row_count; i++)
				current |= !record.rows[i].superseded;
			cr_assert(current || record.state == FLOW_DOUBTFUL);
			held++;
			live += record.state == FLOW_LIVE;
		}
		cr_assert(eq(u32, usage().held, held));
		cr_assert(eq(u32, usage().live, live));
		cr_assert(le(u32, usage().rows, 200));
		cr_assert(le(u32, usage().held + usage().reserved + usage().resting, 60));
	}
}
