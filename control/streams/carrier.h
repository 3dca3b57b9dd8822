// carrier.h: octets in and out of a connection's socket, in clear or by TLS.

#pragma once

#include "stream.h"

// TLS, if the listener asks for it. 0 or -ENOMEM.
[[nodiscard]] int carrier_open(struct stream *connection);
// Says goodbye where TLS wants it; the socket stays the caller's.
void carrier_close(struct stream *connection);
// Octets read, 0 (the other side has closed), -EAGAIN or another negative errno. A TLS handshake is done on the way.
[[nodiscard]] ssize_t carrier_read(struct stream *connection, uint8_t *octets, size_t room);
// Octets taken, -EAGAIN or another negative errno.
[[nodiscard]] ssize_t carrier_write(struct stream *connection, struct span octets);
// Octets have been read from the socket that nobody has taken: it will not become readable for them.
[[nodiscard]] bool carrier_has_more(const struct stream *connection);
