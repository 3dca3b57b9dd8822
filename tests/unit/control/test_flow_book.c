// The flow book: reserved, held, doubtful, gone; who supersedes whom; what a NAT may do.

#include "flow_fixture.h"

static void make_book(void)
{
	open_book(1000, 4000);
}

TestSuite(flow_book, .init = make_book, .fini = close_book);

Test(flow_book, a_reserved_flow_is_told_to_nobody_until_the_2xx_commits_it)
{
	struct flow_id id = reserve(source_of(7, 5060), 100);

	cr_assert(eq(int, state_of(id), FLOW_GONE));
	cr_assert(not(flow_book_has_changes(book)));
	cr_assert(eq(int, commit(id, 100, 1), FLOW_OK));
	struct flow_record record = record_of(id);
	cr_assert(eq(int, record.state, FLOW_LIVE));
	cr_assert(eq(int, record.row_count, 1));
	cr_assert(eq(u64, record.rows[0].uak, 100));
	cr_assert(eq(u32, record.rows[0].expires_at_s, (uint32_t)(now.wall_ms / 1000) + EXPIRES_S));
	cr_assert(flow_book_has_changes(book));
	cr_assert(eq(u32, usage().reserved, 0));
}

Test(flow_book, retransmissions_and_the_answer_to_a_challenge_find_the_same_slot)
{
	struct flow_id first = reserve(source_of(7, 5060), 100);

	pass_ms(20000);
	struct flow_id second = reserve(source_of(7, 5060), 100);
	pass_ms(20000);
	struct flow_id third = reserve(source_of(7, 5060), 100);
	cr_assert(flow_id_equal(first, second));
	cr_assert(flow_id_equal(first, third));
	cr_assert(not(flow_id_equal(first, reserve(source_of(7, 5061), 100))));
}

Test(flow_book, a_reservation_without_a_2xx_ends_after_32_seconds)
{
	struct flow_id id = reserve(source_of(7, 5060), 100);

	pass_ms(FLOW_RESERVED_MS + 1000);
	cr_assert(eq(u32, usage().reserved, 0));
	cr_assert(eq(int, commit(id, 100, 1), FLOW_UNKNOWN));
	cr_assert(not(flow_id_equal(id, reserve(source_of(7, 5060), 100))));
	cr_assert(not(flow_book_has_changes(book)));
}

Test(flow_book, a_refresh_keeps_slot_and_generation)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);

	for (unsigned i = 0; i < 10; i++) {
		pass_ms(1800000);
		cr_assert(flow_id_equal(id, enrol(source_of(7, 5060), 100, 1)));
	}
	cr_assert(eq(int, record_of(id).row_count, 1));
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

Test(flow_book, several_aors_on_one_contact_share_the_flow)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);
	struct flow_id other;

	pass_ms(1800000);
	// The second AOR has another uak, but its Contact has the host and port of the first.
	cr_assert(eq(int, reserve_as(source_of(7, 5060), 200, 100, true, &other), FLOW_OK));
	cr_assert(flow_id_equal(id, other));
	cr_assert(eq(int, commit(id, 200, 1), FLOW_OK));
	cr_assert(eq(int, record_of(id).row_count, 2));
	flow_book_remove(book, id, 100, 1, now);
	cr_assert(eq(int, record_of(id).row_count, 1));
	cr_assert(eq(u64, record_of(id).rows[0].uak, 200));
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

Test(flow_book, the_last_row_that_expires_ends_the_flow)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);

	pass_ms(EXPIRES_S * 1000ull - 1000);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
	pass_ms(2000);
	cr_assert(eq(int, state_of(id), FLOW_GONE));
	cr_assert(eq(u32, usage().rows, 0));
	cr_assert(eq(u32, usage().held, 0));
}

Test(flow_book, a_step_of_the_wall_clock_expires_nothing)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);

	now.wall_ms += 86400000;
	pass_ms(1000);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
	now.wall_ms -= 2 * 86400000;
	pass_ms(1000);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

