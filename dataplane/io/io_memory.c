// io_memory.c: queues of datagrams in memory.

#include "io_memory.h"

#include "pool.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	MEMORY_NORMAL_PACKETS = 128,
	MEMORY_LARGE_PACKETS = 64,
};

struct datagram {
	struct datagram *next;
	struct endpoint peer;
	uint8_t listener;
	uint32_t length;
	uint8_t octets[];
};

struct queue {
	struct datagram *first;
	struct datagram **end;
};

struct io_memory {
	struct io_port port;
	pthread_mutex_t lock; // of all that follows but the pools, which are the worker's
	struct queue in;
	struct queue out;
	struct endpoint refused;
	struct io_unreachable unreachable;
	bool unreachable_set;
	int wakeup; // eventfd: the worker's, borrowed
	int fed; // eventfd: something was fed
	struct pool pool[POOL_SIZES]; // worker
};

static struct io_memory *memory_of(struct io_port *port)
{
	return (struct io_memory *)port;
}

static struct datagram *datagram_new(
	uint8_t listener, const struct endpoint *peer, struct span octets)
{
	struct datagram *datagram = malloc(sizeof(*datagram) + octets.length);

	if (datagram == NULL)
		return NULL;
	*datagram = (struct datagram){
		.peer = *peer, .listener = listener, .length = (uint32_t)octets.length};
	memcpy(datagram->octets, octets.octets, octets.length);
	return datagram;
}

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_put(struct queue *queue, struct datagram *datagram)
{
	*queue->end = datagram;
	queue->end = &datagram->next;
}

static struct datagram *queue_take(struct queue *queue)
{
	struct datagram *datagram = queue->first;

	if (datagram == NULL)
		return NULL;
	queue->first = datagram->next;
	if (queue->first == NULL)
		queue->end = &queue->first;
	return datagram;
}

static void queue_fini(struct queue *queue)
{
	struct datagram *datagram;

	while ((datagram = queue_take(queue)) != NULL)
		free(datagram);
}

static struct packet *memory_allocate(struct io_port *port, uint32_t length)
{
	struct io_memory *memory = memory_of(port);

	for (unsigned size = 0; size < POOL_SIZES; size++)
		if (length <= pool_room(size))
			return pool_take(&memory->pool[size]);
	return NULL;
}

static unsigned memory_receive(struct io_port *port, struct packet **packets, unsigned max)
{
	struct io_memory *memory = memory_of(port);
	unsigned count = 0;

	pthread_mutex_lock(&memory->lock);
	while (count < max && memory->in.first != NULL) {
		struct packet *packet = memory_allocate(port, memory->in.first->length);

		if (packet == NULL)
			break;
		struct datagram *datagram = queue_take(&memory->in);

		memcpy(packet->octets, datagram->octets, datagram->length);
		packet->length = datagram->length;
		packet->peer = datagram->peer;
		packet->listener = datagram->listener;
		packets[count++] = packet;
		free(datagram);
	}
	pthread_mutex_unlock(&memory->lock);
	return count;
}

static void memory_release(struct io_port *port, struct packet **packets, unsigned count)
{
	struct io_memory *memory = memory_of(port);

	for (unsigned i = 0; i < count; i++)
		pool_give(&memory->pool[packets[i]->pool], packets[i]);
}

// True: the network took it.
static bool memory_send_one(struct io_memory *memory, const struct packet *packet)
{
	if (endpoint_equal(&packet->peer, &memory->refused)) {
		memory->unreachable = (struct io_unreachable){packet->peer, packet->listener};
		memory->unreachable_set = true;
		return false;
	}
	struct datagram *datagram = datagram_new(
		packet->listener, &packet->peer, span_of(packet->octets, packet->length));

	if (datagram == NULL)
		return false;
	queue_put(&memory->out, datagram);
	return true;
}

static uint32_t memory_send(struct io_port *port, struct packet **packets, unsigned count)
{
	struct io_memory *memory = memory_of(port);
	uint32_t refused = 0;

	pthread_mutex_lock(&memory->lock);
	for (unsigned i = 0; i < count; i++)
		if (!memory_send_one(memory, packets[i]))
			refused |= UINT32_C(1) << i;
	pthread_mutex_unlock(&memory->lock);
	memory_release(port, packets, count);
	return refused;
}

