// Keys of session tickets, hour by hour.

#include "tls/tickets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>

enum {
	NOW_S = 500000 * TICKETS_HOUR_S + 1800,
};

static struct tickets *here, *there;

static void setup(void)
{
	const uint8_t secret[TICKETS_SECRET_OCTETS] = {7};

	here = tickets_new();
	there = tickets_new();
	cr_assert(here != NULL && there != NULL);
	tickets_set_secret(here, secret);
	tickets_set_secret(there, secret);
}

static void teardown(void)
{
	tickets_free(here);
	tickets_free(there);
	tickets_free(NULL);
}

TestSuite(tickets, .init = setup, .fini = teardown);

static struct ticket_key sealed(uint64_t wall_s)
{
	struct ticket_key key;

	cr_assert(eq(int, tickets_seal(here, wall_s, &key), 0));
	return key;
}

Test(tickets, are_sealed_by_one_key_for_an_hour_and_by_another_in_the_next)
{
	struct ticket_key first = sealed(NOW_S), same = sealed(NOW_S + 1799),
			  next = sealed(NOW_S + 1800);

	cr_assert(eq(int, memcmp(&first, &same, sizeof(first)), 0));
	cr_assert(ne(int, memcmp(first.name, next.name, sizeof(first.name)), 0));
	cr_assert(ne(int, memcmp(first.cipher, next.cipher, sizeof(first.cipher)), 0));
	cr_assert(ne(int, memcmp(first.mac, next.mac, sizeof(first.mac)), 0));
	cr_assert(ne(int, memcmp(first.cipher, first.mac, sizeof(first.mac)), 0));
}

Test(tickets, open_for_the_hour_after_and_for_clocks_that_are_an_hour_behind)
{
	static const struct {
		int hours;
		int status;
		bool old;
	} cases[] = {{-2, -ENOENT, false}, {-1, 0, false}, {0, 0, false}, {1, 0, true},
		{2, -ENOENT, false}};
	struct ticket_key made = sealed(NOW_S), found;

	for (unsigned i = 0; i < 5; i++) {
		uint64_t then = NOW_S + (uint64_t)(cases[i].hours * TICKETS_HOUR_S);
		bool old = false;
		cr_assert(eq(
			int, tickets_open(there, then, made.name, &found, &old), cases[i].status));
		cr_assert(eq(int, old, cases[i].old));
		if (cases[i].status == 0)
			cr_assert(eq(int, memcmp(&made, &found, sizeof(made)), 0));
	}
}

Test(tickets, of_another_secret_do_not_open)
{
	const uint8_t other[TICKETS_SECRET_OCTETS] = {8};
	struct ticket_key made = sealed(NOW_S), found;
	bool old;

	cr_assert(eq(int, tickets_open(there, NOW_S, made.name, &found, &old), 0));
	tickets_set_secret(there, other);
	cr_assert(eq(int, tickets_open(there, NOW_S, made.name, &found, &old), -ENOENT));
}

Test(tickets, of_a_drawn_secret_are_its_own)
{
	struct tickets *drawn = tickets_new();
	struct ticket_key one, other;

	cr_assert(eq(int, tickets_seal(drawn, NOW_S, &one), 0));
	tickets_free(drawn);
	drawn = tickets_new();
	cr_assert(eq(int, tickets_seal(drawn, NOW_S, &other), 0));
	tickets_free(drawn);
	cr_assert(ne(int, memcmp(one.name, other.name, sizeof(one.name)), 0));
}

Test(tickets, are_sealed_in_the_first_hour_of_all)
{
	struct ticket_key made = sealed(0), found;
	bool old;

	cr_assert(eq(int, tickets_open(there, 10, made.name, &found, &old), 0));
	cr_assert(not(old));
}
