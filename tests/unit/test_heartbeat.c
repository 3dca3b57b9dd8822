// test_heartbeat.c: liveness as a function of beats and time. Two edges, A and B, beat over a wire that drops what it is told.

#include "epochs.h"
#include "heartbeat.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum {
	MS = 1000,
	INTERVAL = 100 * MS,
};

static const struct heartbeat_limits limits = {300 * MS, 3000 * MS};

// One edge: its own beats, and what it thinks of the other.
struct edge {
	struct heartbeat_clock clock;
	struct heartbeat peer;
	uint64_t incarnation;
};

static struct edge a;
static struct edge b;
static uint64_t now;
static bool cut_a_to_b;
static bool cut_b_to_a;

static void edge_begin(struct edge *edge, uint64_t incarnation, uint64_t wall_ms)
{
	edge->incarnation = incarnation;
	heartbeat_clock_begin(&edge->clock, wall_ms);
	heartbeat_begin(&edge->peer, &edge->clock);
}

static void setup(void)
{
	now = 1000 * MS;
	edge_begin(&a, 7, 50000);
	edge_begin(&b, 8, 60000);
}

TestSuite(heartbeat, .init = setup);

static struct beat edge_beat(struct edge *edge)
{
	return (struct beat){
		.incarnation = edge->incarnation,
		.sequence = heartbeat_clock_send(&edge->clock, now),
		.echo = (uint32_t)edge->peer.heard,
	};
}

static void carry(struct edge *to, const struct beat *beat, bool cut)
{
	if (!cut)
		(void)heartbeat_hear(&to->peer, &to->clock, beat, now);
}

// Both edges beat, one after the other, once an interval.
static void run(unsigned beats)
{
	for (unsigned i = 0; i < beats; i++) {
		struct beat beat = edge_beat(&a);

		carry(&b, &beat, cut_a_to_b);
		now += INTERVAL / 2;
		beat = edge_beat(&b);
		carry(&a, &beat, cut_b_to_a);
		now += INTERVAL / 2;
		heartbeat_tick(&a.peer, &limits, now);
		heartbeat_tick(&b.peer, &limits, now);
	}
}

Test(heartbeat, an_edge_that_was_never_heard_is_dead)
{
	cr_assert(eq(int, a.peer.liveness, PEER_DEAD));
	heartbeat_tick(&a.peer, &limits, now + 60000 * MS);
	cr_assert(eq(int, a.peer.liveness, PEER_DEAD));
	cr_assert(eq(u64, a.peer.lost_us, 0));
}

Test(heartbeat, up_means_that_my_own_beat_was_echoed)
{
	struct beat beat = edge_beat(&a);

	carry(&b, &beat, false);
	cr_assert(eq(int, b.peer.liveness, PEER_DEAD));
	beat = edge_beat(&b);
	carry(&a, &beat, false);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cr_assert(eq(u64, a.peer.incarnation, 8));
	run(1);
	cr_assert(eq(int, b.peer.liveness, PEER_UP));
}

Test(heartbeat, two_missed_beats_change_nothing)
{
	run(5);
	cut_b_to_a = true;
	run(2);
	cut_b_to_a = false;
	run(1);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cr_assert(eq(u64, a.peer.lost_us, 0));
}

Test(heartbeat, three_missed_beats_are_suspect_and_three_seconds_of_that_dead)
{
	run(5);
	cut_a_to_b = cut_b_to_a = true;
	run(3);
	cr_assert(eq(int, a.peer.liveness, PEER_SUSPECT));
	cr_assert(eq(u64, a.peer.lost_us, now));
	run(29);
	cr_assert(eq(int, a.peer.liveness, PEER_SUSPECT));
	run(1);
	cr_assert(eq(int, a.peer.liveness, PEER_DEAD));
}

Test(heartbeat, a_suspect_that_beats_again_is_up)
{
	run(5);
	cut_b_to_a = true;
	run(4);
	cut_b_to_a = false;
	run(2);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cr_assert(eq(int, b.peer.liveness, PEER_UP));
}

