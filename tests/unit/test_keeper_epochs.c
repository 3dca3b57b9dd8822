// The keeper follows the clock into the next epoch, and compares its own with those of other edges' beats.

#include "beat_players.h"

TestSuite(keeper_epochs, .init = setup, .fini = teardown, .timeout = 60);

static struct link_event_epoch await_standing(enum link_epoch wanted)
{
	struct link_event_epoch event = {.standing = UINT8_MAX};

	while (event.standing != wanted
		&& fake_await_event(&lab.control, LINK_EVENT_EPOCH, &event, sizeof(event), 3000))
		;
	cr_assert(eq(int, event.standing, wanted));
	return event;
}

Test(keeper_epochs, an_epoch_off_the_majoritys_is_told_and_that_it_agrees_again)
{
	two.epoch_shift = three.epoch_shift = 2;
	beat_for(&two, 1);
	beat_for(&three, 1);
	struct link_event_epoch event = await_standing(LINK_EPOCH_MINORITY);
	cr_assert(eq(u64, event.ours, keyring_epoch(two.keys)));
	cr_assert(eq(u64, event.theirs, event.ours - 2));
	two.epoch_shift = three.epoch_shift = 0;
	beat_for(&two, 1);
	beat_for(&three, 1);
	event = await_standing(LINK_EPOCH_AGREES);
	cr_assert(eq(u64, event.theirs, event.ours));
}

Test(keeper_epochs, one_edge_of_two_with_another_epoch_is_a_split)
{
	two.epoch_shift = 2;
	beat_for(&two, 1);
	struct link_event_epoch event = await_standing(LINK_EPOCH_SPLIT);
	cr_assert(eq(u64, event.theirs, event.ours - 2));
}

// What they seal nobody here holds a key for, but one.
Test(keeper_epochs, an_edge_whose_clock_is_behind_learns_it_from_the_beats_of_the_others)
{
	const uint64_t ahead = 5;
	uint64_t ours = keyring_epoch(two.keys);

	keyring_free(two.keys);
	keyring_free(three.keys);
	two.keys = fake_keyring(FAKE_ROTATE_S, -ahead);
	three.keys = fake_keyring(FAKE_ROTATE_S, -ahead);
	player_beat(&two, 1);
	player_beat(&three, 1);
	struct link_event_epoch event = await_standing(LINK_EPOCH_MINORITY);
	cr_assert(eq(u64, event.ours, ours));
	cr_assert(eq(u64, event.theirs, ours + ahead));
	cr_assert(eq(int, liveness(2), PEER_DEAD));
}

Test(keeper_epochs, how_the_epoch_stands_is_told_to_every_control)
{
	await_standing(LINK_EPOCH_AGREES);
	plane_lab_disconnect();
	plane_lab_connect();
	await_standing(LINK_EPOCH_AGREES);
}

Test(keeper_epochs, a_beat_sealed_under_an_old_epoch_proves_nothing)
{
	keyring_free(two.keys);
	two.keys = fake_keyring(FAKE_ROTATE_S, 3);
	struct keyring *reader = fake_keyring(FAKE_ROTATE_S, 0);

	for (unsigned i = 0; i < 6; i++) {
		struct keyring *minting = two.keys;

		usleep(BEAT_MS * 1000);
		two.keys = reader;
		players_hear();
		two.keys = minting;
		player_beat(&two, 1);
	}
	cr_assert(gt(uint, two.heard_count, 2));
	cr_assert(eq(int, liveness(2), PEER_DEAD));
	keyring_free(reader);
}

Test(keeper_epochs, epochs_advance_by_the_clock_without_control)
{
	uint32_t first;

	fake_teach_keys(&lab.control, 1);
	fake_await_applied(&lab.control, lab.control.sequence);
	plane_lab_disconnect();
	keyring_free(two.keys);
	usleep(200000);
	two.keys = fake_keyring(1, 0);
	players_hear();
	usleep(5 * BEAT_MS * 1000);
	players_hear();
	first = two.heard.epoch;
	cr_assert(gt(u32, first, 0));
	usleep(2100000);
	keyring_free(two.keys);
	two.keys = fake_keyring(1, 0);
	players_hear();
	usleep(5 * BEAT_MS * 1000);
	players_hear();
	cr_assert(ge(u32, two.heard.epoch, first + 2));
}
