// pool.c: packets and their buffers.

#include "pool.h"

#include "io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

static const uint32_t pool_buffers[POOL_SIZES] = {
	[POOL_NORMAL] = POOL_NORMAL_BUFFER,
	[POOL_LARGE] = POOL_LARGE_BUFFER,
};

int pool_init(struct pool *pool, enum pool_size size, unsigned count)
{
	uint32_t buffer = pool_buffers[size];
	struct packet *packets = calloc(count, sizeof(*packets));
	struct packet **free_packets = calloc(count, sizeof(struct packet *));
	uint8_t *memory;

	if (packets == NULL || free_packets == NULL)
		goto free_arrays;
	memory = mmap(NULL, (size_t)count * buffer, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		goto free_arrays;
	for (unsigned i = 0; i < count; i++) {
		packets[i].buffer = memory + (size_t)i * buffer;
		packets[i].capacity = buffer;
		packets[i].pool = (uint8_t)size;
		free_packets[i] = &packets[i];
	}
	*pool = (struct pool){packets, memory, free_packets, count, count, buffer, (uint8_t)size};
	return 0;

free_arrays:
	free(packets);
	free(free_packets);
	return -ENOMEM;
}

void pool_fini(struct pool *pool)
{
	munmap(pool->memory, (size_t)pool->count * pool->buffer);
	free(pool->packets);
	free(pool->free);
}

uint32_t pool_room(enum pool_size size)
{
	return pool_buffers[size] - PACKET_HEAD_ROOM - IO_TAIL_ROOM;
}

struct packet *pool_take(struct pool *pool)
{
	if (pool->free_count == 0)
		return NULL;
	struct packet *packet = pool->free[--pool->free_count];

	packet->octets = packet->buffer + PACKET_HEAD_ROOM;
	packet->length = 0;
	return packet;
}

void pool_give(struct pool *pool, struct packet *packet)
{
	assert(pool->free_count < pool->count);
	assert(packet->pool == pool->size);
	pool->free[pool->free_count++] = packet;
}