Test(flow_book, a_deregistered_flow_lingers_doubtful_for_an_hour_and_keeps_its_generation)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);

	flow_book_remove(book, id, 100, 1, now);
	cr_assert(eq(int, state_of(id), FLOW_DOUBTFUL));
	cr_assert(eq(int, record_of(id).row_count, 0));
	pass_ms(FLOW_LINGER_MS - 2000);
	cr_assert(flow_id_equal(id, enrol(source_of(7, 5060), 100, 1)));
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
	flow_book_remove(book, id, 100, 1, now);
	pass_ms(FLOW_LINGER_MS + 1000);
	cr_assert(eq(int, state_of(id), FLOW_GONE));
	cr_assert(eq(u32, usage().rows, 0));
}

Test(flow_book, silence_ends_the_linger_of_a_phone_that_has_shown_keep_alives)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);

	flow_book_hear(book, id, true, now);
	flow_book_remove(book, id, 100, 1, now);
	pass_ms(2000);
	cr_assert(eq(int, state_of(id), FLOW_DOUBTFUL));
	flow_book_miss(book, id, now);
	pass_ms(2000);
	cr_assert(eq(int, state_of(id), FLOW_GONE));
}

Test(flow_book, a_phone_that_was_silent_before_it_left_does_not_linger)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);

	flow_book_hear(book, id, true, now);
	flow_book_miss(book, id, now);
	flow_book_remove(book, id, 100, 1, now);
	pass_ms(2000);
	cr_assert(eq(int, state_of(id), FLOW_GONE));
}

Test(flow_book, silence_means_something_only_for_a_phone_that_has_shown_keep_alives)
{
	struct flow_id quiet = enrol(source_of(7, 5060), 100, 1);
	struct flow_id shown = enrol(source_of(8, 5060), 200, 1);

	flow_book_hear(book, shown, true, now);
	cr_assert(eq(int, record_of(shown).flags, FLOW_KEEPALIVE_SHOWN));
	flow_book_miss(book, quiet, now);
	flow_book_miss(book, shown, now);
	cr_assert(eq(int, state_of(quiet), FLOW_LIVE));
	cr_assert(eq(int, state_of(shown), FLOW_DOUBTFUL));
	flow_book_hear(book, shown, false, now);
	cr_assert(eq(int, state_of(shown), FLOW_LIVE));
}

Test(flow_book, a_2xx_ends_silence_too)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);

	flow_book_hear(book, id, true, now);
	flow_book_miss(book, id, now);
	cr_assert(eq(int, commit(id, 100, 1), FLOW_OK));
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

Test(flow_book, silence_is_forgotten_when_another_keeper_judges_it)
{
	struct flow_id silent = enrol(source_of(7, 5060), 100, 1);
	struct flow_id gone_bad = enrol(source_of(8, 5060), 200, 1);

	flow_book_hear(book, silent, true, now);
	flow_book_miss(book, silent, now);
	flow_book_suspect(book, gone_bad, now);
	flow_book_clear_changes(book);
	flow_book_forget_silence(book, now);
	cr_assert(eq(int, state_of(silent), FLOW_LIVE));
	cr_assert(eq(int, state_of(gone_bad), FLOW_DOUBTFUL));
	cr_assert(flow_book_has_changes(book));
}

Test(flow_book, a_stream_is_never_silent)
{
	struct flow_source stream = source_of(7, 5060);

	stream.transport = TRANSPORT_TCP;
	struct flow_id id = enrol(stream, 100, 1);
	flow_book_hear(book, id, true, now);
	flow_book_miss(book, id, now);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

Test(flow_book, icmp_makes_a_flow_doubtful_until_the_next_2xx)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);

	flow_book_suspect(book, id, now);
	cr_assert(eq(int, state_of(id), FLOW_DOUBTFUL));
	flow_book_hear(book, id, false, now);
	cr_assert(eq(int, state_of(id), FLOW_DOUBTFUL));
	cr_assert(eq(int, commit(id, 100, 1), FLOW_OK));
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

Test(flow_book, another_user_agent_on_the_source_is_a_new_flow_once_its_2xx_came)
{
	struct flow_id before = enrol(source_of(7, 5060), 100, 1);
	struct flow_id after;

	cr_assert(eq(int, reserve_as(source_of(7, 5060), 900, 900, true, &after), FLOW_OK));
	cr_assert(not(flow_id_equal(before, after)));
	// Anybody can send a REGISTER: alone it ends nothing.
	cr_assert(eq(int, state_of(before), FLOW_LIVE));
	cr_assert(eq(int, commit(after, 900, 1), FLOW_OK));
	cr_assert(eq(int, state_of(before), FLOW_GONE));
	cr_assert(eq(int, state_of(after), FLOW_LIVE));
	struct flow_source source = source_of(7, 5060);
	struct flow_id found;
	cr_assert(flow_book_find(book, &source, &found));
	cr_assert(flow_id_equal(found, after));
}

