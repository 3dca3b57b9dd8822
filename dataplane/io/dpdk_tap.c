// dpdk_tap.c: the kernel's way to and from a card that it has lost.
//
// A tap of the card's MAC address stands in for it: the address is on the tap, and the kernel answers ARP, neighbour discovery, ping
// and TCP there. Each worker carries what is not ours from its queue of the card to its queue of the tap, and back. It is opened here and
// not by DPDK's net_tap, which sends the process a signal for each frame: any thread's system calls would be interrupted.

#include "dpdk_private.h"

#include <rte_errno.h>
#include <rte_string_fns.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// One queue; the first makes the interface. Its descriptor, or a negative errno.
static int queue_open(const char *interface)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE};
	int queue = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (queue < 0)
		return -errno;
	(void)rte_strscpy(request.ifr_name, interface, sizeof(request.ifr_name));
	if (ioctl(queue, TUNSETIFF, &request) == 0)
		return queue;
	int error = -errno;

	close(queue);
	return error;
}

static int interface_set(int asker, unsigned long what, struct ifreq *request)
{
	return ioctl(asker, what, request) < 0 ? -errno : 0;
}

// The card's MAC address and MTU; then it is up.
static int interface_prepare(const struct dpdk_device *device, const char *interface)
{
	struct ifreq request = {0};
	struct rte_ether_addr mac;
	int asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = asker < 0 ? -errno : rte_eth_macaddr_get(device->port, &mac);

	if (error < 0)
		goto close_asker;
	(void)rte_strscpy(request.ifr_name, interface, sizeof(request.ifr_name));
	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, mac.addr_bytes, sizeof(mac.addr_bytes));
	error = interface_set(asker, SIOCSIFHWADDR, &request);
	request.ifr_mtu = device->mtu;
	if (error == 0)
		error = interface_set(asker, SIOCSIFMTU, &request);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (error == 0)
		error = interface_set(asker, SIOCSIFFLAGS, &request);
close_asker:
	if (asker >= 0)
		close(asker);
	return error;
}

int dpdk_tap_open(
	struct dpdk_device *device, const char *interface, char complaint[DPDK_COMPLAINT_MAX])
{
	int error = 0;

	for (unsigned i = 0; i < device->workers && error >= 0; i++) {
		error = queue_open(interface);
		if (error >= 0)
			device->queues[i].tap = error;
	}
	if (error >= 0)
		error = interface_prepare(device, interface);
	if (error < 0)
		return dpdk_complain(complaint, error,
			"%s: no tap '%s' for what is the kernel's of it (%s)", device->name,
			interface, rte_strerror(-error));
	device->tap_interface = if_nametoindex(interface);
	// Neighbour discovery asks by groups; a card that cannot filter shows all anyway.
	(void)rte_eth_allmulticast_enable(device->port);
	return 0;
}

void dpdk_tap_close(struct dpdk_device *device)
{
	for (unsigned i = 0; i < device->workers && device->queues != NULL; i++)
		if (device->queues[i].tap >= 0)
			close(device->queues[i].tap);
}

void dpdk_tap_give(const struct dpdk_queue *queue, struct rte_mbuf *mbuf)
{
	// A full queue is as good as a full card: what is the kernel's comes again.
	ssize_t ignored = write(queue->tap, rte_pktmbuf_mtod(mbuf, void *), mbuf->data_len);

	(void)ignored;
	rte_pktmbuf_free(mbuf);
}

// The kernel's next frame; NULL: none, or no buffer is free.
static struct rte_mbuf *frame_read_from(const struct dpdk_device *device, int tap)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(device->pool);
	ssize_t length;

	if (mbuf == NULL)
		return NULL;
	length = read(tap, rte_pktmbuf_mtod(mbuf, void *), rte_pktmbuf_tailroom(mbuf));
	if (length <= 0) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = mbuf->data_len;
	return mbuf;
}

static bool carry(const struct dpdk_device *device, const struct dpdk_queue *queue)
{
	struct rte_mbuf *mbufs[BURST_MAX];
	uint16_t count = 0;
	uint16_t sent;

	while (count < BURST_MAX && (mbufs[count] = frame_read_from(device, queue->tap)) != NULL)
		count++;
	sent = rte_eth_tx_burst(queue->port, queue->number, mbufs, count);
	rte_pktmbuf_free_bulk(mbufs + sent, (unsigned)(count - sent));
	return count == BURST_MAX;
}

void dpdk_tap_carry(struct io_dpdk *io)
{
	bool more = false;

	for (unsigned i = 0; i < io->device_count; i++) {
		const struct dpdk_device *device = dpdk_device_at(i);
		const struct dpdk_queue *queue = &device->queues[io->worker];

		if (queue->tap >= 0)
			more |= carry(device, queue);
	}
	io->tap_ready = more;
}
