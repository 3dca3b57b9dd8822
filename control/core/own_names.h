// own_names.h: what names this core: its listeners, the name in its Record-Route, its domains.

#pragma once

#include <weir/endpoint.h>
#include <weir/span.h>
#include <weir/uri.h>

// Everything belongs to the caller.
struct own_names {
	const struct endpoint *listeners;
	unsigned listener_count;
	struct span name; // "host" or "host:port" of our Record-Route
	const struct span *domains;
	unsigned domain_count;
};

// True if a host, as it stands in a URI, is one of the domains.
[[nodiscard]] bool own_names_have_domain(const struct own_names *own, struct span host);
// True if a host, as it stands in a URI, is a listener's address with that port, or a domain.
[[nodiscard]] bool own_names_have_host(
	const struct own_names *own, struct span host, uint16_t port);
// True if host and port are a listener's, our name, or a domain without port.
[[nodiscard]] bool own_names_hold(
	const struct own_names *own, const uint8_t *base, const struct uri *uri);
