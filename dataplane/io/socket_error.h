// socket_error.h: what ICMP said about datagrams that a socket sent.

#pragma once

#include "io.h"

// What a port keeps until the worker takes it.
struct socket_errors {
	struct io_unreachable report[IO_UNREACHABLE_MAX];
	unsigned count;
};

// Read the socket's error queue: an ICMP error also makes the next call on the socket fail, whatever that was for.
void socket_errors_read(struct socket_errors *errors, int fd, uint8_t listener);
// Returns how many.
[[nodiscard]] unsigned socket_errors_take(
	struct socket_errors *errors, struct io_unreachable *reports, unsigned max);
