// dpdk_send.c: packets become frames, where they stand, or go the kernel's way.

#include "dpdk_private.h"

#include <rte_cycles.h>

#include <assert.h>

enum {
	ASK_SLOTS = sizeof(((struct io_dpdk *)0)->ask_next) / sizeof(uint64_t),
	IP_UDP_OCTETS_V4 = 20 + 8,
	IP_UDP_OCTETS_V6 = 40 + 8,
};

// The frames of one device in a burst, and which of the burst each is.
struct run {
	unsigned count;
	struct rte_mbuf *mbuf[BURST_MAX];
	uint8_t index[BURST_MAX];
};

// What is known of one packet before anything is written.
struct departure {
	const struct dpdk_listener *listener;
	const struct next_hop *hop; // NULL: by the kernel
};

// The kernel asks for a stale neighbour when a packet of ours goes its way: once a second is often enough.
static bool kernel_should_ask(struct io_dpdk *io, const struct next_hop *hop)
{
	const uint8_t *mac = hop->destination_mac;
	uint64_t *next = &io->ask_next[(mac[3] ^ mac[4] * 5 ^ mac[5] * 3) % ASK_SLOTS];
	uint64_t now = rte_get_tsc_cycles();

	if (!hop->stale || now < *next)
		return false;
	*next = now + rte_get_tsc_hz();
	return true;
}

static bool fits(const struct packet *packet, const struct next_hop *hop)
{
	unsigned around = packet->peer.family == ENDPOINT_V6 ? IP_UDP_OCTETS_V6 : IP_UDP_OCTETS_V4;

	// The interface's MTU may have grown since the device was told of it.
	return packet->length + around <= hop->mtu
		&& packet->length + around <= dpdk_device_at(hop->device)->mtu
		&& packet->pool == POOL_NORMAL;
}

static struct departure departure_find(
	struct io_dpdk *io, const struct next_hops *hops, const struct packet *packet)
{
	struct departure found = {.listener = dpdk_listeners_get(&io->listeners, packet->listener)};
	const struct next_hop *hop;

	if (found.listener == NULL || found.listener->given.address.family != packet->peer.family)
		return (struct departure){NULL, NULL};
	hop = next_hops_find(hops, &packet->peer);
	if (hop != NULL && hop->device < io->device_count && fits(packet, hop)
		&& !kernel_should_ask(io, hop))
		found.hop = hop;
	return found;
}

static uint64_t offload_flags(const struct packet *packet, unsigned checksums)
{
	uint64_t flags =
		packet->peer.family == ENDPOINT_V6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;

	if (checksums & FRAME_CHECKSUM_IP && packet->peer.family == ENDPOINT_V4)
		flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (checksums & FRAME_CHECKSUM_UDP)
		flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	return flags;
}

static struct rte_mbuf *frame_build(const struct dpdk_device *device,
	const struct dpdk_listener *listener, const struct next_hop *hop, struct packet *packet)
{
	struct rte_mbuf *mbuf = packet->owner;
	size_t headers = frame_write(packet->octets, (uint16_t)packet->length, hop,
		&listener->given.address, &packet->peer, device->checksums);

	mbuf->data_off = (uint16_t)(packet->octets - headers - (uint8_t *)mbuf->buf_addr);
	mbuf->data_len = (uint16_t)(headers + packet->length);
	mbuf->pkt_len = mbuf->data_len;
	mbuf->ol_flags = device->checksums == 0 ? 0 : offload_flags(packet, device->checksums);
	mbuf->tx_offload = 0;
	mbuf->l2_len = hop->vlan == 0 ? RTE_ETHER_HDR_LEN : RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN;
	mbuf->l3_len = packet->peer.family == ENDPOINT_V6 ? 40 : 20;
	return mbuf;
}

// False: the kernel refused it. The packet stays ours.
static bool kernel_send(
	struct io_dpdk *io, const struct dpdk_listener *listener, const struct packet *packet)
{
	struct dpdk_device *device = dpdk_device_at(listener->given.device);

	dpdk_count(&device->queues[io->worker].counters.by_kernel, 1);
	return dpdk_guard_send(io, listener, packet);
}

// Returns a bit for each that the device did not take, as counted in the burst.
static uint32_t run_send(struct io_dpdk *io, unsigned index, struct run *run)
{
	struct dpdk_device *device = dpdk_device_at(index);
	struct dpdk_queue *queue = &device->queues[io->worker];
	struct dpdk_queue_counters *counters = &queue->counters;
	uint32_t refused = 0;
	unsigned sent = 0;

	if (run->count == 0)
		return 0;
	if (dpdk_link_carries(device))
		sent = rte_eth_tx_burst(
			queue->port, queue->number, run->mbuf, (uint16_t)run->count);
	dpdk_count(&counters->sent, sent);
	dpdk_count(&counters->send_failed, run->count - sent);
	for (unsigned i = sent; i < run->count; i++) {
		refused |= UINT32_C(1) << run->index[i];
		rte_pktmbuf_free(run->mbuf[i]);
	}
	return refused;
}

static void run_add(struct run *run, struct rte_mbuf *mbuf, unsigned index)
{
	run->mbuf[run->count] = mbuf;
	run->index[run->count++] = (uint8_t)index;
}

uint32_t dpdk_send(struct io_port *port, struct packet **packets, unsigned count)
{
	struct io_dpdk *io = dpdk_of(port);
	const struct next_hops *hops = atomic_load_explicit(io->hops, memory_order_acquire);
	struct departure departures[BURST_MAX];
	struct run runs[DPDK_DEVICES_MAX];
	uint32_t refused = 0;

	assert(count <= BURST_MAX);
	dpdk_port_enter(io);
	for (unsigned i = 0; i < io->device_count; i++)
		runs[i].count = 0;
	for (unsigned i = 0; i < count; i++) {
		departures[i] = departure_find(io, hops, packets[i]);
		rte_prefetch0(packets[i]->owner);
		rte_prefetch0(packets[i]->octets - FRAME_HEADERS_MAX);
	}
	for (unsigned i = 0; i < count; i++) {
		const struct departure *to = &departures[i];

		if (to->hop != NULL) {
			run_add(&runs[to->hop->device],
				frame_build(dpdk_device_at(to->hop->device), to->listener, to->hop,
					packets[i]),
				i);
			continue;
		}
		if (to->listener == NULL || !kernel_send(io, to->listener, packets[i]))
			refused |= UINT32_C(1) << i;
		dpdk_release(port, &packets[i], 1);
	}
	for (unsigned i = 0; i < io->device_count; i++)
		refused |= run_send(io, i, &runs[i]);
	return refused;
}