Test(flow_book, another_user_agent_after_the_old_one_left_is_a_new_flow_too)
{
	struct flow_id before = enrol(source_of(7, 5060), 100, 1);
	struct flow_id after;

	flow_book_remove(book, before, 100, 1, now);
	cr_assert(eq(int, reserve_as(source_of(7, 5060), 900, 900, true, &after), FLOW_OK));
	cr_assert(not(flow_id_equal(before, after)));
}

Test(flow_book, streams_gateways_and_shared_flows_hold_many_user_agents)
{
	struct flow_source stream = source_of(7, 5060);
	struct flow_source gateway = source_of(8, 5060);
	struct flow_source shared = source_of(0, 5060);
	struct flow_id id;

	stream.transport = TRANSPORT_TCP;
	memcpy(shared.peer.address, (uint8_t[]){10, 9, 1, 1}, 4);
	struct flow_id first = enrol(stream, 100, 1);
	cr_assert(eq(int, reserve_as(stream, 900, 900, true, &id), FLOW_OK));
	cr_assert(flow_id_equal(first, id));
	first = enrol(gateway, 200, 1);
	cr_assert(eq(int, reserve_as(gateway, 900, 900, false, &id), FLOW_OK));
	cr_assert(flow_id_equal(first, id));
	first = enrol(shared, 300, 1);
	cr_assert(eq(int, reserve_as(shared, 900, 900, true, &id), FLOW_OK));
	cr_assert(flow_id_equal(first, id));
	cr_assert(eq(int, record_of(id).flags, FLOW_SHARED));
}

Test(flow_book, a_silent_flow_yields_its_source_even_to_the_same_host_and_port)
{
	struct flow_id before = enrol(source_of(7, 5060), 100, 1);
	struct flow_id after;

	flow_book_hear(book, before, true, now);
	flow_book_miss(book, before, now);
	cr_assert(eq(int, reserve_as(source_of(7, 5060), 900, 100, true, &after), FLOW_OK));
	cr_assert(not(flow_id_equal(before, after)));
}

Test(flow_book, a_newer_commit_elsewhere_on_this_edge_supersedes_the_row)
{
	struct flow_id first = enrol(source_of(7, 5060), 100, 1);
	struct flow_id second = enrol(source_of(8, 6000), 100, 2);

	cr_assert(eq(int, state_of(first), FLOW_LIVE));
	struct flow_id third = enrol(source_of(9, 7000), 100, 1);
	cr_assert(eq(int, state_of(first), FLOW_DOUBTFUL));
	cr_assert(record_of(first).rows[0].superseded);
	cr_assert(eq(int, state_of(second), FLOW_LIVE));
	cr_assert(eq(int, state_of(third), FLOW_LIVE));
	cr_assert(not(record_of(third).rows[0].superseded));
}

static struct flow_record peer_record(uint8_t edge, uint64_t uak, uint64_t committed_at_ms)
{
	return (struct flow_record){
		.id = {edge, 5, START_S},
		.state = FLOW_LIVE,
		.row_count = 1,
		.rows = {{.uak = uak,
			.aor = 1,
			.contact = 1,
			.reg_id = 1,
			.committed_at_ms = committed_at_ms,
			.expires_at_s = UINT32_MAX}},
	};
}

Test(flow_book, a_newer_commit_at_a_peer_supersedes_an_older_one_does_not)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);
	struct flow_record older = peer_record(2, 100, now.wall_ms - 1);
	struct flow_record newer = peer_record(2, 100, now.wall_ms + 1);

	flow_book_hear_peer(book, &older, now);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
	newer.rows[0].superseded = true;
	flow_book_hear_peer(book, &newer, now);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
	newer.rows[0].superseded = false;
	flow_book_hear_peer(book, &newer, now);
	cr_assert(eq(int, state_of(id), FLOW_DOUBTFUL));
	cr_assert(eq(int, commit(id, 100, 1), FLOW_OK));
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

