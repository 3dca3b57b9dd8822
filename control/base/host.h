// host.h: a host as it is compared, here and in the dataplane.

#pragma once

#include <weir/link.h>

// Writes a host of a URI in lower case, an IP literal without brackets in RFC 5952 form; returns the length. What is longer than any
// name is cut.
size_t host_normalize(struct span host, uint8_t out[LINK_NAME_MAX]);
