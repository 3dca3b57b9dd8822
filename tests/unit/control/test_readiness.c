// What an edge waits for before it says that it serves.

#include "edge/readiness.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static const struct readiness whole = {.linked = true, .keyed = true};

Test(readiness, an_edge_with_everything_serves)
{
	cr_assert(eq(ptr, (void *)readiness_judge(&whole), NULL));
}

Test(readiness, each_thing_that_is_missing_is_named)
{
	struct readiness missing = whole;

	missing.linked = false;
	cr_assert(eq(str, (char *)readiness_judge(&missing), "the dataplane"));
	missing = whole;
	missing.keyed = false;
	cr_assert(eq(str, (char *)readiness_judge(&missing), "keys"));
	missing = whole;
	missing.epoch_is_foreign = true;
	cr_assert(eq(str, (char *)readiness_judge(&missing),
		"the clock: the other edges are in another epoch"));
	missing = whole;
	missing.secret_is_foreign = true;
	cr_assert(eq(str, (char *)readiness_judge(&missing),
		"the secret: the other edges hold another one"));
	missing = whole;
	missing.replaced = true;
	cr_assert(eq(str, (char *)readiness_judge(&missing),
		"an id of its own: a newer edge with this node.id is connected to the others"));
	missing = whole;
	missing.coreless = true;
	cr_assert(eq(str, (char *)readiness_judge(&missing),
		"the core: its address, or a connection to it"));
}

Test(readiness, an_edge_that_gives_out_no_flow_yet_does_not_serve)
{
	struct readiness missing = whole;

	missing.behind_s = 1;
	cr_assert(eq(str, (char *)readiness_judge(&missing), "the next second"));
	missing.behind_s = 2;
	cr_assert(eq(str, (char *)readiness_judge(&missing),
		"the clock: it is behind the flows that this edge has given out"));
}
