// Core targets as the dataplane is to see them. Literal addresses need no DNS; probes go nowhere.

#include "base/clock.h"
#include "targets/upstream.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct event_base *base;
static struct resolver *resolver;
static struct upstream *upstream;
static struct link_target list[UPSTREAM_TARGETS_MAX];
static unsigned count;

static void setup(void)
{
	base = event_base_new();
	cr_assert(eq(int, resolver_open(base, "127.0.0.1:53", &resolver), 0));
}

static void teardown(void)
{
	upstream_close(upstream);
	resolver_close(resolver);
	event_base_free(base);
}

TestSuite(upstream, .init = setup, .fini = teardown);

// What is known of the connections to 192.0.2.N, by N.
static struct upstream_connection connections[256];
static unsigned probes[256];

static struct upstream_connection connection_know(void *context, const struct target *target)
{
	return connections[target->endpoint.address[3]];
}

static struct span sent_by(void *context, const struct target *target)
{
	return SPAN("192.0.2.1:5060");
}

static void send_nowhere(void *context, const struct target *to,
	const struct upstream_connection *by, struct span octets)
{
	probes[to->endpoint.address[3]]++;
}

static void note_change(void *context)
{
}

static void open_with(
	const struct destination *targets, unsigned target_count, unsigned v4, unsigned v6)
{
	const struct upstream_options options = {
		.base = base,
		.resolver = resolver,
		.targets = targets,
		.target_count = target_count,
		.defaults = targets,
		.default_count = target_count,
		.probe_every_ms = 1000,
		.down_after = 3,
		.transports = {[ENDPOINT_V4] = v4, [ENDPOINT_V6] = v6},
		.connection = connection_know,
		.sent_by = sent_by,
		.send = send_nowhere,
		.changed = note_change,
	};

	cr_assert(eq(int, upstream_open(&options, &upstream), 0));
	count = upstream_list(upstream, list);
}

enum {
	UDP = 1 << TRANSPORT_UDP,
	ALL = 1 << TRANSPORT_UDP | 1 << TRANSPORT_TCP | 1 << TRANSPORT_TLS,
};

static const struct destination BOTH[] = {
	{.host = SPAN("192.0.2.9"), .port = 5070},
	{.host = SPAN("[2001:DB8:0:0::9]")},
};

Test(upstream, a_literal_is_named_as_the_dataplane_compares_it)
{
	open_with(BOTH, 2, UDP, UDP);
	cr_assert(eq(uint, count, 2));
	cr_assert(span_equal(span_of(list[0].host, list[0].host_length), SPAN("192.0.2.9")));
	cr_assert(eq(int, list[0].port, 5070));
	cr_assert(span_equal(span_of(list[1].host, list[1].host_length), SPAN("2001:db8::9")));
	cr_assert(eq(int, list[1].endpoint.family, ENDPOINT_V6));
	cr_assert(eq(int, list[1].endpoint.port, 5060));
}

Test(upstream, an_address_of_a_family_without_a_listener_is_passed_over)
{
	open_with(BOTH, 2, UDP, 0);
	cr_assert(eq(uint, count, 1));
	cr_assert(eq(int, list[0].endpoint.family, ENDPOINT_V4));
	cr_assert(eq(int, list[0].balanced, 1));
}

Test(upstream, targets_are_alive_and_balanced_from_the_start)
{
	open_with(BOTH, 2, UDP, UDP);
	for (unsigned i = 0; i < count; i++) {
		cr_assert(eq(int, list[i].healthy, 1));
		cr_assert(eq(int, list[i].balanced, 1));
	}
	cr_assert(ne(u32, list[0].identity, list[1].identity));
}

static const struct destination STREAMS[] = {
	{.host = SPAN("192.0.2.9"), .transport = TRANSPORT_TCP},
	{.host = SPAN("192.0.2.8"), .transport = TRANSPORT_TLS, .secure = true},
};

Test(upstream, a_stream_target_lives_by_its_connection)
{
	open_with(STREAMS, 2, ALL, 0);
	cr_assert(eq(uint, count, 2));
	cr_assert(eq(int, list[1].endpoint.port, 5061));
	for (unsigned i = 0; i < count; i++) {
		cr_assert(eq(int, list[i].healthy, 0));
		cr_assert(eq(int, list[i].balanced, 0));
	}
	connections[9] = (struct upstream_connection){.slot = 4, .generation = 7, .alias = true};
	connections[8] = (struct upstream_connection){.slot = 5, .generation = 8, .alias = true};
	count = upstream_list(upstream, list);
	for (unsigned i = 0; i < count; i++) {
		cr_assert(eq(int, list[i].healthy, 1));
		cr_assert(eq(int, list[i].balanced, 1));
		cr_assert(eq(u32, list[i].slot, 4 + i));
		cr_assert(eq(u32, list[i].generation, 7 + i));
	}
	// RFC 5923 section 6: only TLS.
	cr_assert(eq(int, list[0].alias, 0));
	cr_assert(eq(int, list[1].alias, 1));
}

