// weir-control of an edge, between a dataplane that the test plays and a store of its own.

#include "edge_process.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(edge, .init = edge_setup, .fini = edge_teardown, .timeout = 60);

static void tell_epoch(uint64_t ours, uint64_t theirs, enum link_epoch standing)
{
	const struct link_event_epoch event = {
		.ours = ours, .theirs = theirs, .standing = (uint8_t)standing};

	edge_tell(LINK_EVENT_EPOCH, &event, sizeof(event));
}

Test(edge, out_of_the_majoritys_epoch_is_not_ready_until_they_agree)
{
	edge_start(NULL, 3);
	cr_assert(edge_await_status("\"ready\": true"));
	tell_epoch(7, 9, LINK_EPOCH_MINORITY);
	cr_assert(edge_await_status("\"ready\": false"));
	cr_assert(edge_await_status("the other edges are in another epoch"));
	tell_epoch(9, 9, LINK_EPOCH_AGREES);
	cr_assert(edge_await_status("\"ready\": true"));
}

Test(edge, where_no_majority_says_who_is_wrong_the_edge_goes_on)
{
	edge_start(NULL, 3);
	cr_assert(edge_await_status("\"ready\": true"));
	tell_epoch(7, 9, LINK_EPOCH_MINORITY);
	cr_assert(edge_await_status("\"ready\": false"));
	tell_epoch(7, 9, LINK_EPOCH_SPLIT);
	cr_assert(edge_await_status("\"ready\": true"));
}

// One line more in the file of the cluster's secrets, and it is the secret that mints.
static void second_secret_add(void)
{
	char command[256];

	snprintf(command, sizeof(command),
		"sed -i 's/^mint 0/token 1 %064d\\nmint 1/' %s/keys/token-keys", 7, edge_folder);
	cr_assert(eq(int, system(command), 0), "%s", command);
}

Test(edge, takes_another_token_secret_at_a_reload)
{
	struct key_material material;

	edge_start(NULL, 3);
	cr_assert(eq(
		sz, edge_await_record(LINK_KEYS, &material, sizeof(material)), sizeof(material)));
	cr_assert(eq(int, material.held, 1));
	second_secret_add();
	edge_signal(SIGHUP);
	cr_assert(eq(
		sz, edge_await_record(LINK_KEYS, &material, sizeof(material)), sizeof(material)));
	cr_assert(eq(int, material.held, 3));
	cr_assert(eq(int, material.minting, 1));
}

static void target_write(const char *host)
{
	char command[256];

	snprintf(command, sizeof(command),
		"sed -i 's/^upstream: .*/upstream: {targets: [\"sip:%s:5060\"]}/' "
		"%s/edge1/weir.yaml",
		host, edge_folder);
	cr_assert(eq(int, system(command), 0), "%s", command);
}

Test(edge, follows_other_upstream_targets_from_a_reload_on)
{
	struct link_target target;

	edge_start(NULL, 3);
	cr_assert(eq(sz, edge_await_record(LINK_TARGET, &target, sizeof(target)), sizeof(target)));
	cr_assert(eq(int, target.endpoint.address[3], 9));
	target_write("127.0.0.8");
	edge_signal(SIGHUP);
	do {
		cr_assert(eq(sz, edge_await_record(LINK_TARGET, &target, sizeof(target)),
			sizeof(target)));
	} while (target.endpoint.address[3] == 9);
	cr_assert(eq(int, target.endpoint.address[3], 8));
	cr_assert(eq(int, target.balanced, 1));
}

Test(edge, waits_for_a_connection_to_its_core_but_not_for_ever)
{
	char listeners[512];

	snprintf(listeners, sizeof(listeners),
		"  - {name: access, side: access, address: 127.0.0.1:%u}\n"
		"  - {name: core, side: core, transport: tcp, address: 127.0.0.1:%u}\n"
		"  - {name: peer, side: peer, address: 127.0.0.1:%u}\n",
		edge_port_access, edge_port_core, edge_port_peer);
	edge_upstream = "sip:127.0.0.9:1;transport=tcp";
	edge_start(listeners, 2); // that of TCP is control's own
	cr_assert(edge_await_status("the core: its address, or a connection to it"));
	cr_assert(edge_await_status("\"ready\": true"));
}

static void tell_address(uint8_t listener, bool here)
{
	const struct link_event_address event = {.listener = listener, .here = here};

	edge_tell(LINK_EVENT_ADDRESS, &event, sizeof(event));
}

Test(edge, says_in_its_status_where_addresses_are_that_move)
{
	edge_start(NULL, 3);
	tell_address(1, true);
	cr_assert(edge_await_status("\"here\": true"));
	tell_address(1, false);
	cr_assert(edge_await_status("\"here\": false"));
	tell_address(99, true); // nobody's
	tell_address(1, true);
	cr_assert(edge_await_status("\"here\": true"));
	cr_assert(edge_await_status("\"ready\": true"));
}

static struct endpoint await_relay(void)
{
	struct link_peer peer;

	cr_assert(eq(sz, edge_await_record(LINK_PEER, &peer, sizeof(peer)), sizeof(peer)));
	cr_assert(eq(int, peer.edge, EDGE_PROCESS_PEER));
	return peer.relay;
}

