// sockaddr.h: endpoints as the socket interface wants them.

#pragma once

#include <weir/endpoint.h>

#include <sys/socket.h>

// Returns the length to pass on.
socklen_t sockaddr_write(const struct endpoint *endpoint, struct sockaddr_storage *address);
// A family that is neither IPv4 nor IPv6 gives a zeroed endpoint.
struct endpoint sockaddr_read(const struct sockaddr_storage *address);
