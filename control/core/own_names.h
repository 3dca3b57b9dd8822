// own_names.h: what names this core: its listeners, the name in its Record-Route, its domains.

#pragma once

#include <weir/endpoint.h>
#include <weir/side.h>
#include <weir/span.h>
#include <weir/uri.h>

// "host" or "host:port", of one transport.
struct own_name {
	struct span sent_by; // in our Via; length 0: nothing listens for this transport
	struct span written; // in our Record-Route
};

// Everything belongs to the caller.
struct own_names {
	const struct endpoint *listeners;
	unsigned listener_count;
	struct own_name by[TRANSPORT_TLS + 1]; // enum transport; one of them is set at least
	const struct span *domains;
	unsigned domain_count;
};

// The name by which others reach us over this transport, else over another one; *transport is which.
const struct own_name *own_names_by(const struct own_names *own, uint8_t *transport);
// True if a Via's sent-by is one of ours.
[[nodiscard]] bool own_names_sent(const struct own_names *own, struct span sent_by);
// True if a host, as it stands in a URI, is one of the domains.
[[nodiscard]] bool own_names_have_domain(const struct own_names *own, struct span host);
// True if a host, as it stands in a URI, is a listener's address with that port, or a domain.
[[nodiscard]] bool own_names_have_host(
	const struct own_names *own, struct span host, uint16_t port);
// True if host and port are a listener's, our name, or a domain without port.
[[nodiscard]] bool own_names_hold(
	const struct own_names *own, const uint8_t *base, const struct uri *uri);
