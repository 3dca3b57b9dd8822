// flow_set.h: where a request is to go: instances, to be tried at once, each with its flows, to be tried one after another.
//
// RFC 5626 section 7: no two contacts of one instance of an address of record are ever tried at the same time. Contacts without
// an instance-id are an instance each. A copy: bindings may change while a request is under way.

#pragma once

#include "location.h"

struct flow {
	struct span contact; // the new request-URI; length 0: it stays
	struct span path; // Route values to put in front; length 0: none
	struct span hop; // the URI that leads to the next hop
	struct hop connection; // of a phone that has registered by it; none: see hop
};

struct instance {
	uint8_t first; // into flows
	uint8_t count;
};

struct flow_set {
	unsigned instance_count;
	struct instance instances[BINDINGS_MAX]; // newest first
	struct flow flows[BINDINGS_MAX]; // within an instance in the order of trying
	uint8_t *text; // owned; spans point into it
};

// True if the next hop that a URI names is believed to live.
typedef bool flow_hop_lives(void *context, struct span uri);

// From the bindings of an AOR, or those of one instance-id (as it stands in them; length 0: all). Flows that failed come last,
// behind those whose next hop seems dead; within that, newest first. 0 or -ENOMEM.
[[nodiscard]] int flow_set_fill(struct flow_set *set, const struct binding *bindings,
	struct span instance, flow_hop_lives *lives, void *context);
// One place, which the request itself names by a URI.
[[nodiscard]] int flow_set_fill_one(struct flow_set *set, struct span hop);
void flow_set_free(struct flow_set *set);
