// test_directory.c: what an edge knows of itself, its peers and its core.

#include "directory_maker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// --- Names ---

Test(directory, a_host_and_port_of_any_edge_or_of_the_cluster_is_own, .init = setup,
	.fini = teardown)
{
	cr_assert(eq(int, add_name(0, "edges.example", 5060), 0));
	cr_assert(eq(int, add_name(2, "ep2.example", 5061), 0));
	cr_assert(eq(int, add_name(1, "2001:db8::1", 5060), 0));
	finish();
	cr_assert(directory_is_own(directory, text("edges.example"), 5060, 5061));
	cr_assert(directory_is_own(directory, text("EDGES.Example"), 0, 5060));
	cr_assert(directory_is_own(directory, text("ep2.example"), 0, 5061));
	cr_assert(directory_is_own(directory, text("[2001:DB8::1]"), 5060, 5060));
	cr_assert(directory_is_own(directory, text("2001:db8::1"), 0, 5060));
	cr_assert(not(directory_is_own(directory, text("edges.example"), 5061, 5060)));
	cr_assert(not(directory_is_own(directory, text("ep2.example"), 0, 5060)));
	cr_assert(not(directory_is_own(directory, text("edges.example."), 5060, 5060)));
	cr_assert(not(directory_is_own(directory, text("edges.exampl"), 5060, 5060)));
	cr_assert(not(directory_is_own(directory, text(""), 5060, 5060)));
	cr_assert(not(directory_is_own(directory, text("[]"), 5060, 5060)));
}

Test(directory, every_one_of_a_thousand_names_is_found_and_no_other, .init = setup,
	.fini = teardown)
{
	char host[32];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(host, sizeof(host), "name%u.example", i);
		cr_assert(eq(int, add_name((uint8_t)(i % 256), host, (uint16_t)(5000 + i % 3)), 0));
	}
	finish();
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(host, sizeof(host), "name%u.example", i);
		bool is = directory_is_own(directory, text(host), (uint16_t)(5000 + i % 3), 0);
		cr_assert(eq(int, is, i < 1000));
		cr_assert(not(directory_is_own(
			directory, text(host), (uint16_t)(5000 + (i + 1) % 3), 0)));
	}
}

Test(directory, an_empty_directory_knows_nobody, .init = setup, .fini = teardown)
{
	struct directory_via via;
	struct endpoint somewhere = v4(1, 5060), nowhere = {0};

	finish();
	cr_assert(eq(int, directory_settings(directory)->edge, 1));
	cr_assert(eq(int, directory_settings(directory)->moved_per_s, 20));
	cr_assert(not(directory_is_own(directory, text("a"), 0, 5060)));
	cr_assert(not(directory_find_sent_by(directory, text("a"), 0, &via)));
	cr_assert(eq(ptr, (void *)directory_find_target(directory, text("a"), 0, 5060), NULL));
	cr_assert(eq(ptr, (void *)directory_pick_target(directory, 7), NULL));
	cr_assert(not(directory_is_listener(directory, &somewhere)));
	cr_assert(not(directory_is_listener(directory, &nowhere)));
	cr_assert(eq(ptr, (void *)directory_listener(directory, 0), NULL));
	cr_assert(eq(ptr, (void *)directory_listener(directory, 255), NULL));
	cr_assert(eq(ptr, (void *)directory_peer(directory, 2), NULL));
	cr_assert(eq(int, directory_peer_transport(directory, 2, 0), TRANSPORT_NONE));
	cr_assert(not(directory_prefix_listed(directory, LINK_PREFIX_INSIDE, 0, &somewhere)));
	cr_assert(not(directory_prefix_listed(directory, LINK_PREFIX_ALLOW, 255, &somewhere)));
}

// --- Listeners and Vias ---

