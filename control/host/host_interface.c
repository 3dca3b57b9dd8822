// host_interface.c: interfaces of the kernel that af_xdp and af_packet are another end of.

#include "../config/device.h"
#include "host_private.h"

enum {
	INTERFACE_UP = 1, // IFF_UP
};

// Drivers with native XDP in kernels of these years; others work through the kernel's generic path.
static const char *const xdp_drivers[] = {"bnxt_en", "ena", "fec", "gve", "hv_netvsc", "i40e",
	"ice", "igb", "igc", "ixgbe", "ixgbevf", "mana", "mlx4_core", "mlx5_core", "mvneta",
	"mvpp2", "nfp", "qede", "r8169", "sfc", "stmmac", "thunder-nic", "tsnep", "virtio_net"};

struct interface {
	const char *name;
	const char *topic;
	bool xdp; // af_xdp, else af_packet
	bool is_virtual; // no card behind it, such as veth
};

static bool driver_has_xdp(const char *driver)
{
	for (size_t i = 0; i < sizeof(xdp_drivers) / sizeof(xdp_drivers[0]); i++)
		if (strcmp(driver, xdp_drivers[i]) == 0)
			return true;
	return false;
}

static void check_flags(struct host *host, const struct interface *interface)
{
	long long flags = host_number(host, 0, "/sys/class/net/%s/flags", interface->name);

	host_tell(host, interface->topic, (flags & INTERFACE_UP) != 0 ? HOST_OK : HOST_MISSING,
		host_text(host, "ip link set %s up", interface->name), "%s",
		(flags & INTERFACE_UP) != 0 ? "there, and up" : "there, but down");
}

// A peer on this host leaves checksums to a card that is never asked.
static void check_offloads(struct host *host, const struct interface *interface)
{
	int offloads = host->probes->offloads(interface->name);

	if (!interface->is_virtual || offloads < 0)
		return;
	host_tell(host, interface->topic, offloads == 0 ? HOST_OK : HOST_MISSING,
		host_text(host, "on both ends: ethtool -K %s tx off rx off gro off gso off tso off",
			interface->name),
		"offloads of a virtual interface are %s%s", offloads == 0 ? "off" : "on",
		offloads == 0 ? "" : ": checksums of what comes may be unfinished");
}

static void check_xdp(struct host *host, const struct interface *interface)
{
	char driver[64];
	unsigned queues = host_entries(host, "rx-", "/sys/class/net/%s/queues", interface->name);
	uint32_t workers = host->config->dataplane.workers;

	host_tell(host, interface->topic, queues >= workers ? HOST_OK : HOST_MISSING,
		host_text(host,
			"ethtool -L %s combined %u (or rx %u tx %u), or lower dataplane: {workers: "
			"...}",
			interface->name, workers, workers, workers),
		"%u receive queue%s for %u worker%s", queues, queues == 1 ? "" : "s", workers,
		workers == 1 ? "" : "s");
	if (!host_link(host, driver, sizeof(driver), "/sys/class/net/%s/device/driver",
		    interface->name))
		return;
	host_tell(host, interface->topic, driver_has_xdp(driver) ? HOST_OK : HOST_ADVICE,
		"look for XDP in the driver's documentation, or use net_af_packet", "driver %s %s",
		driver, driver_has_xdp(driver) ? "has XDP" : "may have no XDP of its own");
}

static void check_interface(struct host *host, struct span port, struct span name)
{
	struct interface interface = {
		.name = host_text(host, "%.*s", (int)name.length, (const char *)name.octets),
		.topic = host_text(host, "port %.*s", (int)port.length, (const char *)port.octets),
		.xdp = memcmp(port.octets, "net_af_x", 8) == 0,
	};

	if (interface.name == NULL || interface.topic == NULL)
		return;
	if (!host_has(host, "/sys/class/net/%s", interface.name)) {
		host_tell(host, interface.topic, HOST_MISSING, "ip link",
			"this host has no interface %s", interface.name);
		return;
	}
	interface.is_virtual = !host_has(host, "/sys/class/net/%s/device", interface.name);
	check_flags(host, &interface);
	check_offloads(host, &interface);
	if (interface.xdp)
		check_xdp(host, &interface);
}

void host_check_interfaces(struct host *host)
{
	for (size_t i = 0; host_wants_devices(host) && i < host->config->devices.count; i++) {
		struct span port = host->config->devices.items[i].port;
		struct span name = device_interface(port);

		if (name.length > 0 && memcmp(port.octets, "net_af_", 7) == 0)
			check_interface(host, port, name);
	}
}
