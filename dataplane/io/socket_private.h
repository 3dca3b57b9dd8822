// socket_private.h: what the files of the socket backend share.

#pragma once

#include "address.h"
#include "io.h"
#include "pool.h"
#include "socket_error.h"

#include <weir/side.h>

#include <stdbool.h>
#include <sys/socket.h>

enum {
	// A burst that is received, one that is sent on, and what control writes.
	SOCKET_NORMAL_PACKETS = 4 * BURST_MAX,
	// Every message of a burst may be large, while the next ones wait in the receive slots.
	SOCKET_LARGE_PACKETS = 2 * BURST_MAX + 16,
	SOCKET_NONE = 0xff,
};

struct socket_listener {
	int fd;
	int family; // AF_INET or AF_INET6
	uint8_t id;
	bool ready; // may hold datagrams or errors
};

// Where the kernel puts one datagram: a normal packet, and for what does not fit it, the end of a large one.
struct receive_slot {
	struct packet *normal;
	struct packet *large;
	struct iovec vector[2];
	union address from;
};

struct io_socket {
	struct io_port port;
	int epoll;
	int wakeup; // eventfd, borrowed
	unsigned count;
	unsigned next; // listener that is received from first, so that none starves
	unsigned receives; // since the kernel was asked which listeners are ready
	struct socket_listener listener[LISTENERS_MAX];
	uint8_t by_id[LISTENERS_MAX + 1]; // index into listener, or SOCKET_NONE
	struct pool pool[POOL_SIZES];
	struct receive_slot slot[BURST_MAX];
	struct mmsghdr in[BURST_MAX];
	struct mmsghdr out[BURST_MAX];
	struct iovec out_vector[BURST_MAX];
	union address out_address[BURST_MAX];
	struct socket_errors errors;
};

static inline struct io_socket *socket_of(struct io_port *port)
{
	return (struct io_socket *)port;
}

unsigned socket_receive(struct io_port *port, struct packet **packets, unsigned max);
uint32_t socket_send(struct io_port *port, struct packet **packets, unsigned count);
void socket_release(struct io_port *port, struct packet **packets, unsigned count);
// Ask the kernel which listeners have something.
void socket_poll(struct io_socket *io, uint32_t timeout_ms);
