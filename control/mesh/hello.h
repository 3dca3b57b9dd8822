// hello.h: how an edge introduces itself to another's control: a struct sync_hello with what only the mesh needs.

#pragma once

#include "../sync.h"

enum {
	MESH_VERSION = 3,
	HELLO_OCTETS_MAX = 16384,
};

struct mesh_hello {
	struct sync_hello hello;
	uint32_t newest_generation; // of the receiver's own slots in the sender's copy
	uint8_t cluster_length;
	uint8_t cluster[LINK_NAME_MAX];
};

// Returns the length; out holds HELLO_OCTETS_MAX. 0: it does not fit.
size_t hello_encode(const struct mesh_hello *hello, uint8_t *out);
// Hostile input. *version is set even when the rest cannot be read, so that it can be named.
[[nodiscard]] bool hello_decode(struct span octets, struct mesh_hello *hello, unsigned *version);
