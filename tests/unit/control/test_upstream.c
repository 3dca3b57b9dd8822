// Core targets as the dataplane is to see them. Literal addresses need no DNS; probes go nowhere.

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

static void send_nowhere(void *context, const struct endpoint *to, struct span octets)
{
}

static void note_change(void *context)
{
}

static void open_with(
	const struct upstream_target *targets, unsigned target_count, bool v4, bool v6)
{
	const struct upstream_options options = {
		.base = base,
		.resolver = resolver,
		.targets = targets,
		.target_count = target_count,
		.probe_every_ms = 1000,
		.down_after = 3,
		.sent_by = SPAN("192.0.2.1:5060"),
		.families = {[ENDPOINT_V4] = v4, [ENDPOINT_V6] = v6},
		.send = send_nowhere,
		.changed = note_change,
	};

	cr_assert(eq(int, upstream_open(&options, &upstream), 0));
	count = upstream_list(upstream, list);
}

static const struct upstream_target BOTH[] = {
	{SPAN("192.0.2.9"), 5070},
	{SPAN("[2001:DB8:0:0::9]"), 0},
};

Test(upstream, a_literal_is_named_as_the_dataplane_compares_it)
{
	open_with(BOTH, 2, true, true);
	cr_assert(eq(uint, count, 2));
	cr_assert(span_equal(span_of(list[0].host, list[0].host_length), SPAN("192.0.2.9")));
	cr_assert(eq(int, list[0].port, 5070));
	cr_assert(span_equal(span_of(list[1].host, list[1].host_length), SPAN("2001:db8::9")));
	cr_assert(eq(int, list[1].endpoint.family, ENDPOINT_V6));
	cr_assert(eq(int, list[1].endpoint.port, 5060));
}

Test(upstream, an_address_of_a_family_without_a_listener_is_passed_over)
{
	open_with(BOTH, 2, true, false);
	cr_assert(eq(uint, count, 1));
	cr_assert(eq(int, list[0].endpoint.family, ENDPOINT_V4));
	cr_assert(eq(int, list[0].balanced, 1));
}

Test(upstream, targets_are_alive_and_balanced_from_the_start)
{
	open_with(BOTH, 2, true, true);
	for (unsigned i = 0; i < count; i++) {
		cr_assert(eq(int, list[i].healthy, 1));
		cr_assert(eq(int, list[i].balanced, 1));
	}
	cr_assert(ne(u32, list[0].identity, list[1].identity));
}
