// host_pci.c: cards that DPDK drives itself: IOMMU, drivers, NUMA.

#include "../config/device.h"
#include "host_private.h"

#include <stdlib.h>

// Drivers that leave a card to DPDK, and those that share it with the kernel.
static const char *const binders[] = {"vfio-pci", "uio_pci_generic", "igb_uio"};
static const char *const sharers[] = {"mlx4_core", "mlx5_core", "mana"};

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void check_iommu(struct host *host)
{
	char unsafe[HOST_TEXT_MAX] = "";
	bool there = host_entries(host, "", "/sys/class/iommu") > 0;
	bool wanted = host_wants_pci(host);

	if (host_read(host, unsafe, sizeof(unsafe),
		    "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode")
		&& unsafe[0] == 'Y' && !there) {
		host_tell(host, "IOMMU", HOST_ADVICE, "turn the IOMMU on instead",
			"none, and VFIO is told to do without: a card can write anywhere");
		return;
	}
	host_tell(host, "IOMMU", there ? HOST_OK : host_judge_absent(host, wanted),
		"turn VT-d or AMD-Vi on in the BIOS, add intel_iommu=on iommu=pt (AMD: iommu=pt) "
		"to "
		"the kernel's command line, reboot",
		"%s: for cards that DPDK drives itself", there ? "there" : "none");
}

struct bound {
	char text[HOST_TEXT_MAX];
};

static void bound_add(void *context, const char *name)
{
	struct bound *bound = context;
	size_t length = strlen(bound->text);

	if (strchr(name, ':') != NULL) // a device, not a file of the driver
		snprintf(bound->text + length, sizeof(bound->text) - length, " %s", name);
}

static void check_modules(struct host *host)
{
	struct bound bound = {.text = ""};
	bool loaded = host_has(host, "/sys/module/vfio_pci");

	host_walk(host, "/sys/bus/pci/drivers/vfio-pci", bound_add, &bound);
	host_walk(host, "/sys/bus/pci/drivers/uio_pci_generic", bound_add, &bound);
	host_walk(host, "/sys/bus/pci/drivers/igb_uio", bound_add, &bound);
	host_tell(host, "VFIO", loaded ? HOST_OK : host_judge_absent(host, host_wants_pci(host)),
		"modprobe vfio-pci; to keep it: echo vfio-pci > /etc/modules-load.d/vfio.conf",
		"vfio-pci is %s; bound to DPDK's drivers:%s", loaded ? "loaded" : "not loaded",
		bound.text[0] == '\0' ? " none" : bound.text);
}

// The node of a processor; -1: not known.
static int cpu_node(const struct host *host, unsigned cpu)
{
	for (int node = 0; node < 64; node++)
		if (host_has(host, "/sys/devices/system/cpu/cpu%u/node%d", cpu, node))
			return node;
	return -1;
}

static void check_node(struct host *host, const char *port)
{
	long long node = host_number(host, -1, "/sys/bus/pci/devices/%s/numa_node", port);
	const struct cpus *cpus = &host->config->dataplane.cpus;
	char text[HOST_TEXT_MAX] = "?";
	int far = -1;

	if (node < 0 || cpus_count(cpus) == 0)
		return;
	for (unsigned cpu = 0; cpu < CPUS_MAX && far < 0; cpu++)
		if (cpus_has(cpus, cpu) && cpu_node(host, cpu) != node)
			far = (int)cpu;
	(void)host_read(
		host, text, sizeof(text), "/sys/devices/system/node/node%lld/cpulist", node);
	if (far < 0)
		host_tell(host, host_text(host, "port %s", port), HOST_OK, NULL,
			"on NUMA node %lld, like the workers", node);
	else
		host_tell(host, host_text(host, "port %s", port), HOST_ADVICE,
			host_text(host, "dataplane: {cpus: ...} of these: %s", text),
			"on NUMA node %lld, processor %d is on another", node, far);
}

static void check_driver(struct host *host, const char *port)
{
	const char *topic = host_text(host, "port %s", port);
	char driver[64];

	if (!host_link(host, driver, sizeof(driver), "/sys/bus/pci/devices/%s/driver", port))
		host_tell(host, topic, HOST_MISSING,
			host_text(host, "modprobe vfio-pci && dpdk-devbind.py --bind=vfio-pci %s",
				port),
			"no driver has this card");
	else if (is_among(binders, sizeof(binders) / sizeof(binders[0]), driver))
		host_tell(host, topic, HOST_OK, NULL, "bound to %s", driver);
	else if (is_among(sharers, sizeof(sharers) / sizeof(sharers[0]), driver))
		host_tell(host, topic, HOST_OK, NULL, "shared with the kernel's driver %s", driver);
	else
		host_tell(host, topic, HOST_MISSING,
			host_text(host,
				"ip link set IT down && modprobe vfio-pci && dpdk-devbind.py "
				"--bind=vfio-pci %s",
				port),
			"bound to the kernel's driver %s, not vfio-pci", driver);
}

static void check_port(struct host *host, struct span name)
{
	struct span base = device_name_base(name);
	const char *port = host_text(host, "%.*s", (int)base.length, (const char *)base.octets);

	if (port == NULL)
		return;
	if (!host_has(host, "/sys/bus/pci/devices/%s", port)) {
		host_tell(host, host_text(host, "port %s", port), HOST_MISSING,
			"lspci -D | grep -i ethernet", "this host has no such card");
		return;
	}
	check_driver(host, port);
	check_node(host, port);
}

void host_check_pci(struct host *host)
{
	check_iommu(host);
	check_modules(host);
	for (size_t i = 0; host_wants_devices(host) && i < host->config->devices.count; i++)
		if (device_is_pci(host->config->devices.items[i].port))
			check_port(host, host->config->devices.items[i].port);
}