Test(directory, a_listener_is_found_by_id_and_by_what_it_is_for, .init = setup, .fini = teardown)
{
	cr_assert(
		eq(int, add_listener(7, SIDE_CORE, v4(1, 5060), "ep1.example", "ep1.example"), 0));
	cr_assert(eq(int,
		add_listener(3, SIDE_CORE, v4(1, 5070), "192.0.2.1:5070", "192.0.2.1:5070"), 0));
	cr_assert(eq(int,
		add_listener(
			4, SIDE_ACCESS, v6(1, 5060), "[2001:db8::1]:5060", "[2001:db8::1]:5060"),
		0));
	finish();
	const struct directory_listener *first =
		directory_side_listener(directory, SIDE_CORE, TRANSPORT_UDP, ENDPOINT_V4);
	cr_assert(eq(int, first->listener.id, 7));
	cr_assert(span_equal(directory_listener(directory, 3)->written, text("192.0.2.1:5070")));
	cr_assert(
		span_equal(directory_listener(directory, 4)->sent_by, text("[2001:db8::1]:5060")));
	cr_assert(eq(ptr,
		(void *)directory_side_listener(directory, SIDE_CORE, TRANSPORT_UDP, ENDPOINT_V6),
		NULL));
	cr_assert(eq(ptr,
		(void *)directory_side_listener(directory, SIDE_CORE, TRANSPORT_TCP, ENDPOINT_V4),
		NULL));
	cr_assert(eq(ptr,
		(void *)directory_side_listener(directory, SIDE_CORE, TRANSPORT_UDP, ENDPOINT_NONE),
		NULL));
	cr_assert(eq(ptr, (void *)directory_listener(directory, 5), NULL));
}

Test(directory, a_via_of_ours_names_its_listener_and_one_of_a_peer_its_edge, .init = setup,
	.fini = teardown)
{
	struct directory_via via = {.edge = 99};

	cr_assert(
		eq(int, add_listener(2, SIDE_CORE, v4(1, 5060), "ep1.example", "ep1.example"), 0));
	cr_assert(eq(int, add_listener(5, SIDE_ACCESS, v6(1, 5070), "x", "[2001:db8::1]:5070"), 0));
	cr_assert(eq(int, add_name(0, "edges.example", 5060), 0));
	cr_assert(eq(int, add_name(1, "ep1.example", 5060), 0));
	cr_assert(eq(int, add_name(2, "ep2.example", 5060), 0));
	cr_assert(eq(int, add_name(3, "ep3.example", 5061), 0));
	finish();
	cr_assert(not(directory_find_sent_by(directory, text("edges.example"), 0, &via)));
	cr_assert(not(directory_find_sent_by(directory, text("ep2.example"), 5070, &via)));
	cr_assert(eq(int, via.edge, 99));
	cr_assert(directory_find_sent_by(directory, text("EP1.example"), 0, &via));
	cr_assert(eq(int, via.edge, 1));
	cr_assert(eq(int, via.listener, 2));
	cr_assert(directory_find_sent_by(directory, text("[2001:db8::1]"), 5070, &via));
	cr_assert(eq(int, via.listener, 5));
	cr_assert(directory_find_sent_by(directory, text("ep1.example"), 5060, &via));
	cr_assert(eq(int, via.edge, 1));
	cr_assert(eq(int, via.listener, DIRECTORY_NO_LISTENER));
	cr_assert(directory_find_sent_by(directory, text("ep2.example"), 0, &via));
	cr_assert(eq(int, via.edge, 2));
	cr_assert(directory_find_sent_by(directory, text("ep3.example"), 0, &via));
	cr_assert(eq(int, via.edge, 3));
}

// --- Peers ---

