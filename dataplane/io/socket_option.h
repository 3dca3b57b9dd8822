// socket_option.h: how a listener's socket is set, in every backend.

#pragma once

// What a bound UDP socket is: its family goes to *family (AF_INET or AF_INET6). The descriptor came from another process: 0, or a
// negative errno for whatever else it is (-ESOCKTNOSUPPORT, -ENOTSOCK).
[[nodiscard]] int socket_option_read_family(int fd, int *family);
// Report ICMP errors, and let the network fragment. 0 or a negative errno.
[[nodiscard]] int socket_option_set(int fd, int family);
