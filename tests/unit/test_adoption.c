// test_adoption.c: which rule serves a flow whose address moves, by whose it is, where it is, and who lives.

#include "rule_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum {
	SLOT = 5,
	GENERATION = 1000,
	DEAD_FOR_MS = 4000,
	HERE_FOR_MS = 3000,
};

static struct lab *lab;

static void begin(uint8_t edge)
{
	urcu_qsbr_register_thread();
	lab = lab_new(edge);
	lab->takeover = true;
	lab_rebuild(lab);
}

// Edge 2, which edge 1's address has come to.
static void setup(void)
{
	begin(2);
	lab_set_peer(lab, 1, PEER_DEAD, LAB_NOW_MS - DEAD_FOR_MS);
	lab_set_peer(lab, 3, PEER_DEAD, 0);
	lab_set_address(lab, LAB_TAKEN, true, HERE_FOR_MS);
}

static void setup_owner(void)
{
	begin(1);
}

static void setup_third(void)
{
	begin(3);
	lab_set_address(lab, LAB_TAKEN, false, 0);
}

static void teardown(void)
{
	lab_free(lab);
	urcu_qsbr_unregister_thread();
}

TestSuite(adoption, .init = setup, .fini = teardown);
TestSuite(adoption_owner, .init = setup_owner, .fini = teardown);
TestSuite(adoption_third, .init = setup_third, .fini = teardown);

static const struct flow_id OF_EDGE_1 = {1, SLOT, GENERATION};

static struct flow_record flow_of(struct flow_id id, uint8_t listener, const char *uak)
{
	struct flow_record record = {.id = id,
		.state = FLOW_LIVE,
		.listener = listener,
		.transport = TRANSPORT_UDP,
		.peer = lab_endpoint("198.51.100.5:40000"),
		.row_count = 1};

	record.rows[0] = (struct row){.uak = lab_uak(lab, uak),
		.aor = lab_aor(lab, uak),
		.contact = lab_contact(lab, "sip:alice@192.168.1.5:5060"),
		.committed_at_ms = 1,
		.expires_at_s = LAB_NOW_S + 600};
	return record;
}

static void put(struct flow_id id, uint8_t listener, const char *uak)
{
	struct flow_record record = flow_of(id, listener, uak);

	lab_put(lab, &record);
}

static void hear(struct flow_id id, uint64_t ago_ms)
{
	const struct flow *flow = flow_find(lab->flows, id);

	cr_assert(ne(ptr, (void *)flow, NULL));
	flow_hear(flow, false, LAB_NOW_MS - ago_ms);
}

static struct rule_lab_query query_of(struct flow_id id, uint8_t listener, const char *uak)
{
	return (struct rule_lab_query){
		.flow = id, .listener = listener, .uak = uak == NULL ? 0 : lab_uak(lab, uak)};
}

static enum verdict ask(const struct rule_lab_query *query)
{
	uint8_t edge;

	return rule_lab_ask(lab, query, &edge);
}

static int edge_of(const struct rule_lab_query *query)
{
	uint8_t edge;

	(void)rule_lab_ask(lab, query, &edge);
	return edge;
}

static const char *rule_of(struct flow_id id, uint8_t listener, const char *uak)
{
	const struct rule_lab_query query = query_of(id, listener, uak);

	return lab_word(ask(&query));
}

static const char *rule_of_edge_1(void)
{
	return rule_of(OF_EDGE_1, LAB_ACCESS, "alice");
}

Test(adoption, a_dead_edges_flow_is_sent_on_from_its_address)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r4-address"));
}

Test(adoption, is_nothing_while_the_address_is_elsewhere)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	lab_set_address(lab, LAB_TAKEN, false, HERE_FOR_MS);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r8-parked"));
	lab_set_peer(lab, 1, PEER_DEAD, LAB_NOW_MS - 60000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r9-gone"));
}

