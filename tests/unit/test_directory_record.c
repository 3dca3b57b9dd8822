// test_directory_record.c: no record can make a directory hold nonsense, or more than it may.

#include "directory_maker.h"

#include <errno.h>

Test(directory_record, a_listener_that_would_write_more_than_a_host_and_port_is_refused,
	.init = setup, .fini = teardown)
{
	static const char *const refused[] = {"", ":", ":5060", "a:", "a:0", "a:65536", "a:000001",
		"a:5060 ", "a b", "a\r\nX: y", "a;lr", "a>", "A", "[", "[]", "[::1", "::1]",
		"[::1]x", "[::1]:", "2001:db8::1", "a:b"};

	for (unsigned i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		cr_assert(
			eq(int, add_listener(1, SIDE_CORE, v4(1, 5060), refused[i], "a"), -EINVAL),
			"%s", refused[i]);
		cr_assert(
			eq(int, add_listener(1, SIDE_CORE, v4(1, 5060), "a", refused[i]), -EINVAL),
			"%s", refused[i]);
	}
	cr_assert(eq(int, add_listener(1, SIDE_CORE, v4(1, 5060), "[::1]", "a:65535"), 0));
	cr_assert(eq(int, add_listener(1, SIDE_CORE, v4(2, 5060), "a", "b"), -EINVAL));
}

Test(directory_record, a_record_of_any_other_length_or_type_is_refused, .init = setup,
	.fini = teardown)
{
	static const size_t lengths[] = {[LINK_SETTINGS] = sizeof(struct link_settings),
		[LINK_NAME] = sizeof(struct link_name),
		[LINK_PEER] = sizeof(struct link_peer),
		[LINK_PEER_LISTENER] = sizeof(struct link_peer_listener),
		[LINK_TARGET] = sizeof(struct link_target),
		[LINK_PREFIX] = sizeof(struct link_prefix),
		[LINK_DIRECTORY_LISTENER] = sizeof(struct link_directory_listener)};
	static const uint8_t octets[600];

	for (unsigned type = 0; type <= UINT16_MAX; type += type < 300 ? 1 : 251)
		for (size_t length = 0; length <= sizeof(octets); length++) {
			bool known = type >= LINK_SETTINGS && type <= LINK_DIRECTORY_LISTENER;
			if (!known || length != lengths[type])
				cr_assert(add((uint16_t)type, octets, length) == -EINVAL);
		}
}

