// How many connections there may be and may begin, in all, from a source and from a site.

#include "streams/admission.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

static struct admission *admission;

static void setup(void)
{
	admission = calloc(1, sizeof(*admission));
	admission->seed = 0x5eed;
	admission->total_max = 1000000;
	admission->source_max = 3;
}

static void teardown(void)
{
	free(admission);
}

TestSuite(admission, .init = setup, .fini = teardown);

static struct endpoint v4(uint8_t host)
{
	return (struct endpoint){.family = ENDPOINT_V4, .address = {192, 0, 2, host}};
}

// The subnet of a /48, which is what its customer has 65,536 of.
static struct endpoint v6(uint16_t site, uint16_t subnet, uint8_t host)
{
	return (struct endpoint){.family = ENDPOINT_V6,
		.address = {0x20, 1, 0xd, 0xb8, site >> 8, site & 0xff, subnet >> 8,
			subnet & 0xff, [15] = host}};
}

Test(admission, bounds_connections_by_source_and_in_all)
{
	struct endpoint one = v4(1), other = v4(2);

	admission->total_max = 4;
	for (unsigned i = 0; i < 3; i++)
		cr_assert(admission_take(admission, &one));
	cr_assert(not(admission_take(admission, &one)));
	cr_assert(admission_take(admission, &other));
	cr_assert(not(admission_take(admission, &other)));
	admission_release(admission, &one);
	cr_assert(admission_take(admission, &other));
	cr_assert(eq(u32, admission->total, 4));
}

Test(admission, takes_an_ipv6_subnet_for_one_source_and_bounds_its_site)
{
	for (uint8_t i = 0; i < 3; i++) {
		struct endpoint host = v6(1, 0, i);
		cr_assert(admission_take(admission, &host));
	}
	struct endpoint same = v6(1, 0, 99);
	cr_assert(not(admission_take(admission, &same)));
	unsigned taken = 3;
	for (uint16_t subnet = 1; subnet < 500; subnet++) {
		struct endpoint host = v6(1, subnet, 1);
		taken += admission_take(admission, &host);
	}
	cr_assert(eq(uint, taken, 3 * ADMISSION_SITE));
	struct endpoint elsewhere = v6(2, 0, 1);
	cr_assert(admission_take(admission, &elsewhere));
	for (uint16_t subnet = 1; subnet <= 3 * ADMISSION_SITE - 3; subnet++) {
		struct endpoint host = v6(1, subnet, 1);
		admission_release(admission, &host);
	}
	struct endpoint again = v6(1, 600, 1);
	cr_assert(admission_take(admission, &again));
}

Test(admission, turns_a_source_away_that_begins_too_often_until_the_next_second)
{
	struct endpoint one = v4(1), other = v4(2);

	admission->source_rate_max = 5;
	for (unsigned i = 0; i < 5; i++)
		cr_assert(admission_begin(admission, &one, 7000 + i));
	cr_assert(not(admission_begin(admission, &one, 7999)));
	cr_assert(admission_begin(admission, &other, 7999));
	cr_assert(admission_begin(admission, &one, 8000));
}

Test(admission, turns_a_site_away_that_begins_too_often_from_many_subnets)
{
	unsigned taken = 0;

	admission->source_rate_max = 5;
	for (uint16_t subnet = 0; subnet < 400; subnet++) {
		struct endpoint host = v6(1, subnet, 1);
		taken += admission_begin(admission, &host, 7000);
	}
	cr_assert(eq(uint, taken, 5 * ADMISSION_SITE));
	struct endpoint elsewhere = v6(2, 0, 1);
	cr_assert(admission_begin(admission, &elsewhere, 7000));
}

static unsigned begin_while_there_is_a_turn(uint64_t now_ms, bool one_source, uint32_t *wait_ms)
{
	unsigned begun = 0;

	while (begun < 100000 && admission_has_turn(admission, now_ms, wait_ms)) {
		struct endpoint host = v4(one_source ? 1 : (uint8_t)begun);
		(void)admission_begin(admission, &host, now_ms);
		begun++;
	}
	return begun;
}

Test(admission, has_a_turn_for_a_tenth_of_the_rate_every_tenth_of_a_second)
{
	uint32_t wait_ms = 0;

	admission->rate_max = 1000;
	cr_assert(eq(uint, begin_while_there_is_a_turn(5030, false, &wait_ms), 100));
	cr_assert(eq(u32, wait_ms, 70));
	cr_assert(eq(uint, begin_while_there_is_a_turn(5099, false, &wait_ms), 0));
	cr_assert(eq(u32, wait_ms, 1));
	cr_assert(eq(uint, begin_while_there_is_a_turn(5100, false, &wait_ms), 100));
}

Test(admission, lets_one_source_use_up_the_turn_by_eight_times_as_many_at_most)
{
	uint32_t wait_ms;

	admission->rate_max = 1000;
	admission->source_rate_max = 1;
	cr_assert(eq(uint, begin_while_there_is_a_turn(5000, true, &wait_ms),
		1 + 99 * ADMISSION_TURNED_AWAY));
}

Test(admission, without_rates_bounds_none)
{
	uint32_t wait_ms;

	cr_assert(eq(uint, begin_while_there_is_a_turn(5000, true, &wait_ms), 100000));
}

Test(admission, gives_a_source_new_flows_again_in_the_next_minute)
{
	struct endpoint one = v4(1), other = v4(2);

	for (unsigned i = 0; i < 3 * ADMISSION_FLOWS; i++)
		cr_assert(admission_take_flow(admission, &one, 59000));
	cr_assert(not(admission_take_flow(admission, &one, 59999)));
	cr_assert(admission_take_flow(admission, &other, 59999));
	cr_assert(admission_take_flow(admission, &one, 60000));
}
