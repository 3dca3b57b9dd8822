// dpdk_device.c: devices, from a name to running queues.

#include "dpdk_private.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	RSS_KEY_MAX = 64,
	XDP_FILL_PACKETS = 4096, // that wait in the kernel's hands for each queue
	// af_packet's queues are a fanout group, before which the kernel puts IPv4 fragments together, and a frame in its ring has 2,048
	// octets, of which the kernel's header takes 66 (tpacket2_hdr, sockaddr_ll, alignment).
	PACKET_FRAME_OCTETS = 2048 - 66,
	PACKET_UDP_OCTETS = PACKET_FRAME_OCTETS - 14 - 20,
};

// The EAL is one for a process, and so are its devices.
static struct dpdk_device devices[DPDK_DEVICES_MAX];
static unsigned device_count; // set before threads start

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

static int ethdev_configure(struct dpdk_device *device, const struct rte_eth_dev_info *info)
{
	const uint64_t checks = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	uint64_t spread = (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP) & info->flow_type_rss_offloads;
	uint16_t queues = (uint16_t)device->workers;
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
	return rte_eth_dev_configure(device->port, queues, queues, &conf);
}

static int queues_setup(struct dpdk_device *device, uint16_t rx, uint16_t tx)
{
	for (uint16_t i = 0; i < device->workers; i++) {
		int error = rte_eth_rx_queue_setup(
			device->port, i, rx, device->node, NULL, device->pool);

		if (error == 0)
			error = rte_eth_tx_queue_setup(device->port, i, tx, device->node, NULL);
		if (error < 0)
			return error;
	}
	return 0;
}

static unsigned packets_wanted(const struct dpdk_device *device, unsigned rx, unsigned tx)
{
	unsigned one = rx + tx + 4 * BURST_MAX + 2 * DPDK_CACHE_PACKETS;

	if (strstr(device->driver, "af_xdp") != NULL)
		one += XDP_FILL_PACKETS;
	return device->workers * one;
}

// The driver attaches the XDP program with the first queue.
static int queues_open(struct dpdk_device *device, const struct dpdk_device_options *options,
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
	if (error < 0)
		return dpdk_complain(complaint, error,
			"%s: the XDP program cannot be attached, or told what is ours (%s)",
			device->name, rte_strerror(-error));
	return 0;
}

static int device_setup(struct dpdk_device *device, const struct dpdk_device_options *options,
	const struct rte_eth_dev_info *info, char complaint[DPDK_COMPLAINT_MAX])
{
	unsigned packets = options->packets;
	uint16_t rx = DPDK_DESCRIPTORS;
	uint16_t tx = DPDK_DESCRIPTORS;
	int error = ethdev_configure(device, info);

	if (error == 0)
		error = rte_eth_dev_adjust_nb_rx_tx_desc(device->port, &rx, &tx);
	if (error < 0)
		return dpdk_complain(complaint, error, "%s cannot be configured (%s)", device->name,
			rte_strerror(-error));
	if (packets == 0)
		packets = packets_wanted(device, rx, tx);
	device->pool = dpdk_pool_new(device_count, packets, device->mtu, device->node);
	if (device->pool == NULL)
		return dpdk_complain(complaint, -ENOMEM,
			"%s: no memory for %u packets: give more huge pages, or the EAL more by -m",
			device->name, packets);
	return queues_open(device, options, rx, tx, complaint);
}

static int device_judge(const struct dpdk_device *device, const struct rte_eth_dev_info *info,
	char complaint[DPDK_COMPLAINT_MAX])
{
	if (info->max_rx_queues < device->workers || info->max_tx_queues < device->workers)
		return dpdk_complain(complaint, -ENOSPC,
			"%s has %u receive and %u send queues, there are %u workers: set fewer "
			"workers",
			device->name, info->max_rx_queues, info->max_tx_queues, device->workers);
	if ((uint32_t)device->mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN > info->max_rx_pktlen)
		return dpdk_complain(complaint, -EMSGSIZE,
			"%s takes frames of %u octets, and the MTU is %u: make it smaller (ip link "
			"set ... mtu)",
			device->name, info->max_rx_pktlen, device->mtu);
	return 0;
}

// What the ethdev is, as far as it does not change.
static int device_describe(struct dpdk_device *device, struct rte_eth_dev_info *info)
{
	int node = rte_eth_dev_socket_id(device->port);
	int error = rte_eth_dev_info_get(device->port, info);

	if (error == 0)
		error = rte_eth_dev_get_mtu(device->port, &device->mtu);
	if (error < 0)
		return error;
	device->node = node > 0 ? (unsigned)node : 0;
	device->interface = info->if_index;
	if (dpdk_link_mtu(device->interface) > 0)
		device->mtu = dpdk_link_mtu(device->interface);
	(void)rte_strscpy(device->driver, info->driver_name, sizeof(device->driver));
	if (strcmp(device->driver, "net_af_packet") == 0) {
		device->cut_above = PACKET_UDP_OCTETS;
		device->cut_frame = PACKET_FRAME_OCTETS;
	}
	return 0;
}