Test(heartbeat, a_cut_in_one_direction_is_down_for_both_and_does_not_flap)
{
	unsigned changes = 0;
	enum peer_liveness before;

	run(5);
	cut_b_to_a = true;
	before = b.peer.liveness;
	for (unsigned i = 0; i < 60; i++) {
		run(1);
		changes += b.peer.liveness != before;
		before = b.peer.liveness;
	}
	cr_assert(eq(int, a.peer.liveness, PEER_DEAD));
	cr_assert(eq(int, b.peer.liveness, PEER_DEAD));
	cr_assert(eq(uint, changes, 2)); // up, suspect, dead
	cut_b_to_a = false;
	run(3);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cr_assert(eq(int, b.peer.liveness, PEER_UP));
}

Test(heartbeat, icmp_is_believed_of_a_suspect_only)
{
	run(5);
	heartbeat_mark_unreachable(&a.peer);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cut_b_to_a = true;
	run(3);
	cr_assert(eq(int, a.peer.liveness, PEER_SUSPECT));
	heartbeat_mark_unreachable(&a.peer);
	cr_assert(eq(int, a.peer.liveness, PEER_DEAD));
}

Test(heartbeat, replayed_beats_prove_nothing)
{
	struct beat beat;

	run(5);
	beat = edge_beat(&b);
	carry(&a, &beat, false);
	uint64_t proved = a.peer.proved_us;

	for (unsigned i = 0; i < 10; i++) {
		now += INTERVAL;
		carry(&a, &beat, false);
		heartbeat_tick(&a.peer, &limits, now);
	}
	cr_assert(eq(u64, a.peer.proved_us, proved));
	cr_assert(eq(int, a.peer.liveness, PEER_SUSPECT));
}

Test(heartbeat, an_echo_of_a_beat_never_sent_proves_nothing)
{
	struct beat beat = edge_beat(&b);

	beat.echo = (uint32_t)a.clock.sequence + 5;
	carry(&a, &beat, false);
	cr_assert(eq(int, a.peer.liveness, PEER_DEAD));
}

Test(heartbeat, a_new_incarnation_is_seen_and_must_prove_itself)
{
	run(5);
	edge_begin(&b, 9, 61000);
	run(1);
	cr_assert(eq(u64, a.peer.incarnation, 9));
	run(2);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cr_assert(eq(int, b.peer.liveness, PEER_UP));
}

Test(heartbeat, an_earlier_incarnation_is_not_believed)
{
	struct beat beat;

	run(5);
	uint64_t heard = a.peer.heard;

	beat = edge_beat(&b);
	beat.incarnation = 7;
	beat.sequence += 100;
	cr_assert(not(heartbeat_hear(&a.peer, &a.clock, &beat, now)));
	cr_assert(eq(u64, a.peer.heard, heard));
	cr_assert(eq(u64, a.peer.incarnation, 8));
}

Test(heartbeat, an_earlier_incarnation_is_believed_once_the_newer_has_long_been_silent)
{
	run(5);
	edge_begin(&b, 7, 61000);
	run(45);
	cr_assert(eq(int, a.peer.liveness, PEER_DEAD));
	cr_assert(eq(u64, a.peer.incarnation, 8));
	run(10);
	cr_assert(eq(u64, a.peer.incarnation, 7));
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cr_assert(eq(int, b.peer.liveness, PEER_UP));
}

Test(heartbeat, a_restart_under_the_same_incarnation_goes_on)
{
	run(5);
	edge_begin(&b, 8, 60010);
	run(3);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cr_assert(eq(int, b.peer.liveness, PEER_UP));
}

Test(heartbeat, a_restart_under_a_clock_set_back_is_up_again_once_it_was_dead)
{
	run(50);
	edge_begin(&b, 8, 1000);
	run(40);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cr_assert(eq(int, b.peer.liveness, PEER_UP));
}

