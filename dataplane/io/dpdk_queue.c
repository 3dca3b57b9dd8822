// dpdk_queue.c: queue pairs of a device, one a worker, and the packets that they hold.

#include "dpdk_private.h"

#include <rte_errno.h>

#include <errno.h>

enum {
	RSS_KEY_MAX = 64,
	XDP_FILL_PACKETS = 4096, // that wait in the kernel's hands for each queue
};

// Both directions of a flow come to one queue when the key repeats itself every 16 bits (Woo and Park, "Scalable TCP Session
// Monitoring with Symmetric Receive-side Scaling", 2012).
static void rss_key_fill(uint8_t key[RSS_KEY_MAX])
{
	for (unsigned i = 0; i < RSS_KEY_MAX; i++)
		key[i] = i % 2 == 0 ? 0x6d : 0x5a;
}

static uint64_t offloads_wanted_tx(const struct rte_eth_dev_info *info)
{
	uint64_t wanted = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;

	// Legal when all that is sent is of one pool, which is so when there is one device (a packet has one owner, always).
	if (dpdk_is_alone())
		wanted |= RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	return wanted & info->tx_offload_capa;
}

static unsigned checksums_of(uint64_t offloads)
{
	return (offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM ? FRAME_CHECKSUM_IP : 0)
		| (offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM ? FRAME_CHECKSUM_UDP : 0);
}

static int ethdev_configure(struct dpdk_device *device, uint16_t port, uint16_t queues,
	const struct rte_eth_dev_info *info)
{
	const uint64_t checks = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	uint64_t spread = (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP) & info->flow_type_rss_offloads;
	uint8_t key[RSS_KEY_MAX];
	struct rte_eth_conf conf = {
		.rxmode = {.mtu = device->mtu, .offloads = checks & info->rx_offload_capa},
		.txmode = {.offloads = offloads_wanted_tx(info)},
	};

	if (queues > 1 && spread != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = spread;
		rss_key_fill(key);
		if (info->hash_key_size > 0 && info->hash_key_size <= RSS_KEY_MAX) {
			conf.rx_adv_conf.rss_conf.rss_key = key;
			conf.rx_adv_conf.rss_conf.rss_key_len = info->hash_key_size;
		}
	}
	device->checksums = checksums_of(conf.txmode.offloads);
	return rte_eth_dev_configure(port, queues, queues, &conf);
}

static int ethdevs_configure(struct dpdk_device *device, const struct rte_eth_dev_info *info)
{
	int error = 0;

	if (!device->split)
		return ethdev_configure(device, device->port, (uint16_t)device->workers, info);
	for (unsigned i = 0; i < device->workers && error == 0; i++)
		error = ethdev_configure(device, device->queues[i].port, 1, info);
	return error;
}

static int queue_setup(struct dpdk_device *device, unsigned worker, uint16_t rx, uint16_t tx)
{
	struct dpdk_queue *queue = &device->queues[worker];
	int error = 0;

	// Each ethdev of a split device attaches a program of its own, of which the last one stays.
	if (device->split && device->program >= 0)
		error = dpdk_xdp_clear(device->interface);
	if (error == 0)
		error = rte_eth_rx_queue_setup(
			queue->port, queue->number, rx, device->node, NULL, device->pool);
	if (error == 0)
		error = rte_eth_tx_queue_setup(queue->port, queue->number, tx, device->node, NULL);
	if (device->split)
		queue->socket = dpdk_xdp_socket_find(device->queues, worker);
	return error;
}

static int queues_setup(struct dpdk_device *device, uint16_t rx, uint16_t tx)
{
	int error = 0;

	for (unsigned i = 0; i < device->workers && error == 0; i++)
		error = queue_setup(device, i, rx, tx);
	return error;
}

static unsigned packets_wanted(const struct dpdk_device *device, unsigned rx, unsigned tx)
{
	unsigned one = rx + tx + 4 * BURST_MAX + 2 * DPDK_CACHE_PACKETS;

	if (strstr(device->driver, "af_xdp") != NULL)
		one += XDP_FILL_PACKETS;
	return device->workers * one;
}

// The driver attaches the XDP program with the first queue.
static int queues_attach(struct dpdk_device *device, const struct dpdk_device_options *options,
	uint16_t rx, uint16_t tx, char complaint[DPDK_COMPLAINT_MAX])
{
	int error;

	if (device->program >= 0 && dpdk_xdp_clear(device->interface) < 0)
		return dpdk_complain(complaint, -EBUSY,
			"%s: its interface has the XDP program of another process that lives: stop "
			"that, "
			"or 'ip link set dev ... xdp off'",
			device->name);
	error = queues_setup(device, rx, tx);
	if (error < 0)
		return dpdk_complain(complaint, error, "%s: no queues for %u workers (%s)",
			device->name, device->workers, rte_strerror(-error));
	if (device->program < 0)
		return 0;
	device->hold = dpdk_xdp_hold(device->interface);
	error = device->hold < 0
		? device->hold
		: dpdk_xdp_fill(device->interface, options->addresses, options->address_count);
	for (unsigned i = 0; i < device->workers && device->split && error == 0; i++)
		error = dpdk_xdp_socket_put(device->interface, i, device->queues[i].socket);
	if (error < 0)
		return dpdk_complain(complaint, error,
			"%s: the XDP program cannot be attached, or told what is ours (%s)",
			device->name, rte_strerror(-error));
	return 0;
}

int dpdk_queues_open(struct dpdk_device *device, const struct dpdk_device_options *options,
	const struct rte_eth_dev_info *info, char complaint[DPDK_COMPLAINT_MAX])
{
	unsigned packets = options->packets;
	uint16_t rx = DPDK_DESCRIPTORS;
	uint16_t tx = DPDK_DESCRIPTORS;
	int error = ethdevs_configure(device, info);

	if (error == 0)
		error = rte_eth_dev_adjust_nb_rx_tx_desc(device->port, &rx, &tx);
	if (error < 0)
		return dpdk_complain(complaint, error, "%s cannot be configured (%s)", device->name,
			rte_strerror(-error));
	if (packets == 0)
		packets = packets_wanted(device, rx, tx);
	device->pool = dpdk_pool_new(dpdk_device_count(), packets, device->mtu, device->node);
	if (device->pool == NULL)
		return dpdk_complain(complaint, -ENOMEM,
			"%s: no memory for %u packets: give more huge pages, or the EAL more by -m",
			device->name, packets);
	return queues_attach(device, options, rx, tx, complaint);
}
