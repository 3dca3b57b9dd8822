// sync.h: the border between the flow book and whatever carries flows from edge to edge (the mesh).
//
// Each edge is the only writer of its own flows, and a record replaces the one before it whole: so there are no conflicts, no
// tombstones and no order between flows. The engine gets live changes by publish(), walks all current flows with next() when a
// peer connects, and tells what it hears of others. Everything here runs on control's event loop.

#pragma once

#include "keys/secret_check.h"

#include <weir/link.h>
#include <weir/record.h>
#include <weir/side.h>

enum {
	SYNC_NAMES_MAX = 32, // names and address:ports of one edge's access and core listeners
};

// What an edge says of itself when it connects, and again when it changes.
struct sync_hello {
	uint8_t edge;
	uint8_t secure; // its peer link may carry sips
	uint8_t name_length;
	uint8_t name_count;
	uint8_t listener_count;
	uint64_t incarnation;
	uint64_t epoch; // of its keys
	struct secret_check secrets; // that they are made of
	struct endpoint relay; // its peer listener
	uint8_t name[LINK_NAME_MAX]; // the node's name, lower case
	// What makes a Route or URI its own (ROUTING section 1).
	struct link_name names[SYNC_NAMES_MAX];
	struct link_listener listeners[LISTENERS_MAX]; // access, core and peer
};

// What the engine knows of a peer.
struct sync_peer {
	bool connected; // its control is connected to ours
	bool complete; // its first snapshot since it connected has ended
	// Newest generation of *my* slots in its copy: my clock must be past it.
	uint32_t newest_generation;
	struct sync_hello hello; // edge is always set; the rest is zero until HELLO was heard
};

// What the edge gives to an engine. Outlives it.
struct sync_subscriber {
	void *context;

	// --- The engine asks ---

	// This edge's own HELLO. Valid until the loop runs again.
	const struct sync_hello *(*hello)(void *context);
	// The first own flow in a slot greater than `slot` (0: from the start). False: there is none; *record is then unspecified.
	bool (*next)(void *context, uint32_t slot, struct flow_record *record);
	// The newest generation my copy of that edge's flows holds; 0: none. Goes out in the HELLO to it.
	uint32_t (*newest_generation)(void *context, uint8_t edge);

	// --- The engine tells ---

	// Connected, HELLO heard or changed, snapshot complete, or connection lost. *peer is the engine's.
	void (*peer_changed)(void *context, const struct sync_peer *peer);
	// The peer's whole table follows; what was not heard again when it ends is gone.
	void (*snapshot_begin)(void *context, uint8_t edge);
	void (*snapshot_end)(void *context, uint8_t edge);
	// One flow of a peer as it is now, inside a snapshot or live; FLOW_GONE removes it. record->id.edge is the peer's own: the
	// engine refuses any other.
	void (*heard)(void *context, const struct flow_record *record);
	// There is a second edge with our id. `newer`: the peer listens to that one, and not to us; else it was turned away for us.
	void (*twin)(void *context, uint8_t edge, bool newer);
	// A peer's phones have de-registered: our rows that are meant go, too.
	void (*removed)(void *context, const struct row_removal *removal);
};

// An engine. Its own struct starts with this one.
struct sync {
	// Tell all connected peers. A record of state FLOW_GONE withdraws the flow.
	void (*publish)(struct sync *sync, const struct flow_record *record);
	// Tell all connected peers that rows are gone wherever they are. Who is not connected keeps them until they expire.
	void (*retract)(struct sync *sync, const struct row_removal *removal);
	// hello() would say something else now.
	void (*announce)(struct sync *sync);
};
