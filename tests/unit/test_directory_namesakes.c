// Which listeners have one address, and who may serve whose flows.

#include "directory_maker.h"

TestSuite(directory_namesakes, .init = setup, .fini = teardown);

static void add_own(uint8_t id, struct endpoint address, uint8_t owner)
{
	struct link_directory_listener listener =
		listener_of(id, SIDE_ACCESS, address, "edge.example.net", "192.0.2.9:5060");

	listener.owner = owner;
	cr_assert(eq(int, add(LINK_DIRECTORY_LISTENER, &listener, sizeof(listener)), 0));
}

static void add_theirs(uint8_t edge, uint8_t id, uint8_t transport, struct endpoint address)
{
	struct link_peer_listener listener = {.edge = edge,
		.listener = {
			.id = id, .side = SIDE_ACCESS, .transport = transport, .address = address}};

	cr_assert(eq(int, add(LINK_PEER_LISTENER, &listener, sizeof(listener)), 0));
}

static int own_of(uint8_t edge, uint8_t listener)
{
	const struct directory_listener *own = directory_own_namesake(directory, edge, listener);

	return own == NULL ? 0 : own->listener.id;
}

Test(directory_namesakes, a_listener_for_another_edges_address_is_its_namesake)
{
	add_own(1, v4(1, 5060), 0);
	add_own(22, v4(2, 5060), 2);
	add_theirs(2, 5, TRANSPORT_UDP, v4(2, 5060));
	add_theirs(2, 6, TRANSPORT_UDP, v4(2, 5070));
	finish();
	cr_assert(eq(int, own_of(2, 5), 22));
	cr_assert(eq(int, own_of(2, 6), 0));
	const struct directory_listener *taken = directory_listener(directory, 22);

	cr_assert(eq(int, taken->owner, 2));
	cr_assert(eq(int, taken->namesake_count, 1));
	cr_assert(eq(int, taken->namesakes[0].edge, 2));
	cr_assert(eq(int, taken->namesakes[0].listener, 5));
	cr_assert(eq(int, directory_listener(directory, 1)->namesake_count, 0));
}

Test(directory_namesakes, so_are_the_listeners_that_others_have_for_ours)
{
	add_own(1, v6(1, 5060), 0);
	add_theirs(2, 21, TRANSPORT_UDP, v6(1, 5060));
	add_theirs(3, 31, TRANSPORT_UDP, v6(1, 5060));
	finish();
	cr_assert(eq(int, own_of(2, 21), 1));
	cr_assert(eq(int, own_of(3, 31), 1));
	cr_assert(eq(int, directory_listener(directory, 1)->namesake_count, 2));
}

Test(directory_namesakes, connections_have_none)
{
	add_own(1, v4(1, 5060), 0);
	add_theirs(2, 21, TRANSPORT_TCP, v4(1, 5060));
	finish();
	cr_assert(eq(int, own_of(2, 21), 0));
}

Test(directory_namesakes, what_is_said_of_ourselves_counts_for_nothing)
{
	add_own(1, v4(1, 5060), 0);
	add_theirs(1, 21, TRANSPORT_UDP, v4(1, 5060));
	finish();
	cr_assert(eq(int, own_of(1, 21), 0));
	cr_assert(eq(int, directory_listener(directory, 1)->namesake_count, 0));
}

Test(directory_namesakes, more_than_there_is_room_for_are_left_out)
{
	add_own(1, v4(1, 5060), 0);
	for (uint8_t edge = 2; edge < 2 + DIRECTORY_NAMESAKES_MAX + 3; edge++)
		add_theirs(edge, 21, TRANSPORT_UDP, v4(1, 5060));
	finish();
	cr_assert(
		eq(int, directory_listener(directory, 1)->namesake_count, DIRECTORY_NAMESAKES_MAX));
	cr_assert(eq(int, own_of(2, 21), 1));
	cr_assert(eq(int, own_of(2 + DIRECTORY_NAMESAKES_MAX, 21), 0));
}

Test(directory_namesakes, another_edges_address_is_claimed_by_others_that_have_it)
{
	add_own(22, v4(2, 5060), 2);
	add_theirs(2, 5, TRANSPORT_UDP, v4(2, 5060));
	add_theirs(3, 32, TRANSPORT_UDP, v4(2, 5060));
	add_theirs(3, 33, TRANSPORT_UDP, v4(3, 5060));
	finish();
	cr_assert(eq(int, directory_claimant(directory, 2, 5), 3));
	cr_assert(eq(int, directory_claimant(directory, 3, 32), 2)); // its owner
	cr_assert(eq(int, directory_claimant(directory, 1, 22), 2)); // likewise
	cr_assert(eq(int, directory_claimant(directory, 3, 33), 0));
}

Test(directory_namesakes, nothing_is_sent_from_another_edges_address_that_is_not_of_its_flows)
{
	add_own(22, v4(2, 5060), 2);
	add_own(23, v4(1, 5060), 0);
	finish();
	const struct directory_listener *first =
		directory_side_listener(directory, SIDE_ACCESS, TRANSPORT_UDP, ENDPOINT_V4);

	cr_assert(eq(int, first->listener.id, 23));
}
