// source.h: what an edge's commands show of flows, peers and tokens, whoever keeps them.
//
// The edge fills one and sets control->source to it while it is open. Everything is called on the loop's thread.

#pragma once

#include "../streams/streams.h"

#include <weir/link.h>
#include <weir/record.h>
#include <weir/span.h>

struct source_peer {
	bool connected; // its control is connected to ours
	bool complete; // its snapshot has ended
	uint8_t liveness; // as struct link_event_peer has it: 0 dead, 1 suspect, 2 up
	uint32_t round_trip_us; // of heartbeats; 0: not known
	uint64_t changed_ms; // monotonic: when liveness or connection last changed; 0: never
	uint64_t received; // records
	uint64_t sent;
	struct span name; // length 0: not known
};

// An edge's flows as one edge holds them: two edges hold the same if both numbers are.
struct source_table {
	uint32_t flows;
	uint64_t digest; // the sum of the records' checksums
};

typedef void source_explained(void *context, const struct link_explained *answer);

struct edge_source {
	void *context;
	// The first own flow in a slot greater than `slot`. False: there is none.
	bool (*next_flow)(void *context, uint32_t slot, struct flow_record *record);
	// Flows of this edge that are held, those of them that are live, and all rows.
	void (*count_flows)(void *context, uint32_t *held, uint32_t *live, uint32_t *rows);
	// Connections. False: no listener takes them.
	bool (*count_streams)(void *context, struct stream_counts *counts);
	// The keyed hash of an address of record, a SIP URI. False: it is none.
	bool (*hash_aor)(void *context, struct span aor, uint64_t *hash);
	// False: no such peer.
	bool (*peer)(void *context, uint8_t edge, struct source_peer *peer);
	// Our flows, or our copy of a peer's. Looks at each of them.
	void (*table)(void *context, uint8_t edge, struct source_table *table);
	// What the dataplane says of a device of the configuration. False: nothing yet.
	bool (*device)(void *context, unsigned device, struct link_event_device *state);
	// Whether the address of a listener is on this host, and since when (monotonic; 0: always). False: addresses do not move, or the
	// dataplane has not said yet.
	bool (*address)(void *context, uint8_t listener, bool *here, uint64_t *since_ms);
	// Ask the dataplane which rule would serve a token. `done` is called once, with NULL if no answer came; perhaps before
	// this returns.
	void (*explain)(
		void *context, struct span token, source_explained *done, void *done_context);
};