Test(adoption, serves_no_generation_but_the_one_that_was_replicated)
{
	put((struct flow_id){1, SLOT, GENERATION + 1}, LAB_ACCESS, "erin");
	lab_set_peer(lab, 1, PEER_DEAD, LAB_NOW_MS - 60000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r9-gone"));
}

Test(adoption, a_flow_that_is_heard_at_the_address_is_as_good_as_our_own)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	hear(OF_EDGE_1, 1000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r1-own"));
}

Test(adoption, what_was_heard_before_the_address_came_counts_for_nothing)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	hear(OF_EDGE_1, HERE_FOR_MS + 2000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r4-address"));
}

Test(adoption, who_keeps_flows_alive_and_has_fallen_silent_is_as_good_as_unheard)
{
	struct flow_record record = flow_of(OF_EDGE_1, LAB_ACCESS, "alice");

	lab_set_address(lab, LAB_TAKEN, true, 100000);
	record.flags = FLOW_KEEPALIVE_SHOWN;
	lab_put(lab, &record);
	hear(OF_EDGE_1, 38000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r1-own"));
	hear(OF_EDGE_1, 40000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r4-address"));
}

Test(adoption, another_flow_here_that_is_known_to_live_goes_before_one_that_is_not)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	struct flow_record second =
		flow_of((struct flow_id){2, 9, GENERATION}, LAB_ACCESS, "alice");

	second.peer = lab_endpoint("198.51.100.5:40001");
	lab_put(lab, &second);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r3-here"));
	hear(OF_EDGE_1, 1000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r1-own"));
}

Test(adoption, an_adopted_flow_is_found_for_another_of_its_user_agent)
{
	const struct flow_id lost = {1, SLOT + 1, GENERATION};

	put(OF_EDGE_1, LAB_ACCESS, "alice");
	cr_assert(eq(str, (char *)rule_of(lost, LAB_ACCESS, "alice"), "r4-address"));
	hear(OF_EDGE_1, 1000);
	cr_assert(eq(str, (char *)rule_of(lost, LAB_ACCESS, "alice"), "r3-here"));
	cr_assert(eq(str, (char *)rule_of(lost, LAB_ACCESS, "bob"), "r8-parked"));
}

Test(adoption, after_a_long_outage_an_unheard_flow_is_served_for_its_own_token_alone)
{
	const struct flow_id lost = {1, SLOT + 1, GENERATION};

	put(OF_EDGE_1, LAB_ACCESS, "alice");
	lab_set_peer(lab, 1, PEER_DEAD, LAB_NOW_MS - HERE_FOR_MS - 60000);
	cr_assert(eq(str, (char *)rule_of(lost, LAB_ACCESS, "alice"), "r9-gone"));
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r4-address"));
}

Test(adoption, without_a_user_agent_key_the_flow_is_doubtful_until_it_is_heard)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	cr_assert(eq(str, (char *)rule_of(OF_EDGE_1, LAB_ACCESS, NULL), "r1b-doubtful"));
	cr_assert(eq(str, (char *)rule_of(OF_EDGE_1, LAB_ACCESS, "bob"), "r1b-doubtful"));
	hear(OF_EDGE_1, 1000);
	cr_assert(eq(str, (char *)rule_of(OF_EDGE_1, LAB_ACCESS, NULL), "r1-own"));
}

Test(adoption, an_owner_that_is_up_but_has_lost_its_address_is_not_asked)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	lab_set_peer(lab, 1, PEER_UP, 0);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r4-address"));
	lab_set_peer(lab, 1, PEER_SUSPECT, 0);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r4-address"));
	lab_set_address(lab, LAB_TAKEN, false, 0);
	lab_set_peer(lab, 1, PEER_UP, 0);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r2-owner"));
	lab_set_peer(lab, 1, PEER_SUSPECT, 0);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r2-owner"));
}

Test(adoption, a_suspect_owner_is_asked_only_after_other_flows_at_its_address)
{
	const struct flow_id unknown = {1, SLOT + 1, GENERATION};

	put(OF_EDGE_1, LAB_ACCESS, "alice");
	lab_set_peer(lab, 1, PEER_SUSPECT, LAB_NOW_MS - DEAD_FOR_MS);
	cr_assert(eq(str, (char *)rule_of(unknown, LAB_ACCESS, "alice"), "r4-address"));
	cr_assert(eq(str, (char *)rule_of(unknown, LAB_ACCESS, "bob"), "r2-owner"));
	lab_set_peer(lab, 1, PEER_UP, 0);
	cr_assert(eq(str, (char *)rule_of(unknown, LAB_ACCESS, "alice"), "r2-owner"));
}

Test(adoption, a_live_flow_at_a_third_edge_goes_before_one_that_is_not_heard)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	struct flow_record third = flow_of((struct flow_id){3, 9, GENERATION}, LAB_ACCESS, "alice");

	third.peer = lab_endpoint("198.51.100.5:40001");
	lab_put(lab, &third);
	lab_set_peer(lab, 3, PEER_UP, 0);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r5-there"));
}

