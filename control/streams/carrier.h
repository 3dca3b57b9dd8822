// carrier.h: octets in and out of a connection's socket.

#pragma once

#include "stream.h"

// Octets read, 0 (the other side has closed), -EAGAIN or another negative errno.
[[nodiscard]] ssize_t carrier_read(struct stream *connection, uint8_t *octets, size_t room);
// Octets taken, -EAGAIN or another negative errno.
[[nodiscard]] ssize_t carrier_write(struct stream *connection, struct span octets);
// Nagle off, and the kernel asks a silent peer whether it is there.
void carrier_tune(int socket);
