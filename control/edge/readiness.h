// readiness.h: whether an edge serves: everything that a phone needs for its first REGISTER and its next request is there.

#pragma once

#include <stdbool.h>
#include <stdint.h>

struct readiness {
	bool linked; // to a dataplane, which has been sent the tables
	bool keyed; // it has the keys
	bool epoch_is_foreign; // most of the other edges have another epoch than ours
	bool secret_is_foreign; // most of them hold another secret
	bool replaced; // another edge listens to a newer one with our id
	bool coreless; // it has just started, and no target has an address, or the connection that it wants
	uint32_t behind_s; // flow_book_behind_s()
};

// NULL: it serves; else what it waits for, for people.
const char *readiness_judge(const struct readiness *readiness);