// A device that the EAL's words have made is taken as it is.
static int device_probe(struct dpdk_device *device, const struct dpdk_device_options *options)
{
	char complete[DPDK_COMPLETE_NAME_MAX];
	int error;

	if (rte_eth_dev_get_port_by_name(device->name, &device->port) == 0)
		return 0;
	// Where a tap stands in, the kernel gets nothing of the interface itself.
	if (options->exception == DPDK_EXCEPTION_NONE && dpdk_name_wants_program(options->name)
		&& (device->program = dpdk_xdp_open()) < 0)
		return device->program;
	if (!dpdk_name_complete(options->name, options->workers, device->program, complete))
		return -ENAMETOOLONG;
	// af_xdp looks at errno where nothing has failed.
	errno = 0;
	error = rte_dev_probe(complete);
	if (error == 0)
		error = rte_eth_dev_get_port_by_name(device->name, &device->port);
	return error;
}

static void device_close(struct dpdk_device *device)
{
	if (device->running)
		(void)rte_eth_dev_stop(device->port);
	if (device->hold >= 0)
		close(device->hold);
	dpdk_tap_close(device);
	(void)rte_eth_dev_close(device->port);
	rte_mempool_free(device->pool);
	free(device->queues);
	*device = (struct dpdk_device){.program = device->program, .hold = -1};
}

static void program_close(struct dpdk_device *device)
{
	if (device->program >= 0)
		close(device->program);
	device->program = -1;
}

static int device_open(struct dpdk_device *device, const struct dpdk_device_options *options,
	char complaint[DPDK_COMPLAINT_MAX])
{
	const size_t size = options->workers * sizeof(struct dpdk_queue);
	struct rte_eth_dev_info info;
	int error = device_probe(device, options);

	if (error < 0)
		return dpdk_complain(complaint, error, "%s cannot be opened", options->name);
	error = device_describe(device, &info);
	if (error < 0)
		error = dpdk_complain(
			complaint, error, "%s says nothing about itself", device->name);
	else
		error = device_judge(device, &info, complaint);
	if (error == 0) {
		device->queues = aligned_alloc(_Alignof(struct dpdk_queue), size);
		if (device->queues == NULL)
			error = dpdk_complain(complaint, -ENOMEM, "%s: no memory", device->name);
	}
	if (error == 0) {
		memset(device->queues, 0, size);
		for (unsigned i = 0; i < device->workers; i++)
			device->queues[i].tap = -1;
		error = device_setup(device, options, &info, complaint);
	}
	if (error == 0 && options->exception == DPDK_EXCEPTION_TAP)
		error = dpdk_tap_open(device, options->tap, complaint);
	if (error < 0)
		device_close(device);
	return error;
}

int dpdk_open_device(const struct dpdk_device_options *options, char complaint[DPDK_COMPLAINT_MAX])
{
	struct dpdk_device *device = &devices[device_count];
	int error;

	dpdk_log_clear();
	if (!dpdk_is_started())
		return dpdk_complain(complaint, -EINVAL, "DPDK has not been started");
	if (device_count == DPDK_DEVICES_MAX)
		return dpdk_complain(complaint, -ENOSPC, "%s: there are %d devices already",
			options->name, DPDK_DEVICES_MAX);
	if (strlen(options->name) >= DPDK_DEVICE_NAME_MAX || options->workers == 0)
		return dpdk_complain(complaint, -EINVAL, "'%.60s' with %u workers is no device",
			options->name, options->workers);
	*device = (struct dpdk_device){.workers = options->workers, .program = -1, .hold = -1};
	dpdk_name_cut(options->name, device->name);
	error = device_open(device, options, complaint);
	program_close(device);
	return error < 0 ? error : (int)device_count++;
}

int dpdk_run_devices(char complaint[DPDK_COMPLAINT_MAX])
{
	dpdk_log_clear();
	for (unsigned i = 0; i < device_count; i++) {
		struct dpdk_device *device = &devices[i];
		int error = device->running ? 0 : rte_eth_dev_start(device->port);

		if (error < 0)
			return dpdk_complain(complaint, error, "%s cannot be started (%s)",
				device->name, rte_strerror(-error));
		device->running = true;
		(void)dpdk_link_update(device);
	}
	return 0;
}

struct dpdk_device *dpdk_device_at(unsigned index)
{
	return index < device_count ? &devices[index] : NULL;
}

unsigned dpdk_device_count(void)
{
	return device_count;
}

void dpdk_devices_close(void)
{
	while (device_count > 0)
		device_close(&devices[--device_count]);
}

bool dpdk_read_device(unsigned index, struct dpdk_device_info *info)
{
	struct dpdk_device *device = dpdk_device_at(index);
	struct rte_ether_addr mac = {0};
	struct rte_eth_link link = {0};

	if (device == NULL)
		return false;
	*info = (struct dpdk_device_info){
		.interface = device->tap_interface != 0 ? device->tap_interface : device->interface,
		.queues = device->workers,
		.up = device->running && dpdk_link_update(device),
		.packets_out = rte_mempool_in_use_count(device->pool),
		.huge_pages = rte_eal_has_hugepages() != 0,
	};
	(void)rte_strscpy(info->name, device->name, sizeof(info->name));
	(void)rte_strscpy(info->driver, device->driver, sizeof(info->driver));
	if (rte_eth_link_get_nowait(device->port, &link) == 0
		&& link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		info->speed_mbit = link.link_speed;
	if (rte_eth_macaddr_get(device->port, &mac) == 0)
		memcpy(info->mac, mac.addr_bytes, sizeof(info->mac));
	return true;
}

const struct dpdk_queue_counters *dpdk_read_queue(unsigned index, unsigned worker)
{
	const struct dpdk_device *device = dpdk_device_at(index);

	return device == NULL || worker >= device->workers ? NULL
							   : &device->queues[worker].counters;
}
