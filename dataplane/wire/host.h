// host.h: the host of a URI or of a sent-by, and the port behind it (RFC 3261 section 25.1, host and hostport).

#pragma once

#include <weir/span.h>

#include <stdbool.h>

// The first octet behind the host that begins at `at`, or 0: no host begins there. An IPv6 reference has its brackets; a
// name has labels of 63 octets, 255 in all, and does not end in a number, which some resolvers take for an address.
[[nodiscard]] uint32_t host_skip(const uint8_t *base, uint32_t at, uint32_t end);
// A port of digits only from 1 to 65535 that begins at `at`: the first octet behind it, or 0.
[[nodiscard]] uint32_t port_skip(const uint8_t *base, uint32_t at, uint32_t end, uint16_t *port);
