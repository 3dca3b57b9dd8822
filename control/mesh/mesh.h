// mesh.h: `sync: mesh`: every edge's control tells every other its flows, over one TCP connection with mutual TLS a pair.
//
// Each edge is the only writer of its own records, so there are no conflicts and no consensus. A connection begins with HELLO both
// ways; then each side walks its current flows in slot order between BEGIN and END, changes of the day in between, and from then
// on sends changes as they come. The receiver marks at BEGIN and sweeps at END: no tombstones. Of a pair, the edge with the
// lower id dials.

#pragma once

#include "../base/log.h"
#include "hello.h"

#include <weir/record.h>

#include <openssl/ssl.h>

#include <event2/event.h>

struct mesh;

enum {
	MESH_PEERS_MAX = 64,
};

struct mesh_peer_options {
	uint8_t edge;
	struct endpoint address;
};

struct mesh_options {
	struct event_base *base;
	SSL_CTX *tls; // identity_open(); the caller's
	struct endpoint listen;
	const struct mesh_peer_options *peers; // the caller's
	unsigned peer_count;
	struct span cluster; // edges of another are refused
	const struct sync_subscriber *subscriber; // the edge
	struct log *log; // the caller's
};

struct mesh_status {
	struct sync_peer peer;
	uint64_t since_ms; // monotonic: when `peer.connected` last changed; 0: never
	uint64_t records_in;
	uint64_t records_out;
};

// 0 or a negative errno (of the listener).
[[nodiscard]] int mesh_open(const struct mesh_options *options, struct mesh **mesh);
void mesh_close(struct mesh *mesh);
// As the edge's engine.
struct sync *mesh_sync(struct mesh *mesh);
// False: no such peer.
[[nodiscard]] bool mesh_read_status(
	const struct mesh *mesh, uint8_t edge, struct mesh_status *status);
