// dpdk_receive.c: frames become packets, where they stand.

#include "dpdk_private.h"

#include <assert.h>

enum {
	PREFETCH_AHEAD = 4, // frames
};

// What the card has checked already. What it calls bad is checked again, and then found bad. "None" has the bit of "good": a neighbour on
// the same machine has left the sum to a card that it never went through, and the octets are sound.
static unsigned verified(const struct rte_mbuf *mbuf)
{
	return ((mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD) != 0 ? FRAME_CHECKSUM_IP : 0)
		| ((mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD) != 0 ? FRAME_CHECKSUM_UDP : 0);
}

// The packet may grow in place: one buffer of ours, and the tail room is free.
static bool stays_in_place(
	const struct dpdk_device *device, const struct rte_mbuf *mbuf, const struct frame *frame)
{
	return mbuf->pool == device->pool && mbuf->nb_segs == 1
		&& mbuf->data_off + frame->payload + frame->length + IO_TAIL_ROOM <= mbuf->buf_len;
}

static struct packet *packet_in_place(struct rte_mbuf *mbuf, const struct frame *frame)
{
	struct packet *packet = dpdk_pool_packet(mbuf);

	packet->octets = rte_pktmbuf_mtod_offset(mbuf, uint8_t *, frame->payload);
	return packet;
}

// A large packet takes what does not fit; the mbuf is free then.
static struct packet *packet_copy(
	struct io_dpdk *io, struct rte_mbuf *mbuf, const struct frame *frame)
{
	struct packet *packet = pool_take(&io->large);

	if (packet != NULL)
		memcpy(packet->octets, rte_pktmbuf_mtod_offset(mbuf, uint8_t *, frame->payload),
			frame->length);
	rte_pktmbuf_free(mbuf);
	return packet;
}

// The kernel has put fragments together and the driver has no room for the whole; a guard socket has it.
static bool is_cut(const struct dpdk_device *device, const struct rte_mbuf *mbuf)
{
	return device->cut_frame != 0 && mbuf->data_len >= device->cut_frame;
}

static struct packet *drop(struct rte_mbuf *mbuf, _Atomic uint64_t *counter)
{
	dpdk_count(counter, 1);
	rte_pktmbuf_free(mbuf);
	return NULL;
}

// For the kernel, which sees the frame itself where no tap stands in for the card.
static struct packet *leave_to_kernel(struct io_dpdk *io, unsigned index,
	struct dpdk_queue_counters *counters, struct rte_mbuf *mbuf)
{
	const struct dpdk_queue *queue = &dpdk_device_at(index)->queues[io->worker];

	if (queue->tap < 0)
		return drop(mbuf, &counters->other);
	dpdk_count(&counters->other, 1);
	dpdk_tap_give(queue, mbuf);
	return NULL;
}

// A datagram for nobody of ours. A tap's kernel has sockets of its own; and some drivers show what the kernel sent by this interface
// as if it had come: our own frames are nobody's fault.
static struct packet *leave_strange(struct io_dpdk *io, unsigned index,
	struct dpdk_queue_counters *counters, struct rte_mbuf *mbuf, const struct frame *frame)
{
	if (dpdk_device_at(index)->tap_interface != 0
		|| dpdk_listeners_find(&io->listeners, index, &frame->source) != NULL)
		return leave_to_kernel(io, index, counters, mbuf);
	return drop(mbuf, &counters->no_listener);
}

static struct packet *datagram_take(struct io_dpdk *io, unsigned index,
	struct dpdk_queue_counters *counters, struct rte_mbuf *mbuf, const struct frame *frame)
{
	const struct dpdk_listener *listener =
		dpdk_listeners_find(&io->listeners, index, &frame->destination);
	struct packet *packet;

	if (listener == NULL)
		return leave_strange(io, index, counters, mbuf, frame);
	packet = stays_in_place(dpdk_device_at(index), mbuf, frame) ? packet_in_place(mbuf, frame)
								    : packet_copy(io, mbuf, frame);
	if (packet == NULL) {
		dpdk_count(&counters->no_buffer, 1);
		return NULL;
	}
	packet->length = frame->length;
	packet->peer = frame->source;
	packet->listener = listener->given.id;
	return packet;
}

