// connection.h: one TLS connection of the mesh: records in, records out, and the walk over our flows.

#pragma once

#include "mesh.h"

#include <weir/ring.h>

#include <event2/bufferevent.h>

enum mesh_record {
	MESH_HELLO = 1,
	MESH_BEGIN, // empty: my flows follow
	MESH_FLOW, // an encoded flow_record
	MESH_END, // empty: that were all
	MESH_ALIVE, // empty: nothing else to say
	MESH_REFUSED, // text for people: why the connection is closed
	MESH_REMOVED, // removal.h: the registrar has removed rows by way of me
	MESH_TWIN, // an octet: there is another edge with your id; 0: refused, for you are newer, 1: newer, and you are refused
};

enum {
	MESH_RECORD_MAX = 32768,
	MESH_OUTPUT_LOW = 64 << 10, // the walk goes on below
	MESH_OUTPUT_MAX = 8
		<< 20, // a peer so far behind is disconnected, and gets a snapshot when it comes back
	MESH_ALIVE_EVERY_S = 1,
	MESH_SILENCE_MAX_S = 5,
	MESH_STRANGER_MAX_S = 5, // from TCP to HELLO: who trickles octets must not hold a place
};

// A configured peer; lives as long as the mesh.
struct peer {
	struct mesh *mesh;
	struct mesh_peer_options options;
	struct mesh_status status;
	struct connection *connection; // the one that said HELLO, or is being dialled; NULL: none
	struct event *redial;
	uint64_t twin; // incarnation of the last one that was refused for a newer one; 0: none
	bool replaces_us; // it listens to a newer edge with our id
};

struct connection {
	struct connection *next; // of all connections of the mesh
	struct mesh *mesh;
	struct bufferevent *events;
	struct event *alive_timer;
	struct peer *peer; // dialled: from the start; accepted: from HELLO
	uint64_t incarnation; // of the peer, from HELLO
	uint32_t age_s; // since it was opened, while it has not greeted
	bool dialled;
	bool greeted; // HELLO received
	bool walking;
	uint32_t walk_slot; // everything below has been sent
	uint8_t record[MESH_RECORD_MAX];
};

struct mesh {
	struct sync sync; // first: it is the edge's engine
	struct mesh_options options;
	struct evconnlistener *listener;
	struct connection *connections;
	unsigned peer_count;
	struct peer peers[MESH_PEERS_MAX];
};

struct peer *mesh_find_peer(struct mesh *mesh, uint8_t edge);
// Tell the edge what is known of a peer now.
void peer_tell(struct peer *peer);
void connection_send_hello(struct connection *connection);

// Takes over the bufferevent; NULL: out of memory, and the bufferevent is freed. Dialled: peer is known.
[[nodiscard]] struct connection *connection_new(
	struct mesh *mesh, struct bufferevent *events, struct peer *peer);
// Ends it, tells its peer's handlers, and dials again if that is ours to do.
void connection_close(struct connection *connection);
void connection_send(struct connection *connection, enum mesh_record type, struct span payload);
void connection_send_flow(struct connection *connection, const struct flow_record *record);
void connection_send_removal(struct connection *connection, const struct row_removal *removal);
// Say why; it closes when that has gone out. Read no more from it.
void connection_refuse(struct connection *connection, const char *why);
// peer.c: dial now, or later.
void peer_dial(struct peer *peer);
void peer_dial_later(struct peer *peer);
