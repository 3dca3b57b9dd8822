// io_joined.c: one port of two.

#include "io_joined.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	JOINED_PARTS = 2,
	JOINED_WAIT_MS = 1, // the second port's datagrams wait for so long at most
};

// All of it is the worker's.
struct io_joined {
	struct io_port port;
	struct io_port *part[JOINED_PARTS];
	unsigned next; // part that is asked first, so that none starves
	uint8_t of[UINT8_MAX + 1]; // the part of a listener
};

// Packets of one part in a burst, and which of the burst each is.
struct run {
	unsigned count;
	struct packet *packet[BURST_MAX];
	uint8_t index[BURST_MAX];
};

static struct io_joined *joined_of(struct io_port *port)
{
	return (struct io_joined *)port;
}

static unsigned part_receive(
	struct io_joined *io, unsigned part, struct packet **packets, unsigned max)
{
	unsigned count = max == 0 ? 0 : io->part[part]->ops->receive(io->part[part], packets, max);

	for (unsigned i = 0; i < count; i++)
		packets[i]->part = (uint8_t)part;
	return count;
}

static unsigned joined_receive(struct io_port *port, struct packet **packets, unsigned max)
{
	struct io_joined *io = joined_of(port);
	unsigned first = io->next;
	unsigned count = part_receive(io, first, packets, max);

	io->next = (first + 1) % JOINED_PARTS;
	return count + part_receive(io, io->next, packets + count, max - count);
}

static void packet_release(struct io_joined *io, struct packet *packet)
{
	struct io_port *part = io->part[packet->part];

	part->ops->release(part, &packet, 1);
}

static void joined_release(struct io_port *port, struct packet **packets, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		packet_release(joined_of(port), packets[i]);
}

// The packet, or its copy among the packets of that part, and the packet is released. NULL: none was free.
static struct packet *packet_bring(struct io_joined *io, struct packet *packet, unsigned part)
{
	struct packet *copy;

	if (packet->part == part)
		return packet;
	copy = io->part[part]->ops->allocate(io->part[part], packet->length);
	if (copy != NULL) {
		memcpy(copy->octets, packet->octets, packet->length);
		copy->length = packet->length;
		copy->peer = packet->peer;
		copy->listener = packet->listener;
		copy->part = (uint8_t)part;
	}
	packet_release(io, packet);
	return copy;
}

static void run_add(struct run *run, struct packet *packet, unsigned index)
{
	run->packet[run->count] = packet;
	run->index[run->count++] = (uint8_t)index;
}

static uint32_t run_send(struct io_port *part, struct run *run)
{
	uint32_t refused = 0;
	uint32_t bits = run->count == 0 ? 0 : part->ops->send(part, run->packet, run->count);

	for (unsigned i = 0; i < run->count; i++)
		if (bits & UINT32_C(1) << i)
			refused |= UINT32_C(1) << run->index[i];
	return refused;
}

static uint32_t joined_send(struct io_port *port, struct packet **packets, unsigned count)
{
	struct io_joined *io = joined_of(port);
	struct run runs[JOINED_PARTS];
	uint32_t refused = 0;

	for (unsigned part = 0; part < JOINED_PARTS; part++)
		runs[part].count = 0;
	for (unsigned i = 0; i < count; i++) {
		unsigned part = io->of[packets[i]->listener];
		struct packet *packet = packet_bring(io, packets[i], part);

		if (packet == NULL)
			refused |= UINT32_C(1) << i;
		else
			run_add(&runs[part], packet, i);
	}
	for (unsigned part = 0; part < JOINED_PARTS; part++)
		refused |= run_send(io->part[part], &runs[part]);
	return refused;
}

// What it leaves by is not known yet.
static struct packet *joined_allocate(struct io_port *port, uint32_t length)
{
	struct io_joined *io = joined_of(port);
	struct packet *packet = io->part[0]->ops->allocate(io->part[0], length);

	if (packet != NULL)
		packet->part = 0;
	return packet;
}

static unsigned joined_unreachable(
	struct io_port *port, struct io_unreachable *reports, unsigned max)
{
	struct io_joined *io = joined_of(port);
	unsigned count = 0;

	for (unsigned part = 0; part < JOINED_PARTS && count < max; part++)
		count += io->part[part]->ops->unreachable(
			io->part[part], reports + count, max - count);
	return count;
}

static void joined_wait(struct io_port *port, uint32_t timeout_ms)
{
	struct io_joined *io = joined_of(port);

	io->part[0]->ops->wait(
		io->part[0], timeout_ms < JOINED_WAIT_MS ? timeout_ms : JOINED_WAIT_MS);
	io->part[1]->ops->wait(io->part[1], 0);
}

static void joined_close(struct io_port *port)
{
	struct io_joined *io = joined_of(port);

	for (unsigned part = 0; part < JOINED_PARTS; part++)
		io->part[part]->ops->close(io->part[part]);
	free(io);
}

static const struct io_ops io_joined_ops = {
	.name = "joined",
	.receive = joined_receive,
	.send = joined_send,
	.release = joined_release,
	.allocate = joined_allocate,
	.unreachable = joined_unreachable,
	.wait = joined_wait,
	.close = joined_close,
};

int io_joined_open(struct io_port *first, struct io_port *second, const uint8_t *ids,
	unsigned count, struct io_port **port)
{
	struct io_joined *io = calloc(1, sizeof(*io));

	if (io == NULL)
		return -ENOMEM;
	io->port.ops = &io_joined_ops;
	io->part[0] = first;
	io->part[1] = second;
	for (unsigned i = 0; i < count; i++)
		io->of[ids[i]] = 1;
	*port = &io->port;
	return 0;
}
