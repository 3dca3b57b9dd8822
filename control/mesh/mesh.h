// mesh.h: `sync: mesh`: every edge's control tells every other its flows, over one TCP connection with mutual TLS a pair.
//
// Each edge is the only writer of its own records, so there are no conflicts and no consensus. A connection begins with HELLO both
// ways; then each side walks its current flows in slot order between BEGIN and END, changes of the day in between, and from then
// on sends changes as they come. The receiver marks at BEGIN and sweeps at END: no tombstones. Of a pair, the edge with the
// lower id dials.

#pragma once

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

// Called on the loop's thread; none of them may close the mesh.
struct mesh_handlers {
	void (*hello)(void *context, const struct mesh_hello *hello);
	void (*begin)(void *context, uint8_t edge);
	void (*flow)(
		void *context, const struct flow_record *record); // record->id.edge is who sent it
	void (*end)(void *context, uint8_t edge);
	void (*down)(void *context, uint8_t edge); // its connection ended
	// Own flows in slot order: the first with slot >= *slot; *slot is set past it. False: no more.
	bool (*next)(void *context, uint32_t *slot, struct flow_record *record);
	// Something operators should know, one line, no secrets.
	void (*say)(void *context, const char *line);
};

struct mesh_options {
	struct event_base *base;
	SSL_CTX *tls; // identity_open(); the caller's
	struct endpoint listen;
	const struct mesh_peer_options *peers; // the caller's
	unsigned peer_count;
	struct mesh_hello hello; // ours
	struct mesh_handlers handlers;
	void *context;
};

struct mesh_status {
	bool connected; // HELLO exchanged
	bool complete; // its snapshot has ended
	uint64_t incarnation;
	uint64_t since_ms; // monotonic: of the last change of `connected`
	uint64_t records_in;
	uint64_t records_out;
	uint64_t epoch;
};

// 0 or a negative errno (of the listener).
[[nodiscard]] int mesh_open(const struct mesh_options *options, struct mesh **mesh);
void mesh_close(struct mesh *mesh);
// A flow of ours is as the record says now.
void mesh_publish(struct mesh *mesh, const struct flow_record *record);
// False: no such peer.
[[nodiscard]] bool mesh_read_status(
	const struct mesh *mesh, uint8_t edge, struct mesh_status *status);
