// test_range_table.c: nested prefixes laid flat give what looking at all of them gives.

#include "next_hop.h"
#include "random.h"
#include "range_table.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

static struct range_prefix prefixes[NEXT_HOP_ROUTES_MAX];
static size_t count;
static struct range_table table;

static void teardown(void)
{
	range_table_fini(&table);
}

TestSuite(range_table, .fini = teardown);

static struct range_prefix *prefix_add(struct prefix prefix, uint32_t value)
{
	prefixes[count] = (struct range_prefix){.prefix = prefix, .value = value};
	return &prefixes[count++];
}

static struct range_prefix *v4_add(uint32_t address, uint8_t length, uint32_t value)
{
	const struct prefix prefix = {{(uint8_t)(address >> 24), (uint8_t)(address >> 16),
					      (uint8_t)(address >> 8), (uint8_t)address},
		ENDPOINT_V4, length};

	return prefix_add(prefix, value);
}

static void table_make(uint8_t family)
{
	cr_assert(eq(int, range_table_init(&table, family, prefixes, count), 0));
}

static uint32_t v4_find(uint32_t address)
{
	const uint8_t octets[16] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
		(uint8_t)(address >> 8), (uint8_t)address};

	return range_table_find(&table, octets);
}

Test(range_table, of_nothing_all_is_nothing)
{
	table_make(ENDPOINT_V4);
	cr_assert(eq(u32, v4_find(0), 0));
	cr_assert(eq(u32, v4_find(UINT32_MAX), 0));
}

Test(range_table, the_longest_prefix_counts_whatever_its_metric)
{
	v4_add(0, 0, 1)->metric = 0;
	v4_add(0xcb007100, 24, 2)->metric = 100;
	v4_add(0xcb007180, 25, 3)->metric = 200;
	v4_add(0xcb0071c8, 32, 4)->metric = 300;
	table_make(ENDPOINT_V4);
	cr_assert(eq(u32, v4_find(0), 1));
	cr_assert(eq(u32, v4_find(0xcb0070ff), 1));
	cr_assert(eq(u32, v4_find(0xcb007100), 2));
	cr_assert(eq(u32, v4_find(0xcb00717f), 2));
	cr_assert(eq(u32, v4_find(0xcb007180), 3));
	cr_assert(eq(u32, v4_find(0xcb0071c7), 3));
	cr_assert(eq(u32, v4_find(0xcb0071c8), 4));
	cr_assert(eq(u32, v4_find(0xcb0071c9), 3));
	cr_assert(eq(u32, v4_find(0xcb0071ff), 3));
	cr_assert(eq(u32, v4_find(0xcb007200), 1));
	cr_assert(eq(u32, v4_find(UINT32_MAX), 1));
}

Test(range_table, a_prefix_begins_and_ends_where_its_bits_say_whatever_follows_them)
{
	v4_add(0x0a0000ff, 24, 1);
	v4_add(0xffffffff, 8, 2);
	table_make(ENDPOINT_V4);
	cr_assert(eq(u32, v4_find(0x09ffffff), 0));
	cr_assert(eq(u32, v4_find(0x0a000000), 1));
	cr_assert(eq(u32, v4_find(0x0a0000ff), 1));
	cr_assert(eq(u32, v4_find(0x0a000100), 0));
	cr_assert(eq(u32, v4_find(0xfeffffff), 0));
	cr_assert(eq(u32, v4_find(0xff000000), 2));
	cr_assert(eq(u32, v4_find(0xffffffff), 2));
}

Test(range_table, prefixes_that_end_together_end_together)
{
	v4_add(0x0a000000, 8, 1);
	v4_add(0x0affff00, 24, 2);
	v4_add(0x0affffff, 32, 3);
	v4_add(0x0b000000, 32, 4);
	table_make(ENDPOINT_V4);
	cr_assert(eq(u32, v4_find(0x0afffeff), 1));
	cr_assert(eq(u32, v4_find(0x0affff00), 2));
	cr_assert(eq(u32, v4_find(0x0affffff), 3));
	cr_assert(eq(u32, v4_find(0x0b000000), 4));
	cr_assert(eq(u32, v4_find(0x0b000001), 0));
}

