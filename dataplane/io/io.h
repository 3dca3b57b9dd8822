// io.h: octets in, octets out: one table of functions, several backends.
//
// A port belongs to one worker and serves all listeners. Packets belong to the port that received them; the worker gives every
// one back by send or release, on its own thread. No backend looks into a message.

#pragma once

#include <weir/packet.h>

#include <stdint.h>

struct io_port; // one worker's end of a backend

struct io_ops {
	const char *name;
	// Take up to max (at most BURST_MAX) datagrams that have come. Never waits. Returns how many.
	unsigned (*receive)(struct io_port *port, struct packet **packets, unsigned max);
	// Send packets to their `peer` by their `listener`, and release them. Returns how many went out: packets[0..n) were taken by
	// the network, the rest were refused; all are released either way.
	unsigned (*send)(struct io_port *port, struct packet **packets, unsigned count);
	void (*release)(struct io_port *port, struct packet **packets, unsigned count);
	// A fresh packet with room for `length` octets after PACKET_HEAD_ROOM (for what control writes). NULL: none left.
	struct packet *(*allocate)(struct io_port *port, uint32_t length);
	// Wait until something comes, or `eventfd` becomes readable, or the time is over.
	void (*wait)(struct io_port *port, int eventfd, uint32_t timeout_ms);
	void (*close)(struct io_port *port);
};

struct io_port {
	const struct io_ops *ops;
};
