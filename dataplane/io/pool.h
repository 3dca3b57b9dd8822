// pool.h: the packets of one port, in two sizes, all allocated when the port is opened.
//
// Nearly every SIP datagram fits a normal buffer; the few large ones are there so that the rest is never cut.

#pragma once

#include <weir/packet.h>

#include <stdbool.h>

enum pool_size {
	POOL_NORMAL,
	POOL_LARGE,
	POOL_SIZES,
};

enum {
	POOL_NORMAL_BUFFER = 4096,
	POOL_LARGE_BUFFER = 256 + 65536 + 1024, // head room, the largest datagram, tail room
};

struct pool {
	struct packet *packets;
	uint8_t *memory;
	struct packet **free; // a stack: the packet last given back is the one still in the cache
	unsigned free_count;
	unsigned count;
	uint32_t buffer;
	uint8_t size; // enum pool_size
};

// 0 or -ENOMEM. Memory that is never used is never touched.
[[nodiscard]] int pool_init(struct pool *pool, enum pool_size size, unsigned count);
void pool_fini(struct pool *pool);
// Octets of a datagram that a packet of this size takes.
uint32_t pool_room(enum pool_size size);
// An empty packet, its octets at PACKET_HEAD_ROOM; NULL: none left.
[[nodiscard]] struct packet *pool_take(struct pool *pool);
void pool_give(struct pool *pool, struct packet *packet);
