#include "../../dataplane/pipeline/explain.h"
#include "lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct lab *lab;
static struct token token;

static void setup(void)
{
	struct flow_record record = {.id = {1, 5, 1000},
		.state = FLOW_LIVE,
		.listener = LAB_ACCESS,
		.transport = TRANSPORT_UDP,
		.row_count = 1};

	urcu_qsbr_register_thread();
	lab = lab_new(1);
	record.peer = lab_endpoint("198.51.100.5:40000");
	record.rows[0] =
		(struct row){.uak = lab_uak(lab, "alice"), .expires_at_s = LAB_NOW_S + 600};
	lab_put(lab, &record);
	token = (struct token){.flow = record.id,
		.kind = TOKEN_ROUTE,
		.listener = LAB_ACCESS,
		.peer = record.peer,
		.uak = record.rows[0].uak,
		.bind = 7};
}

static void teardown(void)
{
	lab_free(lab);
	urcu_qsbr_unregister_thread();
}

static struct link_explained explain(void)
{
	struct link_explained explained = {.request = 42};
	uint8_t text[TOKEN_LENGTH_V6];
	size_t length = token_mint(lab->world.keys, &token, text);

	explain_token(&lab->world, span_of(text, length), &explained);
	cr_assert(eq(u64, explained.request, 42));
	return explained;
}

TestSuite(explain, .init = setup, .fini = teardown);

Test(explain, says_what_a_token_holds_and_which_flow_serves_it)
{
	struct link_explained explained = explain();

	cr_assert(eq(int, explained.token_verdict, TOKEN_OK));
	cr_assert(eq(int, explained.rule, VERDICT_R1_OWN));
	cr_assert(eq(int, explained.owner_state, PEER_UP));
	cr_assert(eq(int, explained.flow.slot, 5));
	cr_assert(eq(int, explained.target.slot, 5));
	cr_assert(eq(u64, explained.uak, token.uak));
	cr_assert(endpoint_equal(&explained.target_peer, &token.peer));
}

Test(explain, says_which_edge_a_token_of_another_edge_is_relayed_to)
{
	struct link_explained explained;

	token.flow = (struct flow_id){2, 9, 2000};
	token.uak = 0;
	explained = explain();
	cr_assert(eq(int, explained.rule, VERDICT_R2_OWNER));
	cr_assert(eq(int, explained.target.edge, 2));
	cr_assert(eq(int, explained.target.slot, 9));
	cr_assert(eq(int, explained.target_peer.port, 7000));
}

Test(explain, says_which_other_flow_serves_when_the_owner_is_dead)
{
	struct link_explained explained;

	lab_set_peer(lab, 2, PEER_DEAD, 0);
	token.flow = (struct flow_id){2, 9, 2000};
	explained = explain();
	cr_assert(eq(int, explained.rule, VERDICT_R3_HERE));
	cr_assert(eq(int, explained.owner_state, PEER_DEAD));
	cr_assert(eq(int, explained.target.edge, 1));
	cr_assert(eq(int, explained.target.slot, 5));
}

Test(explain, says_that_nothing_serves)
{
	struct link_explained explained;

	token.flow.generation = 1;
	token.uak = 0;
	explained = explain();
	cr_assert(eq(int, explained.rule, VERDICT_R9_GONE));
	cr_assert(eq(int, explained.target.edge, 0));
}

Test(explain, says_why_a_text_is_no_token)
{
	struct link_explained explained = {.request = 1};

	explain_token(&lab->world, SPAN("hello"), &explained);
	cr_assert(eq(int, explained.token_verdict, TOKEN_MALFORMED));
	cr_assert(eq(int, explained.rule, VERDICT_TOKEN_MALFORMED));
}