Test(range_table, what_is_local_hides_what_is_inside_of_it_and_its_equals)
{
	v4_add(0x0a000000, 8, 1);
	v4_add(0x0a010000, 16, 2)->local = true;
	v4_add(0x0a010000, 16, 3);
	v4_add(0x0a010500, 24, 4);
	v4_add(0x0a010507, 32, 5);
	table_make(ENDPOINT_V4);
	cr_assert(eq(u32, v4_find(0x0a00ffff), 1));
	cr_assert(eq(u32, v4_find(0x0a010001), 2));
	cr_assert(eq(u32, v4_find(0x0a010501), 2));
	cr_assert(eq(u32, v4_find(0x0a010507), 2));
	cr_assert(eq(u32, v4_find(0x0a020000), 1));
}

Test(range_table, the_other_family_is_passed_over)
{
	v4_add(0, 0, 1);
	prefix_add((struct prefix){{0x20}, ENDPOINT_V6, 8}, 2);
	table_make(ENDPOINT_V6);
	cr_assert(eq(u32, range_table_find(&table, (const uint8_t[16]){0x20, 1}), 2));
	cr_assert(eq(u32, range_table_find(&table, (const uint8_t[16]){0x21}), 0));
}

// Ones up to the length, then zeros.
static struct prefix prefix_of_ones(unsigned length)
{
	struct prefix prefix = {.family = ENDPOINT_V6, .length = (uint8_t)length};

	for (unsigned bit = 0; bit < length; bit++)
		prefix.address[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return prefix;
}

Test(range_table, ipv6_prefixes_of_every_length)
{
	for (unsigned length = 0; length <= 128; length++)
		prefix_add(prefix_of_ones(length), length + 1);
	table_make(ENDPOINT_V6);
	// With one bit less than all ones, the longest prefix is as long as the ones before it.
	for (unsigned zero = 0; zero < 128; zero++) {
		uint8_t address[16];

		memset(address, 0xff, sizeof(address));
		address[zero / 8] ^= (uint8_t)(0x80 >> zero % 8);
		cr_assert(eq(u32, range_table_find(&table, address), zero + 1));
	}
	cr_assert(eq(u32, range_table_find(&table, prefix_of_ones(128).address), 129));
}

static bool is_better(const struct range_prefix *prefix, const struct range_prefix *best)
{
	if (best == NULL || prefix->prefix.length != best->prefix.length)
		return best == NULL || prefix->prefix.length > best->prefix.length;
	return prefix->metric < best->metric;
}

// As the words of the contract say it: all prefixes are looked at, the local ones first.
static uint32_t find_slowly(uint32_t address)
{
	const struct endpoint endpoint = {.family = ENDPOINT_V4,
		.address = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
			(uint8_t)(address >> 8), (uint8_t)address}};
	const struct range_prefix *best = NULL;

	for (int local = 1; local >= 0 && best == NULL; local--)
		for (size_t i = 0; i < count; i++)
			if (prefixes[i].local == (local != 0)
				&& prefix_contains(&prefixes[i].prefix, &endpoint)
				&& is_better(&prefixes[i], best))
				best = &prefixes[i];
	return best == NULL ? 0 : best->value;
}

// Crowded, so that many are nested and equal. Of nested local ones the outer one hides the inner, and says the same.
Test(range_table, as_many_prefixes_as_there_may_be_are_told_apart)
{
	struct random random = {3};

	while (count < NEXT_HOP_ROUTES_MAX) {
		uint8_t length = (uint8_t)random_below(&random, 33);
		uint32_t bits = 10u << 24 | (uint32_t)random_next(&random) % 4096 << 8;

		bits &= length == 0 ? 0 : UINT32_MAX << (32 - length);
		struct range_prefix *prefix = v4_add(bits, length, (uint32_t)count + 2);

		prefix->metric = random_below(&random, 3);
		prefix->local = length > 16 && random_below(&random, 50) == 0;
		if (prefix->local)
			prefix->value = 1;
	}
	table_make(ENDPOINT_V4);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t address = (9 + random_below(&random, 3)) << 24
			| random_below(&random, 18) << 16 | random_below(&random, 256) << 8
			| random_below(&random, 3);

		cr_assert(eq(u32, v4_find(address), find_slowly(address)));
	}
}