Test(directory, a_peer_is_known_by_edge_relay_and_listeners, .init = setup, .fini = teardown)
{
	struct link_peer peer = peer_of(2, "ep2", v4(2, 5062));
	struct link_peer_listener listener = {.edge = 2,
		.listener = {.id = 9,
			.side = SIDE_ACCESS,
			.transport = TRANSPORT_TLS,
			.address = v4(2, 5061)}};
	struct endpoint own = v4(1, 5060), relay = v4(2, 5062), theirs = v4(2, 5061),
			other = v4(2, 5060);

	peer.secure = 1;
	cr_assert(eq(int, add(LINK_PEER, &peer, sizeof(peer)), 0));
	cr_assert(eq(int, add(LINK_PEER, &peer, sizeof(peer)), -EINVAL));
	cr_assert(eq(int, add(LINK_PEER_LISTENER, &listener, sizeof(listener)), 0));
	cr_assert(eq(int, add(LINK_PEER_LISTENER, &listener, sizeof(listener)), -EINVAL));
	cr_assert(eq(int, add_listener(1, SIDE_CORE, own, "a", "a"), 0));
	finish();
	cr_assert(span_equal(directory_peer(directory, 2)->name, text("ep2")));
	cr_assert(directory_peer(directory, 2)->secure);
	cr_assert(endpoint_equal(&directory_peer(directory, 2)->relay, &relay));
	cr_assert(eq(int, directory_peer_transport(directory, 2, 9), TRANSPORT_TLS));
	cr_assert(eq(int, directory_peer_transport(directory, 3, 9), TRANSPORT_NONE));
	cr_assert(eq(int, directory_peer_transport(directory, 2, 127), TRANSPORT_NONE));
	cr_assert(directory_is_listener(directory, &own));
	cr_assert(directory_is_listener(directory, &relay));
	cr_assert(directory_is_listener(directory, &theirs));
	cr_assert(not(directory_is_listener(directory, &other)));
	cr_assert(directory_is_peer_relay(directory, &relay));
	cr_assert(not(directory_is_peer_relay(directory, &theirs)));
	cr_assert(not(directory_is_target(directory, &relay)));
}

// --- Targets ---

Test(directory, a_route_finds_its_target_by_text, .init = setup, .fini = teardown)
{
	struct endpoint endpoint = v4(8, 5060);

	cr_assert(eq(int,
		add_target((struct target_words){
			.host = "core.example", .port = 0, .endpoint = v4(8, 5060), .identity = 1}),
		0));
	cr_assert(eq(int,
		add_target((struct target_words){.host = "core.example",
			.port = 5080,
			.endpoint = v4(9, 5080),
			.identity = 2}),
		0));
	cr_assert(eq(int,
		add_target((struct target_words){.host = "2001:db8::9",
			.port = 5060,
			.endpoint = v6(9, 5060),
			.identity = 3}),
		0));
	finish();
	cr_assert(eq(
		u32, directory_find_target(directory, text("Core.example"), 0, 5060)->identity, 1));
	cr_assert(eq(u32,
		directory_find_target(directory, text("core.example"), 5060, 5060)->identity, 1));
	cr_assert(eq(u32,
		directory_find_target(directory, text("core.example"), 5080, 5060)->identity, 2));
	cr_assert(eq(u32,
		directory_find_target(directory, text("[2001:db8::9]"), 0, 5060)->identity, 3));
	cr_assert(eq(ptr,
		(void *)directory_find_target(directory, text("core.example"), 5061, 5060), NULL));
	cr_assert(eq(ptr, (void *)directory_find_target(directory, text("192.0.2.8"), 5060, 5060),
		NULL));
	cr_assert(directory_is_target(directory, &endpoint));
}

Test(directory, a_healthy_target_goes_before_others_of_its_name, .init = setup, .fini = teardown)
{
	cr_assert(eq(int,
		add_target((struct target_words){.host = "core.example",
			.port = 0,
			.endpoint = v4(8, 5060),
			.sick = true,
			.identity = 1}),
		0));
	cr_assert(eq(int,
		add_target((struct target_words){
			.host = "core.example", .port = 0, .endpoint = v4(9, 5060), .identity = 2}),
		0));
	cr_assert(eq(int,
		add_target((struct target_words){.host = "sick.example",
			.port = 0,
			.endpoint = v4(7, 5060),
			.sick = true,
			.identity = 3}),
		0));
	finish();
	cr_assert(eq(
		u32, directory_find_target(directory, text("core.example"), 0, 5060)->identity, 2));
	cr_assert(eq(
		u32, directory_find_target(directory, text("sick.example"), 0, 5060)->identity, 3));
}

enum {
	TARGETS = 5,
	CALLS = 20000,
};

