// Which of the edges holds another secret: who is alone against a majority, and nobody where there is none.

#include "keys/secret_check.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const struct secret_check ours = {.held = 1, .token = {7}, .index = 5};
static const struct secret_check theirs = {.held = 1, .token = {8}, .index = 5};
static const struct secret_check anothers = {.held = 1, .token = {9}, .index = 5};

static enum secret_standing judge(
	const struct secret_check *a, const struct secret_check *b, const struct secret_check *c)
{
	const struct secret_check *others[] = {a, b, c};

	return secret_checks_judge(&ours, others,
		c != NULL           ? 3
			: b != NULL ? 2
			: a != NULL ? 1
				    : 0);
}

Test(secret_check, an_edge_alone_agrees_and_so_do_edges_with_one_secret)
{
	cr_assert(eq(int, judge(NULL, NULL, NULL), SECRET_AGREES));
	cr_assert(eq(int, judge(&ours, &ours, NULL), SECRET_AGREES));
}

Test(secret_check, who_differs_from_most_is_the_one_that_is_wrong)
{
	cr_assert(eq(int, judge(&theirs, &theirs, NULL), SECRET_MINORITY));
	cr_assert(eq(int, judge(&theirs, &theirs, &theirs), SECRET_MINORITY));
}

Test(secret_check, most_are_not_disturbed_by_one_that_differs)
{
	cr_assert(eq(int, judge(&ours, &theirs, NULL), SECRET_SPLIT));
	cr_assert(eq(int, judge(&ours, &ours, &theirs), SECRET_SPLIT));
}

Test(secret_check, where_there_is_no_majority_nobody_is_said_to_be_wrong)
{
	cr_assert(eq(int, judge(&theirs, NULL, NULL), SECRET_SPLIT));
	cr_assert(eq(int, judge(&ours, &theirs, &theirs), SECRET_SPLIT));
	cr_assert(eq(int, judge(&theirs, &anothers, NULL), SECRET_SPLIT));
}

Test(secret_check, a_minting_secret_that_nobody_could_hold_agrees_with_nothing)
{
	struct secret_check strange = ours;

	strange.minting = 9;
	cr_assert(not(secret_checks_agree(&strange, &ours)));
	cr_assert(not(secret_checks_agree(&ours, &strange)));
}