Test(upstream, a_connection_that_came_back_takes_no_share_before_its_time)
{
	connections[9] = (struct upstream_connection){.slot = 4, .generation = 7, .since_ms = 1};
	connections[8] = (struct upstream_connection){.slot = 5, .generation = 8};
	open_with(STREAMS, 2, ALL, 0);
	cr_assert(eq(int, list[0].balanced, clock_ms() - 1 >= UPSTREAM_REJOIN_MS));
	connections[9].since_ms = clock_ms();
	(void)upstream_list(upstream, list);
	cr_assert(eq(int, list[0].healthy, 1));
	cr_assert(eq(int, list[0].balanced, 0));
	cr_assert(eq(int, list[1].balanced, 1));
	// Better than nobody.
	connections[8].generation = connections[8].slot = 0;
	(void)upstream_list(upstream, list);
	cr_assert(eq(int, list[0].balanced, 1));
}

Test(upstream, without_a_connection_nobody_is_probed_and_with_one_at_once)
{
	open_with(STREAMS, 2, ALL, 0);
	cr_assert(eq(uint, probes[9], 0));
	connections[9] = (struct upstream_connection){.slot = 4, .generation = 7};
	upstream_greet(upstream, TRANSPORT_TCP, &list[0].endpoint);
	cr_assert(eq(uint, probes[9], 1));
	cr_assert(eq(uint, probes[8], 0));
}

Test(upstream, a_connection_beside_datagrams_to_the_same_server_has_no_share_of_its_own)
{
	static const struct destination ways[] = {{.host = SPAN("192.0.2.9")},
		{.host = SPAN("192.0.2.9"), .transport = TRANSPORT_TCP}};

	connections[9] = (struct upstream_connection){.slot = 4, .generation = 7};
	open_with(ways, 2, ALL, 0);
	cr_assert(eq(int, list[0].balanced, 1));
	cr_assert(eq(int, list[1].balanced, 0));
	cr_assert(eq(int, list[1].healthy, 1));
	cr_assert(ne(u32, list[0].identity, list[1].identity));
}

static const struct destination THREE[] = {
	{.host = SPAN("192.0.2.9"), .port = 5070},
	{.host = SPAN("192.0.2.8")},
	{.host = SPAN("192.0.2.7")},
};

static struct link_target *listed(uint8_t last_octet)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].endpoint.address[3] == last_octet)
			return &list[i];
	return NULL;
}

static void change_to(const struct upstream_options *options)
{
	cr_assert(eq(int, upstream_change(upstream, options), 0));
	count = upstream_list(upstream, list);
}

Test(upstream, only_defaults_share_what_names_no_target)
{
	const struct upstream_options some = {.targets = THREE,
		.target_count = 3,
		.defaults = &THREE[1],
		.default_count = 1,
		.probe_every_ms = 1000,
		.down_after = 3};

	open_with(THREE, 3, UDP, 0);
	cr_assert(eq(int, listed(9)->balanced, 1));
	change_to(&some);
	cr_assert(eq(uint, count, 3));
	cr_assert(eq(int, listed(9)->balanced, 0));
	cr_assert(eq(int, listed(8)->balanced, 1));
	cr_assert(eq(int, listed(7)->balanced, 0));
	cr_assert(eq(int, listed(7)->healthy, 1));
}

Test(upstream, targets_that_change_are_followed_and_those_that_left_forgotten)
{
	const struct upstream_options others = {.targets = &THREE[1],
		.target_count = 2,
		.defaults = &THREE[1],
		.default_count = 2,
		.probe_every_ms = 20,
		.down_after = 1};

	open_with(THREE, 2, UDP, 0);
	change_to(&others);
	cr_assert(eq(uint, count, 2));
	cr_assert(eq(ptr, listed(9), NULL));
	cr_assert(eq(int, listed(7)->balanced, 1));
	memset(probes, 0, sizeof(probes));
	// At the new pace, and those that left not any more.
	for (unsigned i = 0; i < 500 && probes[7] < 3; i++)
		cr_assert(eq(int, event_base_loop(base, EVLOOP_ONCE), 0));
	cr_assert(ge(uint, probes[7], 3));
	cr_assert(ge(uint, probes[8], 3));
	cr_assert(eq(uint, probes[9], 0));
	count = upstream_list(upstream, list);
	cr_assert(eq(int, listed(7)->healthy, 0));
}