static unsigned memory_unreachable(
	struct io_port *port, struct io_unreachable *reports, unsigned max)
{
	struct io_memory *memory = memory_of(port);
	unsigned count = 0;

	pthread_mutex_lock(&memory->lock);
	if (memory->unreachable_set && max > 0) {
		reports[count++] = memory->unreachable;
		memory->unreachable_set = false;
	}
	pthread_mutex_unlock(&memory->lock);
	return count;
}

static void memory_wait(struct io_port *port, uint32_t timeout_ms)
{
	struct io_memory *memory = memory_of(port);
	struct pollfd fds[] = {{memory->fed, POLLIN, 0}, {memory->wakeup, POLLIN, 0}};
	eventfd_t ignored;

	if (poll(fds, 2, (int)timeout_ms) <= 0)
		return;
	for (unsigned i = 0; i < 2; i++)
		if (fds[i].revents & POLLIN)
			(void)eventfd_read(fds[i].fd, &ignored);
}

static void memory_close(struct io_port *port)
{
	struct io_memory *memory = memory_of(port);

	queue_fini(&memory->in);
	queue_fini(&memory->out);
	for (unsigned size = 0; size < POOL_SIZES; size++)
		pool_fini(&memory->pool[size]);
	close(memory->fed);
	pthread_mutex_destroy(&memory->lock);
	free(memory);
}

static const struct io_ops io_memory_ops = {
	.name = "memory",
	.receive = memory_receive,
	.send = memory_send,
	.release = memory_release,
	.allocate = memory_allocate,
	.unreachable = memory_unreachable,
	.wait = memory_wait,
	.close = memory_close,
};

struct io_port *io_memory_open(int wakeup)
{
	struct io_memory *memory = calloc(1, sizeof(*memory));

	if (memory == NULL)
		return NULL;
	memory->port.ops = &io_memory_ops;
	memory->wakeup = wakeup;
	memory->fed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (memory->fed < 0)
		goto free_memory;
	if (pool_init(&memory->pool[POOL_NORMAL], POOL_NORMAL, MEMORY_NORMAL_PACKETS) < 0)
		goto close_fed;
	if (pool_init(&memory->pool[POOL_LARGE], POOL_LARGE, MEMORY_LARGE_PACKETS) < 0)
		goto fini_normal;
	pthread_mutex_init(&memory->lock, NULL);
	queue_init(&memory->in);
	queue_init(&memory->out);
	return &memory->port;

fini_normal:
	pool_fini(&memory->pool[POOL_NORMAL]);
close_fed:
	close(memory->fed);
free_memory:
	free(memory);
	return NULL;
}

int io_memory_feed(
	struct io_port *port, uint8_t listener, const struct endpoint *peer, struct span octets)
{
	struct io_memory *memory = memory_of(port);

	if (octets.length > pool_room(POOL_LARGE))
		return -EMSGSIZE;
	struct datagram *datagram = datagram_new(listener, peer, octets);

	if (datagram == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&memory->lock);
	queue_put(&memory->in, datagram);
	pthread_mutex_unlock(&memory->lock);
	(void)eventfd_write(memory->fed, 1);
	return 0;
}

bool io_memory_take(struct io_port *port, struct io_memory_sent *sent)
{
	struct io_memory *memory = memory_of(port);
	struct datagram *datagram;
	uint8_t *octets;

	pthread_mutex_lock(&memory->lock);
	datagram = queue_take(&memory->out);
	pthread_mutex_unlock(&memory->lock);
	if (datagram == NULL)
		return false;
	octets = malloc(datagram->length + 1);
	if (octets == NULL) {
		free(datagram);
		return false;
	}
	memcpy(octets, datagram->octets, datagram->length);
	*sent = (struct io_memory_sent){
		datagram->peer, datagram->listener, datagram->length, octets};
	free(datagram);
	return true;
}

void io_memory_refuse(struct io_port *port, const struct endpoint *peer)
{
	struct io_memory *memory = memory_of(port);

	pthread_mutex_lock(&memory->lock);
	memory->refused = *peer;
	pthread_mutex_unlock(&memory->lock);
}

unsigned io_memory_packets_out(struct io_port *port)
{
	struct io_memory *memory = memory_of(port);
	unsigned out = 0;

	for (unsigned size = 0; size < POOL_SIZES; size++)
		out += memory->pool[size].count - memory->pool[size].free_count;
	return out;
}
