// dpdk_pool.c: packets that live in mbufs.

#include "dpdk_private.h"

#include <stdio.h>

// What never changes while the packet is used again and again.
static void packet_init(struct rte_mempool *pool, void *argument, void *object, unsigned index)
{
	struct rte_mbuf *mbuf = object;

	*dpdk_pool_packet(mbuf) = (struct packet){
		// Before what a worker may fill stands what the frame's headers will.
		.buffer = (uint8_t *)mbuf->buf_addr + FRAME_HEADERS_MAX,
		.capacity = mbuf->buf_len - FRAME_HEADERS_MAX,
		.pool = POOL_NORMAL,
		.owner = mbuf,
	};
}

// A driver that shares buffers with the kernel wants a whole object within a page: this is 3,200 octets at an MTU of 1500.
static unsigned data_room(unsigned mtu)
{
	unsigned room = RTE_PKTMBUF_HEADROOM + DPDK_KERNEL_HEAD_ROOM + mtu + DPDK_FRAME_EXTRA
		+ IO_TAIL_ROOM;

	return RTE_ALIGN_CEIL(room, RTE_CACHE_LINE_SIZE);
}

struct rte_mempool *dpdk_pool_new(unsigned device, unsigned count, unsigned mtu, unsigned node)
{
	const unsigned private_room = RTE_ALIGN_CEIL(sizeof(struct packet), RTE_CACHE_LINE_SIZE);
	unsigned cache = count / 4 < DPDK_CACHE_PACKETS ? count / 4 : DPDK_CACHE_PACKETS;
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	(void)snprintf(name, sizeof(name), "weir%u", device);
	pool = rte_pktmbuf_pool_create(
		name, count, cache, (uint16_t)private_room, (uint16_t)data_room(mtu), (int)node);
	if (pool != NULL)
		rte_mempool_obj_iter(pool, packet_init, NULL);
	return pool;
}
