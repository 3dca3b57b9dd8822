// address.h: endpoints as the kernel spells them.

#pragma once

#include <weir/endpoint.h>

#include <netinet/in.h>
#include <sys/socket.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

// An IPv4-mapped IPv6 address becomes IPv4: no rule can be passed by another spelling. False: neither IPv4 nor IPv6.
[[nodiscard]] bool address_read(const union address *address, struct endpoint *endpoint);
// For a socket of this family (AF_INET or AF_INET6); returns the length. 0: the endpoint does not exist there.
[[nodiscard]] socklen_t address_write(
	const struct endpoint *endpoint, int family, union address *address);