Test(directory_record, a_listener_with_a_field_out_of_range_is_refused, .init = setup,
	.fini = teardown)
{
	struct link_directory_listener good = listener_of(1, SIDE_CORE, v4(1, 5060), "a", "a"), bad;

#define REFUSED(change) \
	bad = good; \
	bad.listener.change; \
	cr_assert(eq(int, add(LINK_DIRECTORY_LISTENER, &bad, sizeof(bad)), -EINVAL), #change)
	REFUSED(id = LISTENERS_MAX);
	REFUSED(id = 255);
	REFUSED(side = 0);
	REFUSED(side = SIDE_PEER + 1);
	REFUSED(transport = 0);
	REFUSED(transport = TRANSPORT_WSS + 1);
	REFUSED(driver = LINK_DRIVER_DPDK + 1);
	REFUSED(address.family = 0);
	REFUSED(address.family = 5);
	REFUSED(address.port = 0);
	REFUSED(address.reserved = 1);
	REFUSED(address.address[4] = 1);
#undef REFUSED
	cr_assert(eq(int, add(LINK_DIRECTORY_LISTENER, &good, sizeof(good)), 0));
}

static void assert_peer_refused(struct link_peer peer)
{
	cr_assert(eq(int, add(LINK_PEER, &peer, sizeof(peer)), -EINVAL));
}

Test(directory_record, a_peer_without_edge_name_or_relay_is_refused, .init = setup,
	.fini = teardown)
{
	assert_peer_refused(peer_of(0, "a", v4(1, 1)));
	assert_peer_refused(peer_of(1, "", v4(1, 1)));
	assert_peer_refused(peer_of(1, "a>", v4(1, 1)));
	assert_peer_refused(peer_of(1, "a", (struct endpoint){0}));
}

Test(directory_record, other_records_with_a_field_out_of_range_are_refused, .init = setup,
	.fini = teardown)
{
	struct link_name names[] = {name_of(1, "", 5060), name_of(1, "a", 0), name_of(1, "A", 1),
		name_of(1, "[::1]", 1), name_of(1, "a\n", 1), name_of(1, "a/b", 1)};
	struct link_target target = target_of((struct target_words){
				   .host = "a", .port = 0, .endpoint = v4(1, 1)}),
			   bad = target;
	struct prefix wide4 = {.family = ENDPOINT_V4, .length = 33};
	struct prefix wide6 = {.family = ENDPOINT_V6, .length = 129};
	struct prefix none = {0}, good = {.family = ENDPOINT_V6, .length = 128};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		cr_assert(eq(int, add(LINK_NAME, &names[i], sizeof(names[i])), -EINVAL), "%u", i);
	bad.healthy = 2;
	cr_assert(eq(int, add(LINK_TARGET, &bad, sizeof(bad)), -EINVAL));
	bad = target;
	bad.transport = 6;
	cr_assert(eq(int, add(LINK_TARGET, &bad, sizeof(bad)), -EINVAL));
	cr_assert(eq(int, add_prefix(LINK_PREFIX_ALLOW, 0, wide4), -EINVAL));
	cr_assert(eq(int, add_prefix(LINK_PREFIX_ALLOW, 0, wide6), -EINVAL));
	cr_assert(eq(int, add_prefix(LINK_PREFIX_ALLOW, 0, none), -EINVAL));
	cr_assert(eq(int, add_prefix(LINK_PREFIX_LISTS, 0, good), -EINVAL));
	cr_assert(eq(int, add_prefix(LINK_PREFIX_ALLOW, LISTENERS_MAX, good), -EINVAL));
}

static int add_way(struct link_target target)
{
	return add(LINK_TARGET, &target, sizeof(target));
}

Test(directory_record, a_target_says_of_a_connection_what_can_be, .init = setup, .fini = teardown)
{
	struct link_target target =
		target_of((struct target_words){.host = "a", .port = 0, .endpoint = v4(1, 1)});

#define TARGET(...) \
	({ \
		struct link_target changed = target; \
		const struct link_target words = {__VA_ARGS__}; \
		changed.transport = words.transport; \
		changed.slot = words.slot; \
		changed.generation = words.generation; \
		changed.healthy = words.healthy; \
		changed.alias = words.alias; \
		add_way(changed); \
	})
	cr_assert(eq(int,
		TARGET(.transport = TRANSPORT_TCP, .slot = 4, .generation = 9, .healthy = 1), 0));
	cr_assert(eq(int,
		TARGET(.transport = TRANSPORT_TLS, .slot = 4, .generation = 9, .alias = 1), 0));
	cr_assert(eq(int, TARGET(.transport = TRANSPORT_TCP), 0));
	// Nothing is sent to a phone's WebSocket from here, and without a connection nobody is well.
	cr_assert(eq(int, TARGET(.transport = TRANSPORT_WSS, .slot = 4, .generation = 9), -EINVAL));
	cr_assert(eq(int, TARGET(.transport = TRANSPORT_TCP, .healthy = 1), -EINVAL));
	cr_assert(eq(int, TARGET(.transport = TRANSPORT_TCP, .slot = 4), -EINVAL));
	cr_assert(eq(int, TARGET(.transport = TRANSPORT_TCP, .generation = 9), -EINVAL));
	cr_assert(eq(int, TARGET(.transport = TRANSPORT_UDP, .slot = 4, .generation = 9), -EINVAL));
	// RFC 5923 section 6: nobody is believed without TLS.
	cr_assert(
		eq(int, TARGET(.transport = TRANSPORT_TCP, .slot = 4, .generation = 9, .alias = 1),
			-EINVAL));
	cr_assert(eq(int, TARGET(.transport = TRANSPORT_UDP, .alias = 1), -EINVAL));
#undef TARGET
}

Test(directory_record, settings_are_needed_once, .init = setup, .fini = teardown)
{
	struct link_settings settings = {.edge = 0};

	cr_assert(eq(int, add(LINK_SETTINGS, &settings, sizeof(settings)), -EINVAL));
	settings.edge = 4;
	cr_assert(eq(int, add(LINK_SETTINGS, &settings, sizeof(settings)), 0));
	cr_assert(eq(int, add(LINK_SETTINGS, &settings, sizeof(settings)), -EINVAL));
	directory_builder_free(builder);
	setup();
	cr_assert(eq(int, add_name(1, "a", 1), 0));
	cr_assert(eq(ptr, (void *)directory_builder_finish(builder), NULL));
	builder = NULL;
}

Test(directory_record, what_control_may_fill_is_bounded, .init = setup, .fini = teardown)
{
	struct prefix net = {.family = ENDPOINT_V4, .length = 8};

	for (unsigned i = 0; i < DIRECTORY_RECORDS_MAX; i++) {
		cr_assert(eq(int, add_name(1, "a", (uint16_t)(i + 1)), 0));
		cr_assert(eq(int, add_prefix(LINK_PREFIX_INSIDE, 0, net), 0));
	}
	cr_assert(eq(int, add_name(1, "b", 1), -ENOSPC));
	cr_assert(eq(int, add_prefix(LINK_PREFIX_ALLOW, 0, net), -ENOSPC));
	cr_assert(eq(int,
		add_target((struct target_words){.host = "a", .port = 0, .endpoint = v4(1, 1)}),
		0));
	finish();
}
