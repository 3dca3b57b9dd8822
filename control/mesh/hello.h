// hello.h: how an edge introduces itself to another's control.

#pragma once

#include <weir/link.h>

enum {
	MESH_VERSION = 1,
	HELLO_NAMES_MAX = 16,
	HELLO_OCTETS_MAX = 16384,
};

// host and port by which an edge is named in Routes; port 0: none.
struct hello_name {
	uint8_t host_length;
	uint16_t port;
	uint8_t host[LINK_NAME_MAX];
};

struct mesh_hello {
	uint8_t edge;
	uint64_t
		incarnation; // when its control first started on this store: newer wins over a twin with the same id
	uint64_t epoch; // of its token keys
	uint8_t cluster_length;
	uint8_t cluster[LINK_NAME_MAX];
	uint8_t name_count;
	uint8_t listener_count;
	struct hello_name names[HELLO_NAMES_MAX];
	struct link_listener listeners[LISTENERS_MAX];
};

// Returns the length; out holds HELLO_OCTETS_MAX.
size_t hello_encode(const struct mesh_hello *hello, uint8_t *out);
// Hostile input. *version is set even when the rest cannot be read, so that it can be named.
[[nodiscard]] bool hello_decode(struct span octets, struct mesh_hello *hello, unsigned *version);