Test(adoption, a_newer_flow_from_the_same_place_ends_it_whoevers_it_is)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	lab_set_peer(lab, 1, PEER_DEAD, LAB_NOW_MS - 50000);
	put((struct flow_id){2, 7, GENERATION + 9}, LAB_TAKEN, "dora");
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r9-gone"));
	hear(OF_EDGE_1, 1000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r9-gone"));
}

Test(adoption, an_older_flow_from_the_same_place_does_not)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	put((struct flow_id){2, 7, GENERATION - 9}, LAB_TAKEN, "dora");
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r4-address"));
}

Test(adoption, a_phone_that_registered_at_the_address_meanwhile_is_found_by_that_flow)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	put((struct flow_id){2, 7, GENERATION + 9}, LAB_TAKEN, "alice");
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r3-here"));
}

Test(adoption, connections_are_never_adopted)
{
	struct flow_record record = flow_of(OF_EDGE_1, LAB_TCP, "alice");

	record.transport = TRANSPORT_TCP;
	lab_put(lab, &record);
	lab_set_peer(lab, 1, PEER_DEAD, LAB_NOW_MS - 60000);
	cr_assert(eq(str, (char *)rule_of(OF_EDGE_1, LAB_TCP, "alice"), "r9-gone"));
}

Test(adoption, only_secure_flows_serve_what_must_be_secure)
{
	struct rule_lab_query query = query_of(OF_EDGE_1, LAB_ACCESS, "alice");

	put(OF_EDGE_1, LAB_ACCESS, "alice");
	query.secure_flow = true;
	cr_assert(ne(int, ask(&query), VERDICT_R4_ADDRESS));
}

Test(adoption, a_relayed_request_is_served_from_the_address_too)
{
	struct rule_lab_query query = query_of(OF_EDGE_1, LAB_ACCESS, "alice");

	put(OF_EDGE_1, LAB_ACCESS, "alice");
	for (uint8_t relays = 0; relays <= 2; relays++) {
		query.relays = relays;
		cr_assert(eq(int, ask(&query), VERDICT_R4_ADDRESS));
	}
}

static const struct flow *source_of(uint8_t listener)
{
	const struct endpoint peer = lab_endpoint("198.51.100.5:40000");

	return rule_lab_find_source(lab, listener, &peer);
}

Test(adoption, messages_at_the_address_come_from_the_dead_edges_flows)
{
	cr_assert(eq(ptr, (void *)source_of(LAB_TAKEN), NULL));
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	cr_assert(flow_id_equal(source_of(LAB_TAKEN)->id, OF_EDGE_1));
	cr_assert(eq(ptr, (void *)source_of(LAB_ACCESS), NULL));
}

Test(adoption, a_source_is_who_is_registered_there_then_the_newest)
{
	const struct flow_id own = {2, 7, GENERATION + 9};
	struct flow_record record = flow_of(own, LAB_TAKEN, "dora");

	put(OF_EDGE_1, LAB_ACCESS, "alice");
	lab_put(lab, &record);
	cr_assert(flow_id_equal(source_of(LAB_TAKEN)->id, own));
	record.rows[0].superseded = true;
	lab_put(lab, &record);
	cr_assert(flow_id_equal(source_of(LAB_TAKEN)->id, OF_EDGE_1));
}

