// mesh_fixture.h: two controls on one loop, and room for a third:
//
//     edge 1 (dials) ---- mutual TLS over loopback ---- edge 2 (listens)
//
// Each has a few flows of its own; what the other has heard is compared with them.

#pragma once

#include "keys/certificate.h"
#include "mesh/identity.h"
#include "mesh/mesh.h"
#include "mesh/removal.h"
#include "port_choice.h"

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
	unsigned twins_newer; // told that a newer edge has its id
	unsigned twins_older; // ... an older one
	struct row_removal removal; // the last one heard
	unsigned removals;
	FILE *said; // its log
	char text[8192];
};

static struct event_base *base;
static char folder[] = "/tmp/weir-mesh-XXXXXX";
static struct authority authority;
static struct node nodes[3]; // by edge id

static inline struct flow_record own_flow(const struct node *node, uint32_t slot)
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

static inline const struct sync_hello *on_hello(void *context)
{
	return &((struct node *)context)->hello;
}

static inline bool on_next(void *context, uint32_t slot, struct flow_record *record)
{
	struct node *node = context;

	if (slot >= node->flows)
		return false;
	*record = own_flow(node, slot + 1);
	return true;
}

static inline uint32_t on_newest_generation(void *context, uint8_t edge)
{
	return 4711;
}

static inline void on_peer_changed(void *context, const struct sync_peer *peer)
{
	((struct node *)context)->known = *peer;
}

static inline void on_snapshot_begin(void *context, uint8_t edge)
{
	struct node *node = context;

	memset(node->heard, 0, sizeof(node->heard));
	node->heard_count = 0;
}

static inline void on_snapshot_end(void *context, uint8_t edge)
{
}

static inline void on_heard(void *context, const struct flow_record *record)
{
	struct node *node = context;

	cr_assert(lt(u32, record->id.slot, FLOWS + 100));
	node->heard_count += node->heard[record->id.slot] == 0;
	node->heard[record->id.slot] = record->id.generation;
}

static inline void on_twin(void *context, uint8_t edge, bool newer)
{
	struct node *node = context;

	node->twins_newer += newer;
	node->twins_older += !newer;
}

static inline void on_removed(void *context, const struct row_removal *removal)
{
	struct node *node = context;

	node->removal = *removal;
	node->removals++;
}

// What a node's log says so far.
static inline const char *said(struct node *node)
{
	fseek(node->said, 0, SEEK_SET);
	size_t length = fread(node->text, 1, sizeof(node->text) - 1, node->said);
	node->text[length] = 0;
	return node->text;
}

static inline SSL_CTX *tls_of(const struct authority *issuer, uint8_t edge, const char *name)
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

static inline void node_fill(
	struct node *node, uint8_t edge, uint16_t own_port, uint16_t other_port, SSL_CTX *tls)
{
	struct endpoint loopback = {.address = {127, 0, 0, 1}, .family = ENDPOINT_V4};

	node->said = tmpfile();
	node->generation = 100;
	node->flows = FLOWS;
	node->peer = (struct mesh_peer_options){.edge = (uint8_t)(3 - edge), .address = loopback};
	node->peer.address.port = other_port;
	node->hello = (struct sync_hello){
		.edge = edge, .incarnation = 7, .relay = {.family = ENDPOINT_V4, .port = 5070}};
	node->subscriber = (struct sync_subscriber){node, on_hello, on_next, on_newest_generation,
		on_peer_changed, on_snapshot_begin, on_snapshot_end, on_heard, on_twin, on_removed};
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

static inline void node_prepare(uint8_t edge, uint16_t own_port, uint16_t other_port, SSL_CTX *tls)
{
	node_fill(&nodes[edge], edge, own_port, other_port, tls);
}

static inline void setup(void)
{
	uint16_t ports[2] = {port_choose(), port_choose()};
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

static inline void node_open(uint8_t edge)
{
	cr_assert(eq(int, mesh_open(&nodes[edge].options, &nodes[edge].mesh), 0));
}

static inline void node_close(uint8_t edge)
{
	if (nodes[edge].mesh != NULL)
		mesh_close(nodes[edge].mesh);
	nodes[edge].mesh = NULL;
}

static inline void teardown(void)
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
static inline bool wait_for(bool (*done)(void))
{
	struct timeval tick = {.tv_usec = 10000};

	for (unsigned i = 0; i < 500 && !done(); i++) {
		event_base_loopexit(base, &tick);
		event_base_dispatch(base);
	}
	return done();
}

static inline bool both_complete(void)
{
	return nodes[1].known.complete && nodes[2].known.complete;
}