Test(heartbeat, a_pause_of_our_own_gives_the_others_their_time)
{
	run(5);
	now += 10000 * MS;
	heartbeat_tick(&a.peer, &limits, now);
	cr_assert(eq(int, a.peer.liveness, PEER_SUSPECT));
	heartbeat_tick(&a.peer, &limits, now + 1);
	cr_assert(eq(int, a.peer.liveness, PEER_SUSPECT));
	run(2);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
}

Test(heartbeat, the_round_trip_is_the_smallest_since_it_came_up)
{
	struct beat beat = edge_beat(&a);

	carry(&b, &beat, false);
	now += 20 * MS;
	beat = edge_beat(&b);
	carry(&a, &beat, false);
	cr_assert(eq(u32, a.peer.round_trip_us, 20 * MS));
	run(4);
	cr_assert(eq(u32, a.peer.round_trip_us, 20 * MS));
	cut_b_to_a = true;
	run(3);
	cut_b_to_a = false;
	run(2);
	cr_assert(eq(u32, a.peer.round_trip_us, 50 * MS));
}

Test(heartbeat, sequences_pass_through_the_end_of_32_bits)
{
	edge_begin(&a, 7, UINT32_MAX - 5);
	edge_begin(&b, 8, UINT32_MAX - 3);
	run(20);
	cr_assert(eq(int, a.peer.liveness, PEER_UP));
	cr_assert(eq(int, b.peer.liveness, PEER_UP));
	cr_assert(eq(u64, a.peer.lost_us, 0));
}

static enum link_epoch judge(uint32_t ours, const uint32_t *others, unsigned count)
{
	uint32_t theirs;

	return epochs_judge(ours, others, count, &theirs);
}

Test(heartbeat, an_epoch_more_than_one_off_the_majoritys_is_a_fault_of_ours)
{
	uint32_t theirs = 0;

	cr_assert(eq(int, epochs_judge(4, (uint32_t[]){7, 7}, 2, &theirs), LINK_EPOCH_MINORITY));
	cr_assert(eq(u32, theirs, 7));
	cr_assert(eq(int, epochs_judge(9, (uint32_t[]){7, 7, 9, 7, 7}, 5, &theirs),
		LINK_EPOCH_MINORITY));
	cr_assert(eq(u32, theirs, 7));
	cr_assert(eq(int, judge(1, (uint32_t[]){UINT32_MAX, UINT32_MAX}, 2), LINK_EPOCH_MINORITY));
}

Test(heartbeat, an_epoch_one_off_is_no_fault_for_clocks_never_turn_it_at_once)
{
	cr_assert(eq(int, judge(7, (uint32_t[]){8, 8, 6}, 3), LINK_EPOCH_AGREES));
	cr_assert(eq(int, judge(0, (uint32_t[]){UINT32_MAX}, 1), LINK_EPOCH_AGREES));
	cr_assert(eq(int, judge(4, NULL, 0), LINK_EPOCH_AGREES));
	// The others are in the middle of it: still they are most.
	cr_assert(eq(int, judge(10, (uint32_t[]){7, 8}, 2), LINK_EPOCH_MINORITY));
}

Test(heartbeat, an_edge_within_the_majority_is_not_disturbed_by_one_without)
{
	uint32_t theirs = 0;

	cr_assert(eq(int, epochs_judge(7, (uint32_t[]){7, 99}, 2, &theirs), LINK_EPOCH_AGREES));
	cr_assert(eq(u32, theirs, 7));
}

Test(heartbeat, where_there_is_no_majority_nobody_is_said_to_be_wrong)
{
	uint32_t theirs = 0;

	cr_assert(eq(int, epochs_judge(4, (uint32_t[]){7}, 1, &theirs), LINK_EPOCH_SPLIT));
	cr_assert(eq(u32, theirs, 7));
	cr_assert(eq(int, judge(4, (uint32_t[]){4, 7, 7}, 3), LINK_EPOCH_SPLIT));
	cr_assert(eq(int, judge(4, (uint32_t[]){7, 20}, 2), LINK_EPOCH_SPLIT));
}