// Targets 1 to 5, of which one may be sick and one not balanced (0: none).
static void finish_targets(uint32_t sick, uint32_t unbalanced)
{
	for (uint32_t i = 1; i <= TARGETS; i++)
		cr_assert(eq(int,
			add_target((struct target_words){.host = "core.example",
				.port = 0,
				.endpoint = v4((uint8_t)i, 5060),
				i == sick || sick == UINT32_MAX,
				i == unbalanced,
				i}),
			0));
	finish();
}

static uint32_t picked(uint64_t call)
{
	return directory_pick_target(directory, call * 0x9e3779b97f4a7c15u)->identity;
}

Test(directory, calls_are_spread_evenly_over_the_targets, .init = setup, .fini = teardown)
{
	unsigned calls[TARGETS + 1] = {0};

	finish_targets(0, 0);
	for (uint64_t call = 0; call < CALLS; call++)
		calls[picked(call)]++;
	for (unsigned i = 1; i <= TARGETS; i++)
		cr_assert(abs((int)calls[i] - CALLS / TARGETS) < CALLS / TARGETS / 10, "%u",
			calls[i]);
}

Test(directory, a_target_that_fails_takes_only_its_own_calls_along, .init = setup, .fini = teardown)
{
	static uint32_t before[CALLS];

	finish_targets(0, 0);
	for (uint64_t call = 0; call < CALLS; call++)
		before[call] = picked(call);
	directory_free(directory);
	setup();
	finish_targets(3, 0);
	for (uint64_t call = 0; call < CALLS; call++)
		cr_assert(before[call] == 3 ? picked(call) != 3 : picked(call) == before[call]);
}

Test(directory, a_call_goes_to_a_sick_target_when_none_is_healthy, .init = setup, .fini = teardown)
{
	finish_targets(UINT32_MAX, 2);
	for (uint64_t call = 0; call < 1000; call++)
		cr_assert(ne(u32, picked(call), 2));
}

Test(directory, a_target_that_is_not_balanced_is_never_picked, .init = setup, .fini = teardown)
{
	cr_assert(eq(int,
		add_target((struct target_words){
			.host = "a", .port = 0, .endpoint = v4(1, 5060), .unbalanced = true}),
		0));
	finish();
	cr_assert(eq(ptr, (void *)directory_pick_target(directory, 1), NULL));
}

// --- Prefixes ---

Test(directory, a_prefix_counts_for_its_list_and_its_listener_alone, .init = setup,
	.fini = teardown)
{
	struct prefix net = {.address = {192, 0, 2}, .family = ENDPOINT_V4, .length = 24};
	struct prefix all6 = {.family = ENDPOINT_V6, .length = 0};
	struct endpoint inside = v4(200, 1), outside = v4(200, 1), six = v6(1, 1);

	outside.address[2] = 3;
	cr_assert(eq(int, add_prefix(LINK_PREFIX_ALLOW, 126, net), 0));
	cr_assert(eq(int, add_prefix(LINK_PREFIX_ACCESS_NETWORKS, 3, net), 0));
	cr_assert(eq(int, add_prefix(LINK_PREFIX_SHARED_FLOWS, 5, net), 0));
	cr_assert(eq(int, add_prefix(LINK_PREFIX_ALLOW, 2, all6), 0));
	finish();
	for (uint8_t listener = 0; listener < LISTENERS_MAX; listener++) {
		cr_assert(eq(int,
			directory_prefix_listed(directory, LINK_PREFIX_ALLOW, listener, &inside),
			listener == 126));
		cr_assert(eq(int,
			directory_prefix_listed(
				directory, LINK_PREFIX_ACCESS_NETWORKS, listener, &inside),
			listener == 3));
		cr_assert(directory_prefix_listed(
			directory, LINK_PREFIX_SHARED_FLOWS, listener, &inside));
		cr_assert(not(
			directory_prefix_listed(directory, LINK_PREFIX_INSIDE, listener, &inside)));
		cr_assert(eq(int,
			directory_prefix_listed(directory, LINK_PREFIX_ALLOW, listener, &six),
			listener == 2));
	}
	cr_assert(not(directory_prefix_listed(directory, LINK_PREFIX_ALLOW, 126, &outside)));
	cr_assert(not(directory_prefix_listed(directory, LINK_PREFIX_ALLOW, 126, &six)));
}