Test(edge, knows_a_peers_relay_address_after_its_own_restart_while_the_peer_is_away)
{
	const struct endpoint relay = {
		.address = {127, 0, 0, 2}, .port = EDGE_PROCESS_PEER_PORT, .family = ENDPOINT_V4};

	edge_start(NULL, 3);
	edge_start_peer();
	struct endpoint told = await_relay();
	cr_assert(endpoint_equal(&told, &relay));
	edge_end_peer();
	edge_end(SIGKILL);
	edge_start(NULL, 3);
	told = await_relay();
	cr_assert(endpoint_equal(&told, &relay));
}

Test(edge, probes_a_target_by_the_core_listener_of_its_family)
{
	char listeners[512];

	snprintf(listeners, sizeof(listeners),
		"  - {name: access, side: access, address: 127.0.0.1:%u}\n"
		"  - {name: core, side: core, address: 127.0.0.1:%u}\n"
		"  - {name: peer, side: peer, address: 127.0.0.1:%u}\n"
		"  - {name: core6, side: core, address: '[::1]:%u'}\n",
		edge_port_access, edge_port_core, edge_port_peer, edge_port_core);
	edge_upstream = "sip:[::1]:5099";
	edge_start(listeners, 4);
	struct link_down_message probe = edge_await_message(LINK_DOWN_SEND);
	cr_assert(eq(int, probe.peer.family, ENDPOINT_V6));
	cr_assert(eq(int, probe.listener, 4));
}

static struct flow_record await_flow(void)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	struct flow_record record;
	size_t length = edge_await_record(LINK_FLOW, octets, sizeof(octets));

	cr_assert(flow_record_decode(span_of(octets, length), &record));
	return record;
}

static void tell_life(struct flow_id id, bool silent, bool keepalive)
{
	const struct link_event_life event = {.slot = id.slot,
		.generation = id.generation,
		.silent = silent,
		.keepalive = keepalive};

	edge_tell(LINK_EVENT_LIFE, &event, sizeof(event));
}

#define CONTACT "Contact: <sip:bob@127.0.0.5>;expires=600\r\n"

Test(edge, a_phone_that_stops_its_keep_alives_is_doubtful_and_live_when_it_is_heard)
{
	edge_start(NULL, 3);
	cr_assert(edge_await_status("\"ready\": true"));
	struct flow_id id = edge_register(5060, 1, CONTACT, CONTACT);
	cr_assert(eq(int, await_flow().state, FLOW_LIVE));
	tell_life(id, false, true);
	cr_assert(eq(int, await_flow().flags, FLOW_KEEPALIVE_SHOWN));
	tell_life(id, true, false);
	cr_assert(eq(int, await_flow().state, FLOW_DOUBTFUL));
	tell_life(id, false, false);
	cr_assert(eq(int, await_flow().state, FLOW_LIVE));
}

// Flows of the edge's own snapshot, which comes first.
static unsigned count_restored(void)
{
	struct link_snapshot mark;
	unsigned count = 0;

	edge_await_record(LINK_SNAPSHOT_BEGIN, &mark, sizeof(mark));
	cr_assert(eq(int, mark.edge, 1));
	struct edge_record record = edge_next_record();
	while (record.type != LINK_SNAPSHOT_END) {
		count += record.type == LINK_FLOW;
		record = edge_next_record();
	}
	return count;
}

static void register_and_die(void)
{
	edge_start(NULL, 3);
	cr_assert(edge_await_status("\"ready\": true"));
	edge_register(5060, 1, CONTACT, CONTACT);
	cr_assert(eq(int, await_flow().state, FLOW_LIVE));
	edge_end(SIGKILL);
}

// The access listener that phones use, one more, and the others; `order` says which comes first.
static const char *two_access_listeners(const char *first, const char *second)
{
	static char text[1024];

	snprintf(text, sizeof(text),
		"  - {name: %s}\n  - {name: %s}\n"
		"  - {name: core, side: core, address: 127.0.0.1:%u}\n"
		"  - {name: peer, side: peer, address: 127.0.0.1:%u}\n",
		first, second, edge_port_core, edge_port_peer);
	return text;
}

static const char *listener_text(const char *name, unsigned port, const char *more)
{
	static char texts[2][256];
	static unsigned next;
	char *text = texts[next++ % 2];

	snprintf(text, sizeof(texts[0]), "%s, side: access, address: 127.0.0.1:%u%s", name, port,
		more);
	return text;
}

Test(edge, knows_its_flows_again_after_a_restart)
{
	register_and_die();
	edge_start(NULL, 3);
	cr_assert(eq(uint, count_restored(), 1));
}

Test(edge, ends_stored_flows_whose_listeners_number_means_another_address_now)
{
	register_and_die();
	edge_start(two_access_listeners(listener_text("new", edge_port_more, ""),
			   listener_text("access", edge_port_access, "")),
		4);
	cr_assert(eq(uint, count_restored(), 0));
	edge_end(SIGKILL);
	// Nor are they there when it is as it was.
	edge_start(NULL, 3);
	cr_assert(eq(uint, count_restored(), 0));
}

Test(edge, keeps_stored_flows_when_listeners_with_ids_are_reordered)
{
	register_and_die();
	edge_start(two_access_listeners(listener_text("new", edge_port_more, ", id: 9"),
			   listener_text("access", edge_port_access, ", id: 1")),
		4);
	cr_assert(eq(uint, count_restored(), 1));
}

Test(edge, ends_stored_flows_of_a_listener_that_is_not_configured_any_more)
{
	register_and_die();
	edge_start(two_access_listeners(listener_text("new", edge_port_more, ", id: 9"),
			   listener_text("access", edge_port_access, ", id: 8")),
		4);
	cr_assert(eq(uint, count_restored(), 0));
}
