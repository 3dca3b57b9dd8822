// io_socket.h: kernel UDP: no root, no huge pages, several workers by SO_REUSEPORT.

#pragma once

#include "io.h"

// One listener's socket of this worker: UDP, bound. Borrowed: control and the dataplane both keep it, the port never closes it.
struct io_socket_listener {
	int fd;
	uint8_t id;
};

// wakeup is an eventfd that ends a wait, borrowed. The sockets are set to report ICMP errors and to let the network fragment.
// 0 or a negative errno: *failed is then the index of the listener that it is about, or count.
[[nodiscard]] int io_socket_open(const struct io_socket_listener *listeners, unsigned count,
	int wakeup, struct io_port **port, unsigned *failed);
