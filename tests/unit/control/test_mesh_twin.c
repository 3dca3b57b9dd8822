// Two edges with one id: the newer incarnation is heard, the other refused, and both are told, once.

#include "mesh_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

// A second edge 1, which dials edge 2 too.
static void twin_open(uint64_t incarnation)
{
	node_fill(&nodes[0], 1, port_choose(), nodes[2].options.listen.port,
		tls_of(&authority, 1, "twin-1"));
	nodes[0].hello.incarnation = incarnation;
	nodes[0].flows = 10;
	node_open(0);
}

static void twin_close(void)
{
	node_close(0);
	SSL_CTX_free(nodes[0].options.tls);
	log_free(nodes[0].options.log);
	fclose(nodes[0].said);
}

static bool the_first_is_told_of_a_newer(void)
{
	return nodes[1].twins_newer > 0;
}

static bool the_second_is_told_of_a_newer(void)
{
	return nodes[0].twins_newer > 0;
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
		count++;
	return count;
}

// Long enough for whoever was refused to come again.
static void wait_some(void)
{
	struct timeval some = {.tv_sec = 3};

	event_base_loopexit(base, &some);
	event_base_dispatch(base);
}

Test(mesh_twin, of_two_edges_with_one_id_the_newer_is_heard_and_both_are_told_once, .init = setup,
	.fini = teardown)
{
	node_open(1);
	node_open(2);
	cr_assert(wait_for(both_complete));
	twin_open(8);
	cr_assert(wait_for(the_first_is_told_of_a_newer));
	wait_some();
	cr_assert(eq(uint, nodes[1].twins_newer, 1));
	cr_assert(eq(uint, nodes[0].twins_older, 1));
	cr_assert(nodes[2].known.connected);
	cr_assert(eq(u64, nodes[2].known.hello.incarnation, 8));
	cr_assert(eq(u32, nodes[2].heard_count, 10));
	cr_assert(not(nodes[1].known.connected));
	cr_assert(eq(uint, count_of(said(&nodes[2]), "mesh-twin"), 1));
	cr_assert(le(uint, count_of(said(&nodes[1]), "mesh-refused-us"), 1));
	twin_close();
}

Test(mesh_twin, an_older_edge_with_the_id_of_a_connected_one_is_refused, .init = setup,
	.fini = teardown)
{
	node_open(1);
	node_open(2);
	cr_assert(wait_for(both_complete));
	twin_open(6);
	cr_assert(wait_for(the_second_is_told_of_a_newer));
	wait_some();
	cr_assert(eq(uint, nodes[0].twins_newer, 1));
	cr_assert(eq(uint, nodes[1].twins_older, 1));
	cr_assert(eq(u64, nodes[2].known.hello.incarnation, 7));
	cr_assert(eq(u32, nodes[2].heard_count, FLOWS));
	cr_assert(nodes[1].known.connected);
	cr_assert(not(nodes[0].known.connected));
	cr_assert(eq(uint, count_of(said(&nodes[2]), "mesh-twin"), 1));
	twin_close();
}

static bool the_older_is_heard(void)
{
	return nodes[2].known.connected && nodes[2].known.hello.incarnation == 6;
}

Test(mesh_twin, an_older_edge_is_heard_once_the_newer_one_with_its_id_is_gone, .init = setup,
	.fini = teardown)
{
	node_open(1);
	node_open(2);
	cr_assert(wait_for(both_complete));
	twin_open(6);
	cr_assert(wait_for(the_second_is_told_of_a_newer));
	node_close(1);
	cr_assert(wait_for(the_older_is_heard));
	twin_close();
}