// At the address that ours has, which was at edge 2.
static void hear_namesake(uint64_t uak, uint64_t committed_at_ms)
{
	struct flow_record record = peer_record(2, uak, committed_at_ms);

	record.peer = source_of(7, 5060).peer;
	flow_book_hear_namesake(book, source_of(7, 5060).listener, &record, now);
}

Test(flow_book, another_phone_that_registered_there_while_our_address_was_elsewhere_ends_a_flow)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);
	struct flow_id elsewhere = enrol(source_of(8, 5060), 200, 2);

	hear_namesake(300, now.wall_ms - 1);
	cr_assert(eq(int, state_of(id), FLOW_LIVE), "it was there before ours");
	hear_namesake(100, now.wall_ms + 1);
	cr_assert(eq(int, state_of(id), FLOW_LIVE), "it is the same phone");
	hear_namesake(300, now.wall_ms + 1);
	cr_assert(eq(int, state_of(id), FLOW_GONE));
	cr_assert(eq(int, state_of(elsewhere), FLOW_LIVE));
}

Test(flow_book, commits_of_one_moment_are_ordered_by_edge_id)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);
	struct flow_record lower = peer_record(0, 100, now.wall_ms);
	struct flow_record higher = peer_record(2, 100, now.wall_ms);

	flow_book_hear_peer(book, &lower, now);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
	flow_book_hear_peer(book, &higher, now);
	cr_assert(eq(int, state_of(id), FLOW_DOUBTFUL));
}

Test(flow_book, a_phone_that_comes_back_from_an_edge_whose_clock_is_ahead_supersedes_it)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);
	struct flow_record ahead = peer_record(2, 100, now.wall_ms + 300000);

	flow_book_hear_peer(book, &ahead, now);
	cr_assert(eq(int, commit(id, 100, 1), FLOW_OK));
	cr_assert(gt(u64, record_of(id).rows[0].committed_at_ms, ahead.rows[0].committed_at_ms));
	flow_book_hear_peer(book, &ahead, now);
	cr_assert(eq(int, state_of(id), FLOW_LIVE));
}

Test(flow_book, implied_aors_go_with_the_binding_they_came_with)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);
	struct flow_binding implied = {.uak = 500,
		.aor = 501,
		.instance = 102,
		.contact = 103,
		.place = 100,
		.parent = 100,
		.reg_id = 1,
		.expires_s = EXPIRES_S};

	cr_assert(eq(int, flow_book_commit(book, id, &implied, now), FLOW_OK));
	cr_assert(eq(int, record_of(id).row_count, 2));
	pass_ms(1000);
	cr_assert(eq(int, commit(id, 100, 1), FLOW_OK));
	flow_book_remove_stale(book, id, 100, 1, now);
	cr_assert(eq(int, record_of(id).row_count, 1));
	cr_assert(eq(int, flow_book_commit(book, id, &implied, now), FLOW_OK));
	flow_book_remove(book, id, 100, 1, now);
	cr_assert(eq(int, record_of(id).row_count, 0));
}

Test(flow_book, an_aor_registered_in_its_own_right_stays_when_it_is_also_implied)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);
	struct flow_binding implied = {.uak = 200,
		.aor = 201,
		.contact = 203,
		.parent = 100,
		.reg_id = 1,
		.expires_s = EXPIRES_S};

	cr_assert(eq(int, commit(id, 200, 1), FLOW_OK));
	cr_assert(eq(int, flow_book_commit(book, id, &implied, now), FLOW_OK));
	flow_book_remove(book, id, 100, 1, now);
	cr_assert(eq(int, record_of(id).row_count, 1));
	cr_assert(eq(u64, record_of(id).rows[0].uak, 200));
}

static void remove_aor(uint64_t aor, uint64_t at_ms)
{
	const struct row_removal removal = {.aor = aor, .at_ms = at_ms};

	flow_book_remove_everywhere(book, &removal, now);
}

static enum flow_result commit_of_aor(struct flow_id id, uint64_t uak, uint64_t aor)
{
	const struct flow_binding binding = {.uak = uak,
		.aor = aor,
		.instance = uak,
		.contact = uak,
		.parent = uak,
		.expires_s = EXPIRES_S};

