// endpoint_set.h: addresses with ports, and what each of them is.

#pragma once

#include <weir/endpoint.h>

enum endpoint_kind {
	ENDPOINT_IS_LISTENER = 1,
	ENDPOINT_IS_RELAY = 2, // peer listener of another edge
	ENDPOINT_IS_TARGET = 4,
};

struct endpoint_entry {
	struct endpoint endpoint; // ENDPOINT_NONE: free
	uint8_t kinds; // bits of enum endpoint_kind
};

// Open addressing; a zeroed one is empty, and may be searched.
struct endpoint_set {
	struct endpoint_entry *entries;
	uint32_t count;
	uint32_t room; // a power of two, or 0
};

// The endpoint is that too. 0 or -ENOMEM.
[[nodiscard]] int endpoint_set_add(
	struct endpoint_set *set, const struct endpoint *endpoint, enum endpoint_kind kind);
[[nodiscard]] bool endpoint_set_holds(
	const struct endpoint_set *set, const struct endpoint *endpoint, enum endpoint_kind kind);
void endpoint_set_fini(struct endpoint_set *set);
