// directory_parts.h: what a directory is made of, for those who build and read it.

#pragma once

#include "directory.h"
#include "endpoint_set.h"
#include "name_set.h"

struct own_listener {
	struct directory_listener listener; // its spans point into record
	struct link_directory_listener record;
};

struct peer_edge {
	struct directory_peer peer; // its name points into record
	struct link_peer record;
};

enum {
	EDGES = 256,
	SIDES = SIDE_PEER + 1,
	TRANSPORTS = TRANSPORT_WSS + 1,
	FAMILIES = 2,
	PREFIX_KEYS = LINK_PREFIX_LISTS * LISTENERS_MAX,
};

// Where a listener on UDP is, of whichever edge.
struct listener_place {
	struct endpoint address;
	uint8_t edge;
	uint8_t listener;
};

// What a listener's address is besides.
struct shared_address {
	uint8_t own; // id of our listener with this address, plus 1; 0: none
	uint8_t claimant; // edge
};

// Nothing changes after directory_builder_finish().
struct directory {
	struct link_settings settings;
	struct name_set names; // value: edge, 0 for the cluster
	struct name_set sent_bys; // of our own listeners; value: listener
	struct name_set target_names; // value: index in targets
	struct endpoint_set endpoints;
	struct own_listener *listeners[LISTENERS_MAX]; // by id
	const struct directory_listener *side_listeners[SIDES][TRANSPORTS][FAMILIES];
	struct peer_edge *peers[EDGES]; // by edge
	uint8_t peer_transports[EDGES][LISTENERS_MAX]; // enum transport
	uint8_t peer_sides[EDGES][LISTENERS_MAX]; // enum side
	struct shared_address shared[EDGES][LISTENERS_MAX];
	struct listener_place *places;
	uint32_t place_count;
	uint32_t place_room;
	struct link_target *targets;
	uint32_t target_count;
	uint32_t target_room;
	bool has_stream_targets;
	// By list and listener; those of one key stand from prefix_begin[key] to prefix_begin[key + 1].
	struct link_prefix *prefixes;
	uint32_t prefix_count;
	uint32_t prefix_room;
	uint16_t prefix_begin[PREFIX_KEYS + 1];
};

// Once all listeners are there: which of them have one address.
void directory_find_namesakes(struct directory *directory);

static inline unsigned family_index(uint8_t family)
{
	return family == ENDPOINT_V6;
}

// Lists that are not a listener's own stand under listener 0.
static inline unsigned prefix_key(unsigned list, unsigned listener)
{
	bool own = list == LINK_PREFIX_ACCESS_NETWORKS || list == LINK_PREFIX_ALLOW;

	return list * LISTENERS_MAX + (own ? listener : 0);
}
