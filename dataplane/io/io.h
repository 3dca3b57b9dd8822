// io.h: octets in, octets out: one table of functions, several backends.
//
// A port belongs to one worker and serves all listeners. Packets belong to the port that received them; the worker gives every
// one back by send or release, on its own thread. No backend looks into a message.

#pragma once

#include <weir/packet.h>

#include <stdint.h>

enum {
	// Octets that are free behind a received datagram, for what does not fit into its head room.
	IO_TAIL_ROOM = 1024,
	// Reports a port keeps until they are taken; more are dropped: they will come again.
	IO_UNREACHABLE_MAX = 64,
};

// The network says that nobody hears at this address (ICMP destination unreachable). A hint: it can be forged.
struct io_unreachable {
	struct endpoint peer;
	uint8_t listener; // it was sent from
};

struct io_port; // one worker's end of a backend

struct io_ops {
	const char *name;
	// Take up to max (at most BURST_MAX) datagrams that have come. Never waits. Returns how many.
	unsigned (*receive)(struct io_port *port, struct packet **packets, unsigned max);
	// Send up to BURST_MAX packets to their `peer` by their `listener`, and release them all. Returns a bit for each packet
	// that the network refused.
	uint32_t (*send)(struct io_port *port, struct packet **packets, unsigned count);
	void (*release)(struct io_port *port, struct packet **packets, unsigned count);
	// A fresh packet with room for `length` octets after PACKET_HEAD_ROOM_MIN (for what control writes). NULL: none left.
	struct packet *(*allocate)(struct io_port *port, uint32_t length);
	// Take what the network has said about earlier sends. Returns how many.
	unsigned (*unreachable)(struct io_port *port, struct io_unreachable *reports, unsigned max);
	// Wait until something comes, or the port's eventfd becomes readable (it is read), or the time is over.
	void (*wait)(struct io_port *port, uint32_t timeout_ms);
	void (*close)(struct io_port *port);
};

struct io_port {
	const struct io_ops *ops;
};
