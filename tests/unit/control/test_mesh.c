// Two controls on one loop:
//
//     edge 1 (dials) ---- mutual TLS over loopback ---- edge 2 (listens)
//
// Each has a few flows of its own; what the other has heard is compared with them.

#include "keys/certificate.h"
#include "mesh/identity.h"
#include "mesh/mesh.h"
#include "mesh/removal.h"

#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	FLOWS = 3000, // more than one output buffer's worth
};

struct node {
	struct mesh *mesh;
	struct mesh_options options;
	struct sync_subscriber subscriber;
	struct sync_hello hello;
	struct mesh_peer_options peer;
	struct sync_peer known; // of the other
	uint32_t flows; // own: slots 1 to flows
	uint32_t generation;
	uint32_t heard[FLOWS + 100]; // generation by slot of the other
	uint32_t heard_count;
	struct row_removal removal; // the last one heard
	unsigned removals;
	FILE *said; // its log
	char text[8192];
};

static struct event_base *base;
static char folder[] = "/tmp/weir-mesh-XXXXXX";
static struct authority authority;
static struct node nodes[3]; // by edge id

static struct flow_record own_flow(const struct node *node, uint32_t slot)
{
	return (struct flow_record){
		.id = {.edge = node->hello.edge, .slot = slot, .generation = node->generation},
		.state = FLOW_LIVE,
		.listener = 1,
		.transport = TRANSPORT_UDP,
		.row_count = 1,
		.peer = {.address = {192, 0, 2, 1}, .port = (uint16_t)slot, .family = ENDPOINT_V4},
		.rows = {{.uak = slot, .aor = 1, .contact = 1}},
	};
}

static const struct sync_hello *on_hello(void *context)
{
	return &((struct node *)context)->hello;
}

static bool on_next(void *context, uint32_t slot, struct flow_record *record)
{
	struct node *node = context;

	if (slot >= node->flows)
		return false;
	*record = own_flow(node, slot + 1);
	return true;
}

static uint32_t on_newest_generation(void *context, uint8_t edge)
{
	return 4711;
}

static void on_peer_changed(void *context, const struct sync_peer *peer)
{
	((struct node *)context)->known = *peer;
}

static void on_snapshot_begin(void *context, uint8_t edge)
{
	struct node *node = context;

	memset(node->heard, 0, sizeof(node->heard));
	node->heard_count = 0;
}

static void on_snapshot_end(void *context, uint8_t edge)
{
}

static void on_heard(void *context, const struct flow_record *record)
{
	struct node *node = context;

	cr_assert(lt(u32, record->id.slot, FLOWS + 100));
	node->heard_count += node->heard[record->id.slot] == 0;
	node->heard[record->id.slot] = record->id.generation;
}

static void on_removed(void *context, const struct row_removal *removal)
{
	struct node *node = context;

	node->removal = *removal;
	node->removals++;
}

// What a node's log says so far.
static const char *said(struct node *node)
{
	fseek(node->said, 0, SEEK_SET);
	size_t length = fread(node->text, 1, sizeof(node->text) - 1, node->said);
	node->text[length] = 0;
	return node->text;
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	bind(fd, (struct sockaddr *)&address, length);
	getsockname(fd, (struct sockaddr *)&address, &length);
	close(fd);
	return ntohs(address.sin_port);
}

static SSL_CTX *tls_of(const struct authority *issuer, uint8_t edge, const char *name)
{
	char certificate[64], key[64], ca[64], why[256] = "";

	snprintf(certificate, sizeof(certificate), "%s/%s.pem", folder, name);
	snprintf(key, sizeof(key), "%s/%s.key", folder, name);
	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	cr_assert(eq(int, certificate_write_edge(issuer, edge, "edge.test", certificate, key), 0));
	SSL_CTX *tls = identity_open(certificate, key, ca, why, sizeof(why));
	cr_assert(tls != NULL, "%s", why);
	return tls;
}

static void node_prepare(uint8_t edge, uint16_t own_port, uint16_t other_port, SSL_CTX *tls)
{
	struct node *node = &nodes[edge];
	struct endpoint loopback = {.address = {127, 0, 0, 1}, .family = ENDPOINT_V4};

	node->said = tmpfile();
	node->generation = 100;
	node->flows = FLOWS;
	node->peer = (struct mesh_peer_options){.edge = (uint8_t)(3 - edge), .address = loopback};
	node->peer.address.port = other_port;
	node->hello = (struct sync_hello){
		.edge = edge, .incarnation = 7, .relay = {.family = ENDPOINT_V4, .port = 5070}};
	node->subscriber = (struct sync_subscriber){node, on_hello, on_next, on_newest_generation,
		on_peer_changed, on_snapshot_begin, on_snapshot_end, on_heard, on_removed};
	node->options = (struct mesh_options){
		.base = base,
		.tls = tls,
		.listen = loopback,
		.peers = &node->peer,
		.peer_count = 1,
		.cluster = SPAN("test"),
		.subscriber = &node->subscriber,
		.log = log_new(fileno(node->said), LOG_LEVEL_DEBUG, false),
	};
	node->options.listen.port = own_port;
}

static void setup(void)
{
	uint16_t ports[2] = {free_port(), free_port()};
	char ca[64], key[64];

	base = event_base_new();
	cr_assert(ne(ptr, mkdtemp(folder), NULL));
	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	snprintf(key, sizeof(key), "%s/ca.key", folder);
	cr_assert(eq(int, authority_make(&authority, "test"), 0));
	cr_assert(eq(int, authority_write(&authority, ca, key), 0));
	node_prepare(1, ports[0], ports[1], tls_of(&authority, 1, "edge-1"));
	node_prepare(2, ports[1], ports[0], tls_of(&authority, 2, "edge-2"));
}

static void node_open(uint8_t edge)
{
	cr_assert(eq(int, mesh_open(&nodes[edge].options, &nodes[edge].mesh), 0));
}

static void node_close(uint8_t edge)
{
	if (nodes[edge].mesh != NULL)
		mesh_close(nodes[edge].mesh);
	nodes[edge].mesh = NULL;
}

static void teardown(void)
{
	char command[128];

	node_close(1);
	node_close(2);
	for (unsigned i = 1; i <= 2; i++) {
		SSL_CTX_free(nodes[i].options.tls);
		log_free(nodes[i].options.log);
		fclose(nodes[i].said);
	}
	authority_free(&authority);
	event_base_free(base);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	cr_assert(eq(int, system(command), 0));
}

// Turn the loop until `done` or five seconds are over.
static bool wait_for(bool (*done)(void))
{
	struct timeval tick = {.tv_usec = 10000};

	for (unsigned i = 0; i < 500 && !done(); i++) {
		event_base_loopexit(base, &tick);
		event_base_dispatch(base);
	}
	return done();
}

static bool both_complete(void)
{
	return nodes[1].known.complete && nodes[2].known.complete;
}

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
	for (size_t other = 0; other <= length + 1; other++)
		cr_assert(eq(int, hello_decode(span_of(octets, other), &back, &version),
			other == length));
}
