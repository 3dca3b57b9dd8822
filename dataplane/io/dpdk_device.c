// dpdk_device.c: devices, from a name to running queues.

#include "dpdk_private.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	// af_packet's queues are a fanout group, before which the kernel puts IPv4 fragments together, and a frame in its ring has 2,048
	// octets, of which the kernel's header takes 66 (tpacket2_hdr, sockaddr_ll, alignment).
	PACKET_FRAME_OCTETS = 2048 - 66,
	PACKET_UDP_OCTETS = PACKET_FRAME_OCTETS - 14 - 20,
};

// The EAL is one for a process, and so are its devices.
static struct dpdk_device devices[DPDK_DEVICES_MAX];
static unsigned device_count; // set before threads start

static int device_judge(const struct dpdk_device *device, const struct rte_eth_dev_info *info,
	char complaint[DPDK_COMPLAINT_MAX])
{
	unsigned queues = device->split ? 1 : device->workers;

	if (info->max_rx_queues < queues || info->max_tx_queues < queues)
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

static int ethdev_probe(
	const struct dpdk_device *device, const char *name, unsigned member, uint16_t *port)
{
	char complete[DPDK_COMPLETE_NAME_MAX];
	char cut[DPDK_COMPLETE_NAME_MAX];
	const struct dpdk_name_words words = {
		.queues = device->split ? 1 : device->workers,
		.split = device->split,
		.member = member,
		.program = device->program,
	};
	int error;

	if (!dpdk_name_complete(name, &words, complete))
		return -ENAMETOOLONG;
	// af_xdp looks at errno where nothing has failed.
	errno = 0;
	error = rte_dev_probe(complete);
	dpdk_name_cut(complete, cut);
	return error < 0 ? error : rte_eth_dev_get_port_by_name(cut, port);
}

// Which ethdev and which of its queues is whose.
static void queues_assign(struct dpdk_device *device)
{
	for (unsigned i = 0; i < device->workers; i++) {
		device->queues[i].port = device->port;
		device->queues[i].number = (uint16_t)i;
	}
}

// An ethdev for each worker.
static int split_probe(struct dpdk_device *device, const char *name)
{
	int error = 0;

	for (unsigned i = 0; i < device->workers && error == 0; i++) {
		error = ethdev_probe(device, name, i, &device->queues[i].port);
		device->queues[i].open = error == 0;
	}
	device->port = device->queues[0].port;
	return error;
}

// A device that the EAL's words have made is taken as it is.
static int device_probe(struct dpdk_device *device, const struct dpdk_device_options *options)
{
	int error = rte_eth_dev_get_port_by_name(device->name, &device->port);

	// Where a tap stands in, the kernel gets nothing of the interface itself.
	if (error < 0 && options->exception == DPDK_EXCEPTION_NONE
		&& dpdk_name_wants_program(options->name)) {
		device->program = dpdk_xdp_open();
		if (device->program < 0)
			return device->program;
		device->split = dpdk_name_wants_split(options->name, options->workers);
	}
	if (device->split)
		return split_probe(device, options->name);
	if (error < 0)
		error = ethdev_probe(device, options->name, 0, &device->port);
	if (error == 0)
		queues_assign(device);
	device->queues[0].open = error == 0;
	return error;
}

static void ethdevs_close(struct dpdk_device *device)
{
	for (unsigned i = 0; i < device->workers; i++) {
		const struct dpdk_queue *queue = &device->queues[i];

		if (queue->open && device->running)
			(void)rte_eth_dev_stop(queue->port);
		if (queue->open)
			(void)rte_eth_dev_close(queue->port);
	}
}

static void device_close(struct dpdk_device *device)
{
	if (device->hold >= 0)
		close(device->hold);
	if (device->queues != NULL) {
		dpdk_tap_close(device);
		ethdevs_close(device);
	}
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

static bool queues_allocate(struct dpdk_device *device)
{
	const size_t size = device->workers * sizeof(struct dpdk_queue);

	device->queues = aligned_alloc(_Alignof(struct dpdk_queue), size);
	if (device->queues == NULL)
		return false;
	memset(device->queues, 0, size);
	for (unsigned i = 0; i < device->workers; i++)
		device->queues[i].tap = -1;
	return true;
}

static int device_open(struct dpdk_device *device, const struct dpdk_device_options *options,
	char complaint[DPDK_COMPLAINT_MAX])
{
	struct rte_eth_dev_info info;
	int error;

	if (!queues_allocate(device))
		return dpdk_complain(complaint, -ENOMEM, "%s: no memory", device->name);
	error = device_probe(device, options);
	if (error < 0)
		return dpdk_complain(complaint, error, "%s cannot be opened", options->name);
	error = device_describe(device, &info);
	if (error < 0)
		return dpdk_complain(
			complaint, error, "%s says nothing about itself", device->name);
	error = device_judge(device, &info, complaint);
	if (error == 0)
		error = dpdk_queues_open(device, options, &info, complaint);
	if (error == 0 && options->exception == DPDK_EXCEPTION_TAP)
		error = dpdk_tap_open(device, options->tap, complaint);
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
	if (error < 0)
		device_close(device);
	return error < 0 ? error : (int)device_count++;
}

static int ethdevs_start(struct dpdk_device *device)
{
	int error = 0;

	for (unsigned i = 0; i < device->workers && error == 0; i++)
		if (device->queues[i].open)
			error = rte_eth_dev_start(device->queues[i].port);
	return error;
}

int dpdk_run_devices(char complaint[DPDK_COMPLAINT_MAX])
{
	dpdk_log_clear();
	for (unsigned i = 0; i < device_count; i++) {
		struct dpdk_device *device = &devices[i];
		int error = device->running ? 0 : ethdevs_start(device);

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

void dpdk_update_devices(void)
{
	for (unsigned i = 0; i < device_count; i++)
		if (devices[i].running)
			(void)dpdk_link_update(&devices[i]);
}

bool dpdk_read_device(unsigned index, struct dpdk_device_info *info)
{
	struct dpdk_device *device = dpdk_device_at(index);
	struct rte_ether_addr mac = {0};

	if (device == NULL)
		return false;
	*info = (struct dpdk_device_info){
		.interface = device->tap_interface != 0 ? device->tap_interface : device->interface,
		.queues = device->workers,
		.up = atomic_load_explicit(&device->up, memory_order_relaxed),
		.speed_mbit = atomic_load_explicit(&device->speed_mbit, memory_order_relaxed),
		.packets_out = rte_mempool_in_use_count(device->pool),
		.huge_pages = rte_eal_has_hugepages() != 0,
	};
	(void)rte_strscpy(info->name, device->name, sizeof(info->name));
	(void)rte_strscpy(info->driver, device->driver, sizeof(info->driver));
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