// As the kernel judges: of a VLAN that the host is on, and not from one of its own addresses, which would be forged.
static bool is_welcome(const struct next_hops *hops, unsigned index, const struct frame *frame)
{
	return next_hops_has_link(hops, index, frame->vlan)
		&& !next_hops_is_own(hops, &frame->source);
}

// NULL: nothing that the worker should see; the mbuf has been dealt with.
static struct packet *frame_take(struct io_dpdk *io, unsigned index,
	struct dpdk_queue_counters *counters, const struct next_hops *hops, struct rte_mbuf *mbuf)
{
	struct frame frame;
	enum frame_kind kind;

	// A frame in several buffers is larger than the device's MTU.
	if (mbuf->nb_segs != 1)
		return drop(mbuf, &counters->malformed);
	kind = frame_read(
		rte_pktmbuf_mtod(mbuf, uint8_t *), mbuf->data_len, verified(mbuf), &frame);
	if ((kind == FRAME_DATAGRAM || kind == FRAME_FRAGMENT) && !is_welcome(hops, index, &frame))
		kind = FRAME_OTHER;
	switch (kind) {
	case FRAME_DATAGRAM:
		return datagram_take(io, index, counters, mbuf, &frame);
	case FRAME_FRAGMENT:
		return dpdk_fragment_is_ours(io, index, &frame)
			? dpdk_fragment_take(io, index, counters, mbuf, &frame)
			: leave_to_kernel(io, index, counters, mbuf);
	case FRAME_OTHER:
		return leave_to_kernel(io, index, counters, mbuf);
	case FRAME_MALFORMED:
		break;
	}
	return drop(mbuf,
		is_cut(dpdk_device_at(index), mbuf) ? &counters->other : &counters->malformed);
}

static unsigned frames_take(struct io_dpdk *io, unsigned index, struct rte_mbuf **mbufs,
	unsigned count, struct packet **packets)
{
	struct dpdk_queue_counters *counters = &dpdk_device_at(index)->queues[io->worker].counters;
	const struct next_hops *hops = atomic_load_explicit(io->hops, memory_order_acquire);
	unsigned taken = 0;

	dpdk_count(&counters->received, count);
	for (unsigned i = 0; i < count && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (unsigned i = 0; i < count; i++) {
		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + PREFETCH_AHEAD], void *));
		packets[taken] = frame_take(io, index, counters, hops, mbufs[i]);
		if (packets[taken] != NULL)
			taken++;
	}
	return taken;
}

// What a wait has received already.
static unsigned pending_take(struct io_dpdk *io, struct packet **packets, unsigned max)
{
	unsigned count = io->pending_count < max ? io->pending_count : max;
	unsigned taken = frames_take(io, io->pending_device, io->pending, count, packets);

	io->pending_count -= count;
	memmove(io->pending, io->pending + count, io->pending_count * sizeof(io->pending[0]));
	return taken;
}

static unsigned device_receive(
	struct io_dpdk *io, unsigned index, struct packet **packets, unsigned max)
{
	struct rte_mbuf *mbufs[BURST_MAX];
	const struct dpdk_queue *queue = &dpdk_device_at(index)->queues[io->worker];
	unsigned count = rte_eth_rx_burst(queue->port, queue->number, mbufs, (uint16_t)max);

	return count == 0 ? 0 : frames_take(io, index, mbufs, count, packets);
}

unsigned dpdk_receive(struct io_port *port, struct packet **packets, unsigned max)
{
	struct io_dpdk *io = dpdk_of(port);
	unsigned first = io->next;
	unsigned taken = 0;

	assert(max <= BURST_MAX);
	dpdk_port_enter(io);
	if (++io->receives >= io->receives_per_look)
		dpdk_wait_look(io);
	if (io->tap_ready)
		dpdk_tap_carry(io);
	if (io->guard_ready)
		taken = dpdk_guard_receive(io, packets, max);
	if (io->pending_count > 0)
		taken += pending_take(io, packets + taken, max - taken);
	for (unsigned i = 0; i < io->device_count && taken < max; i++) {
		unsigned index = (first + i) % io->device_count;

		taken += device_receive(io, index, packets + taken, max - taken);
		io->next = (index + 1) % io->device_count;
	}
	if (taken > 0)
		io->idle_turns = 0;
	return taken;
}
