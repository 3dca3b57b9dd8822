#include "../../dataplane/pipeline/sources.h"
#include "../../dataplane/table/bucket.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

enum {
	SECOND_NS = 1000000000,
	CROWD = 1000000,
};

static const uint64_t NOW_NS = 5ull * SECOND_NS;

static struct sources *sources;

static void setup(void)
{
	sources = calloc(1, sizeof(*sources));
	sources->seed[0] = 0x8badf00d8badf00d;
	sources->seed[1] = 0x0ddba11c0ffee000;
}

static void teardown(void)
{
	free(sources);
}

TestSuite(sources, .init = setup, .fini = teardown);

static struct endpoint v4(uint32_t address, uint16_t port)
{
	return (struct endpoint){.address = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
					 (uint8_t)(address >> 8), (uint8_t)address},
		.port = port,
		.family = ENDPOINT_V4};
}

static struct source *find(struct endpoint peer)
{
	return source_find(sources, &peer, NOW_NS);
}

static unsigned take_all(uint64_t *paid_ns, struct bucket_size size, uint64_t kept, uint64_t now_ns)
{
	unsigned taken = 0;

	while (bucket_take(paid_ns, &size, kept, now_ns))
		taken++;
	return taken;
}

Test(sources, a_bucket_gives_its_burst_and_then_its_rate)
{
	struct bucket_size size = bucket_size_of(100, 40);
	uint64_t paid_ns = 0;

	cr_assert(eq(uint, take_all(&paid_ns, size, 0, NOW_NS), 40));
	cr_assert(eq(uint, take_all(&paid_ns, size, 0, NOW_NS + SECOND_NS / 10), 10));
	cr_assert(eq(uint, take_all(&paid_ns, size, 0, NOW_NS + 100ull * SECOND_NS), 40));
}

Test(sources, what_is_kept_back_is_there_for_who_may_take_it)
{
	struct bucket_size size = bucket_size_of(100, 40);
	uint64_t paid_ns = 0;

	cr_assert(eq(uint, take_all(&paid_ns, size, size.depth_ns / 2, NOW_NS), 20));
	cr_assert(eq(uint, take_all(&paid_ns, size, size.depth_ns / 4, NOW_NS), 10));
	cr_assert(eq(uint, take_all(&paid_ns, size, 0, NOW_NS), 10));
}

Test(sources, no_rate_is_no_limit)
{
	struct bucket_size size = bucket_size_of(0, 0);
	uint64_t paid_ns = 0;

	for (unsigned i = 0; i < CROWD; i++)
		cr_assert(bucket_take(&paid_ns, &size, 0, NOW_NS));
}

Test(sources, a_source_is_an_address_whatever_its_port)
{
	cr_assert(find(v4(0xc6336405, 1)) == find(v4(0xc6336405, 65535)));
	cr_assert(find(v4(0xc6336405, 1)) != find(v4(0xc6336406, 1)));
}

Test(sources, a_source_is_a_v6_network_whatever_its_host)
{
	struct endpoint one = {.address = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1}, .family = ENDPOINT_V6};
	struct endpoint host = one, network = one;

	host.address[8] = 1;
	network.address[7] = 2;
	cr_assert(find(one) == find(host));
	cr_assert(find(one) != find(network));
}

Test(sources, a_crowd_does_not_displace_who_owes_more_than_its_members)
{
	struct source *heavy = find(v4(1, 1));
	uint32_t tag = heavy->tag;

	heavy->paid_ns = NOW_NS + SECOND_NS;
	for (uint32_t i = 2; i < CROWD; i++)
		find(v4(i, 1))->paid_ns += 10;
	cr_assert(find(v4(1, 1)) == heavy);
	cr_assert(eq(u32, heavy->tag, tag));
	cr_assert(eq(u64, heavy->paid_ns, NOW_NS + SECOND_NS));
}

// So a crowd has no more than the buckets that the table has, whoever they are.
Test(sources, a_newcomer_to_a_full_place_owes_what_the_least_there_owed)
{
	for (uint32_t i = 0; i < CROWD; i++)
		find(v4(i, 1))->paid_ns = NOW_NS + SECOND_NS;
	for (uint32_t i = CROWD; i < CROWD + 1000; i++)
		cr_assert(eq(u64, find(v4(i, 1))->paid_ns, NOW_NS + SECOND_NS));
}

Test(sources, places_differ_with_the_seed)
{
	struct endpoint peer = v4(0xc6336405, 1);
	ptrdiff_t before = find(peer) - &sources->place[0][0];
	unsigned same = 0;

	for (uint64_t seed = 1; seed <= 64; seed++) {
		sources->seed[0] = seed * 0x9e3779b97f4a7c15;
		same += find(peer) - &sources->place[0][0] == before;
	}
	cr_assert(lt(uint, same, 4));
}

Test(sources, addresses_in_a_row_spread_over_all_places)
{
	unsigned used = 0;

	for (uint32_t i = 0; i < SOURCES_PLACES; i++)
		find(v4(0x0a000000 + i, 1))->paid_ns = NOW_NS + 1;
	for (unsigned place = 0; place < SOURCES_PLACES; place++)
		used += sources->place[place][0].tag != 0;
	// Of so many thrown at random one in e leaves its place empty.
	cr_assert(gt(uint, used, SOURCES_PLACES / 10 * 6));
	cr_assert(lt(uint, used, SOURCES_PLACES / 10 * 7));
}
