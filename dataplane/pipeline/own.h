// own.h: whether a URI names this cluster (ROUTING section 1).

#pragma once

#include "../table/directory.h"

#include <weir/message.h>
#include <weir/uri.h>

// Text that a host is looked up by: IPv6 literals in their one canonical spelling, since they are compared as octets; all else
// as it stands. buffer holds ENDPOINT_TEXT_MAX octets.
[[nodiscard]] struct span own_host_text(struct span host, uint8_t *buffer);
[[nodiscard]] bool own_names(
	const struct directory *directory, const struct message *message, const struct uri *uri);
