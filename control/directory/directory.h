// directory.h: what the dataplane is told of the world, as records of the table ring (link.h: LINK_DIRECTORY_BEGIN to _END).
//
// Made anew, whole, whenever something in it changes: the configuration, what peers say of themselves, or the core targets. A
// peer's names stay known while it is down, from the last HELLO that was heard, else from the configuration.

#pragma once

#include "../config/config.h"
#include "../sync.h"

#include <weir/link.h>

struct directory_input {
	const struct config *config;
	uint64_t incarnation;
	bool draining;
	const struct sync_hello *const *hellos; // by edge id (256), NULL: not heard yet
	const struct link_target *targets; // as upstream_list() gives them
	unsigned target_count;
};

// Called for every record in order. A negative result ends the walk and is returned.
typedef int directory_put(void *context, uint16_t type, struct span record);

[[nodiscard]] int directory_write(
	const struct directory_input *input, directory_put *put, void *context);
// This edge's own HELLO, from its configuration. Returns how many of its names it has no room for: other edges will not take those for
// ours.
unsigned directory_write_hello(const struct config *config, uint64_t incarnation, uint64_t epoch,
	struct sync_hello *hello);
// What we write for a listener: `advertise`, else the node's name, without port when the port is the transport's default (RFC
// 3263 section 4.2: a port disables SRV). Returns the length; out holds LINK_NAME_MAX + 9.
size_t directory_written(
	const struct config *config, const struct config_listener *listener, uint8_t *out);