// --- The owner, which is up while its address is elsewhere, or has it back ---

Test(adoption_owner, a_flow_of_ours_is_no_way_while_its_address_is_elsewhere)
{
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r1-own"));
	lab_set_address(lab, LAB_ACCESS, false, 100);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r5-there"));
	lab_set_peer(lab, 2, PEER_DEAD, 0);
	lab_set_peer(lab, 3, PEER_DEAD, 0);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r8-parked"));
	lab_set_address(lab, LAB_ACCESS, false, 20000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r9-gone"));
}

Test(adoption_owner, a_doubtful_flow_of_ours_is_not_tried_from_an_address_that_is_elsewhere)
{
	struct flow_record record = flow_of(OF_EDGE_1, LAB_ACCESS, "alice");

	record.state = FLOW_DOUBTFUL;
	lab_put(lab, &record);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r1b-doubtful"));
	lab_set_address(lab, LAB_ACCESS, false, 30000);
	cr_assert(eq(str, (char *)rule_of_edge_1(), "r9-gone"));
}

Test(adoption_owner, a_request_that_may_not_be_relayed_again_ends_there)
{
	struct rule_lab_query query = query_of(OF_EDGE_1, LAB_ACCESS, "alice");

	put(OF_EDGE_1, LAB_ACCESS, "alice");
	lab_set_address(lab, LAB_ACCESS, false, 30000);
	query.relays = 2;
	cr_assert(eq(int, ask(&query), VERDICT_R9_GONE));
	query.relays = 1;
	cr_assert(eq(int, ask(&query), VERDICT_R5_THERE));
	cr_assert(eq(int, edge_of(&query), 2));
}

Test(adoption_owner, flows_that_another_edge_began_at_its_address_are_served_when_it_is_back)
{
	const struct flow_id meanwhile = {2, 7, GENERATION + 9};

	put(meanwhile, LAB_TAKEN, "alice");
	cr_assert(eq(str, (char *)rule_of(meanwhile, LAB_TAKEN, "alice"), "r4-address"));
	hear(meanwhile, 0);
	cr_assert(eq(str, (char *)rule_of(meanwhile, LAB_TAKEN, "alice"), "r1-own"));
	cr_assert(flow_id_equal(source_of(LAB_ACCESS)->id, meanwhile));
}

// --- A third edge, which knows who may have the address ---

Test(adoption_third, asks_the_edge_that_may_have_the_dead_ones_address)
{
	struct rule_lab_query query = query_of(OF_EDGE_1, LAB_ACCESS, "alice");

	put(OF_EDGE_1, LAB_ACCESS, "alice");
	lab_set_peer(lab, 1, PEER_DEAD, LAB_NOW_MS - DEAD_FOR_MS);
	cr_assert(eq(int, ask(&query), VERDICT_R5_THERE));
	cr_assert(eq(int, edge_of(&query), 2));
	lab_set_peer(lab, 2, PEER_DEAD, 0);
	cr_assert(eq(int, ask(&query), VERDICT_R8_PARKED));
}

Test(adoption_third, asks_an_edge_that_surely_has_a_flow_before_one_that_may)
{
	struct rule_lab_query query = query_of(OF_EDGE_1, LAB_ACCESS, "alice");
	struct flow_record second =
		flow_of((struct flow_id){2, 9, GENERATION}, LAB_ACCESS, "alice");

	second.peer = lab_endpoint("198.51.100.5:40001");
	put(OF_EDGE_1, LAB_ACCESS, "alice");
	lab_put(lab, &second);
	lab_set_peer(lab, 1, PEER_DEAD, LAB_NOW_MS - DEAD_FOR_MS);
	cr_assert(eq(int, edge_of(&query), 2));
	lab_set_peer(lab, 1, PEER_UP, 0);
	cr_assert(eq(int, ask(&query), VERDICT_R2_OWNER));
}
