// name_set.h: host names with ports, each with a number, found without regard to case.

#pragma once

#include <weir/link.h>

struct name_entry {
	uint32_t value;
	uint16_t port;
	uint8_t host_length;
	uint8_t host[LINK_NAME_MAX]; // lower case, without brackets
};

// Filled, indexed once, then only read. A zeroed one is empty, and may be searched.
struct name_set {
	struct name_entry *entries;
	uint32_t *buckets; // open addressing: number of the entry + 1, 0: free
	uint32_t count;
	uint32_t room;
	uint32_t mask;
};

// host is at most LINK_NAME_MAX octets, lower case, without brackets. 0 or -ENOMEM.
[[nodiscard]] int name_set_add(
	struct name_set *set, struct span host, uint16_t port, uint32_t value);
// Of entries with one name and port the first counts. 0 or -ENOMEM.
[[nodiscard]] int name_set_index(struct name_set *set);
[[nodiscard]] const struct name_entry *name_set_find(
	const struct name_set *set, struct span host, uint16_t port);
// Without the brackets of an IPv6 reference.
struct span name_set_unwrap(struct span host);
void name_set_fini(struct name_set *set);
