// host_network.c: how much the kernel's network lets wait and remembers.

#include "host_private.h"

#include <weir/link.h>

enum {
	RECEIVE_BUFFER =
		8 << 20, // what weir-control asks for, so that a dead dataplane costs no datagram
	NEIGHBOURS_ENOUGH = 4096,
};

static bool has_sockets(const struct host *host)
{
	if (host->config == NULL)
		return true;
	for (size_t i = 0; i < host->config->listeners.count; i++)
		if (host->config->listeners.items[i].driver == LINK_DRIVER_SOCKET)
			return true;
	return false;
}

static void check_buffers(struct host *host)
{
	long long most = host_number(host, -1, "/proc/sys/net/core/rmem_max");
	bool enough = most >= RECEIVE_BUFFER || !has_sockets(host);

	host_tell(host, "receive buffers", enough ? HOST_OK : HOST_ADVICE,
		host_text(host, "sysctl -w net.core.rmem_max=%d, or CAP_NET_ADMIN for weir-control",
			RECEIVE_BUFFER),
		"net.core.rmem_max is %lld", most);
}

static void check_neighbours(struct host *host, const char *family)
{
	long long most = host_number(host, -1, "/proc/sys/net/%s/neigh/default/gc_thresh3", family);

	if (most < 0)
		return;
	bool enough =
		most >= NEIGHBOURS_ENOUGH || (host->config != NULL && !host_wants_devices(host));

	host_tell(host, "neighbours", enough ? HOST_OK : HOST_ADVICE,
		host_text(host,
			"sysctl -w net.%s.neigh.default.gc_thresh3=%d, if phones are on "
			"the same link",
			family, 4 * NEIGHBOURS_ENOUGH),
		"%s: at most %lld", family, most);
}

static void check_tun(struct host *host)
{
	bool there = host_has(host, "/dev/net/tun");

	if (host_wants_tap(host))
		host_tell(host, "tun", there ? HOST_OK : HOST_MISSING, "modprobe tun",
			"/dev/net/tun is %s, for taps", there ? "there" : "not there");
}

void host_check_network(struct host *host)
{
	check_buffers(host);
	check_neighbours(host, "ipv4");
	check_neighbours(host, "ipv6");
	check_tun(host);
}
