// Edges tell each other their flows, and what they say of themselves.

#include "mesh_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static bool one_is_down(void)
{
	return !nodes[1].known.connected;
}

static bool somebody_refused(void)
{
	return strstr(said(&nodes[2]), "mesh-refused") != NULL;
}

static bool two_heard_the_change(void)
{
	return nodes[2].heard[5] == 200 && nodes[2].heard[FLOWS + 1] == 100;
}

Test(mesh, gives_both_edges_all_flows_of_the_other, .init = setup, .fini = teardown)
{
	node_open(1);
	node_open(2);
	cr_assert(wait_for(both_complete), "%s%s", said(&nodes[1]), said(&nodes[2]));
	cr_assert(eq(u32, nodes[1].heard_count, FLOWS));
	cr_assert(eq(u32, nodes[2].heard_count, FLOWS));
}

Test(mesh, passes_on_changes_after_the_snapshot, .init = setup, .fini = teardown)
{
	node_open(2);
	node_open(1);
	cr_assert(wait_for(both_complete));
	nodes[1].generation = 200;
	struct flow_record changed = own_flow(&nodes[1], 5);
	mesh_sync(nodes[1].mesh)->publish(mesh_sync(nodes[1].mesh), &changed);
	nodes[1].generation = 100;
	struct flow_record fresh = own_flow(&nodes[1], FLOWS + 1);
	mesh_sync(nodes[1].mesh)->publish(mesh_sync(nodes[1].mesh), &fresh);
	cr_assert(wait_for(two_heard_the_change));
}

static bool two_heard_the_removal(void)
{
	return nodes[2].removals == 1;
}

Test(mesh, passes_on_what_a_registrar_removed, .init = setup, .fini = teardown)
{
	const struct row_removal removal = {
		.aor = 0x0123456789abcdef, .uak = UINT64_MAX, .reg_id = INT32_MAX, .at_ms = 5};

	node_open(2);
	node_open(1);
	cr_assert(wait_for(both_complete));
	mesh_sync(nodes[1].mesh)->retract(mesh_sync(nodes[1].mesh), &removal);
	cr_assert(wait_for(two_heard_the_removal));
	cr_assert(eq(u64, nodes[2].removal.aor, removal.aor));
	cr_assert(eq(u64, nodes[2].removal.uak, removal.uak));
	cr_assert(eq(u32, nodes[2].removal.reg_id, removal.reg_id));
	cr_assert(eq(u64, nodes[2].removal.at_ms, removal.at_ms));
	cr_assert(eq(uint, nodes[1].removals, 0));
}

Test(mesh, decodes_no_removal_of_another_length)
{
	uint8_t octets[REMOVAL_OCTETS + 1] = {1};
	struct row_removal removal;

	for (size_t length = 0; length <= sizeof(octets); length++)
		cr_assert(eq(int, removal_decode(span_of(octets, length), &removal),
			length == REMOVAL_OCTETS));
}

static bool two_heard_the_new_name(void)
{
	return nodes[2].known.hello.name_length == 5;
}

Test(mesh, passes_on_what_an_edge_says_of_itself, .init = setup, .fini = teardown)
{
	node_open(1);
	node_open(2);
	cr_assert(wait_for(both_complete));
	cr_assert(eq(int, nodes[2].known.hello.relay.port, 5070));
	cr_assert(eq(u32, nodes[2].known.newest_generation, 4711));
	nodes[1].hello.name_length = 5;
	mesh_sync(nodes[1].mesh)->announce(mesh_sync(nodes[1].mesh));
	cr_assert(wait_for(two_heard_the_new_name));
}

Test(mesh, tells_when_an_edge_dies_and_syncs_anew_when_it_returns, .init = setup, .fini = teardown)
{
	node_open(1);
	node_open(2);
	cr_assert(wait_for(both_complete));
	node_close(2);
	cr_assert(wait_for(one_is_down));
	nodes[2].flows = 10;
	nodes[2].known.complete = false;
	node_open(2);
	cr_assert(wait_for(both_complete));
	cr_assert(eq(u32, nodes[1].heard_count, 10));
}

Test(mesh, refuses_an_edge_whose_certificate_is_of_another, .init = setup, .fini = teardown)
{
	SSL_CTX_free(nodes[1].options.tls);
	nodes[1].options.tls = tls_of(&authority, 3, "edge-3");
	node_open(1);
	node_open(2);
	cr_assert(wait_for(somebody_refused));
	cr_assert(not(nodes[1].known.connected));
	cr_assert(not(nodes[2].known.connected));
}

Test(mesh, does_not_speak_with_a_certificate_of_another_ca, .init = setup, .fini = teardown)
{
	struct timeval moment = {.tv_usec = 500000};
	struct authority stranger;

	cr_assert(eq(int, authority_make(&stranger, "test"), 0));
	SSL_CTX_free(nodes[1].options.tls);
	nodes[1].options.tls = tls_of(&stranger, 1, "stranger");
	authority_free(&stranger);
	node_open(1);
	node_open(2);
	event_base_loopexit(base, &moment);
	event_base_dispatch(base);
	cr_assert(not(nodes[1].known.connected));
	cr_assert(not(nodes[2].known.connected));
}

Test(mesh, refuses_another_cluster, .init = setup, .fini = teardown)
{
	nodes[1].options.cluster = SPAN("rest");
	node_open(1);
	node_open(2);
	cr_assert(wait_for(somebody_refused));
	cr_assert(not(nodes[2].known.connected));
}

Test(mesh, decodes_no_hello_that_was_cut_or_lengthened)
{
	uint8_t octets[HELLO_OCTETS_MAX + 1];
	const struct mesh_hello hello = {
		.hello = {.edge = 1,
			.secrets = {.held = 2, .minting = 1, .token = {0, 5}, .index = UINT64_MAX},
			.relay = {.family = ENDPOINT_V6},
			.name_count = 2,
			.listener_count = 1,
			.names = {{.host_length = 4, .host = "a.bc", .port = 5060},
				{.host_length = 1, .host = "d"}},
			.listeners = {{.id = 3,
				.side = SIDE_PEER,
				.transport = TRANSPORT_UDP,
				.address = {.family = ENDPOINT_V6}}}}};
	struct mesh_hello back;
	unsigned version;
	size_t length = hello_encode(&hello, octets);

	cr_assert(hello_decode(span_of(octets, length), &back, &version));
	cr_assert(eq(int, back.hello.names[0].port, 5060));
	cr_assert(eq(int, back.hello.listeners[0].id, 3));
	cr_assert(eq(int, back.hello.secrets.minting, 1));
	cr_assert(eq(u64, back.hello.secrets.token[1], 5));
	cr_assert(eq(u64, back.hello.secrets.index, UINT64_MAX));
	for (size_t other = 0; other <= length + 1; other++)
		cr_assert(eq(int, hello_decode(span_of(octets, other), &back, &version),
			other == length));
}