	return flow_book_commit(book, id, &binding, now);
}

Test(flow_book, the_removal_of_an_aor_takes_its_rows_on_all_flows_and_no_others)
{
	struct flow_id one = enrol(source_of(7, 5060), 100, 1);
	struct flow_id two = enrol(source_of(8, 5060), 200, 1);
	struct flow_id other = enrol(source_of(9, 5060), 300, 1);

	cr_assert(eq(int, commit_of_aor(one, 700, 7), FLOW_OK));
	cr_assert(eq(int, commit_of_aor(two, 701, 7), FLOW_OK));
	cr_assert(eq(int, commit_of_aor(two, 702, 7), FLOW_OK));
	cr_assert(eq(int, commit_of_aor(other, 800, 8), FLOW_OK));
	remove_aor(7, flow_book_order(book, now));
	cr_assert(eq(int, record_of(one).row_count, 1));
	cr_assert(eq(u64, record_of(one).rows[0].uak, 100));
	cr_assert(eq(int, record_of(two).row_count, 1));
	cr_assert(eq(u64, record_of(two).rows[0].uak, 200));
	cr_assert(eq(int, record_of(other).row_count, 2));
}

Test(flow_book, a_removal_takes_what_came_with_the_rows_too)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 0);
	const struct flow_binding implied = {
		.uak = 500, .aor = 501, .contact = 103, .parent = 100, .expires_s = EXPIRES_S};

	cr_assert(eq(int, flow_book_commit(book, id, &implied, now), FLOW_OK));
	cr_assert(eq(int, record_of(id).row_count, 2));
	remove_aor(101, flow_book_order(book, now));
	cr_assert(eq(int, record_of(id).row_count, 0));
	cr_assert(eq(int, state_of(id), FLOW_DOUBTFUL));
}

Test(flow_book, a_binding_is_removed_on_the_flow_that_has_it)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);
	const struct row_removal other_flow = {
		.aor = 101, .uak = 100, .reg_id = 2, .at_ms = UINT64_MAX};
	const struct row_removal this_one = {
		.aor = 101, .uak = 100, .reg_id = 1, .at_ms = UINT64_MAX};

	flow_book_remove_everywhere(book, &other_flow, now);
	cr_assert(eq(int, record_of(id).row_count, 1));
	flow_book_remove_everywhere(book, &this_one, now);
	cr_assert(eq(int, record_of(id).row_count, 0));
}

Test(flow_book, a_registration_after_the_removal_at_a_peer_stays)
{
	struct flow_id before = enrol(source_of(7, 5060), 100, 1);
	struct row_removal removal = {.aor = 101, .at_ms = now.wall_ms + 300000};

	// The peer's clock is ahead; what is heard of it comes before what the phone does then.
	flow_book_hear_removal(book, &removal, now);
	cr_assert(eq(int, record_of(before).row_count, 0));
	cr_assert(eq(int, commit(before, 100, 1), FLOW_OK));
	flow_book_hear_removal(book, &removal, now);
	cr_assert(eq(int, record_of(before).row_count, 1));
}

Test(flow_book, a_removal_from_a_day_ahead_is_not_believed)
{
	struct flow_id id = enrol(source_of(7, 5060), 100, 1);
	struct row_removal removal = {.aor = 101, .at_ms = now.wall_ms + 86400000};

	flow_book_hear_removal(book, &removal, now);
	cr_assert(eq(int, record_of(id).row_count, 1));
}

Test(flow_book, a_flow_takes_64_rows_and_memories_make_way)
{
	struct flow_id id = enrol(source_of(7, 5060), 1000, 1);

	for (uint64_t i = 1; i < FLOW_ROWS_MAX; i++)
		cr_assert(eq(int, commit(id, 1000 + 10 * i, 1), FLOW_OK));
	cr_assert(eq(int, commit(id, 9000, 1), FLOW_ROWS_FULL));
	flow_book_remove(book, id, 1000, 1, now);
	cr_assert(eq(int, commit(id, 9000, 1), FLOW_OK));
	cr_assert(eq(int, record_of(id).row_count, FLOW_ROWS_MAX));
	cr_assert(eq(u64, usage().refused[FLOW_ROWS_FULL], 1));
}
