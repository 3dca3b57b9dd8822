// dpdk_link.c: whether a device carries frames.

#include "dpdk_private.h"

#include <rte_cycles.h>
#include <rte_string_fns.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LINK_ASKS_A_SECOND = 50,
};

static bool interface_ask(uint32_t interface, unsigned long request, struct ifreq *answer)
{
	int asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known;

	if (asker < 0)
		return false;
	// By its number first: if_indextoname() would open a socket of its own, of a kind that the sandbox has no use for.
	*answer = (struct ifreq){.ifr_ifindex = (int)interface};
	known = ioctl(asker, SIOCGIFNAME, answer) == 0 && ioctl(asker, request, answer) == 0;
	close(asker);
	return known;
}

// Some drivers say that the link is up whatever its interface says.
static bool interface_is_up(uint32_t interface)
{
	struct ifreq answer;

	return interface_ask(interface, SIOCGIFFLAGS, &answer) && (answer.ifr_flags & IFF_UP) != 0
		&& (answer.ifr_flags & IFF_RUNNING) != 0;
}

bool dpdk_link_update(struct dpdk_device *device)
{
	struct rte_eth_link link = {0};
	bool known = rte_eth_link_get_nowait(device->port, &link) == 0;
	bool up = known && link.link_status == RTE_ETH_LINK_UP
		&& (device->interface == 0 || interface_is_up(device->interface));

	atomic_store_explicit(&device->up, up, memory_order_relaxed);
	atomic_store_explicit(&device->speed_mbit,
		link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed,
		memory_order_relaxed);
	return up;
}

bool dpdk_link_carries(struct dpdk_device *device)
{
	uint64_t now;

	if (atomic_load_explicit(&device->up, memory_order_relaxed))
		return true;
	now = rte_get_tsc_cycles();
	if (now < atomic_load_explicit(&device->ask_next, memory_order_relaxed))
		return false;
	atomic_store_explicit(&device->ask_next, now + rte_get_tsc_hz() / LINK_ASKS_A_SECOND,
		memory_order_relaxed);
	return dpdk_link_update(device);
}

uint16_t dpdk_link_mtu(uint32_t interface)
{
	struct ifreq answer;

	if (interface == 0 || !interface_ask(interface, SIOCGIFMTU, &answer))
		return 0;
	return answer.ifr_mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)answer.ifr_mtu;
}

unsigned dpdk_link_separate_queues(const char *interface)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq request = {.ifr_data = (void *)&channels};
	int asker = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known;

	if (asker < 0)
		return 0;
	(void)rte_strscpy(request.ifr_name, interface, sizeof(request.ifr_name));
	known = ioctl(asker, SIOCETHTOOL, &request) == 0;
	close(asker);
	return known && channels.max_combined == 0 ? channels.rx_count : 0;
}
