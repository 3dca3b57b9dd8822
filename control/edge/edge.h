// edge.h: `role: edge`: what joins flow book, registration, store, link, peers and targets.
//
// Order is its business: a change of the book goes to the store, then to the dataplane's tables, then on the wire (messages that
// depend on it), then to the peers. Changes are gathered for at most EDGE_BATCH_MS.

#pragma once

#include "../frame/control.h"

struct edge;

enum {
	EDGE_BATCH_MS = 2,
};

[[nodiscard]] int edge_open(struct control *control);
void edge_close(struct control *control);
void edge_reload(struct control *control);
