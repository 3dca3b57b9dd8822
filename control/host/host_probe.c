// host_probe.c: what only the kernel itself can tell. Each question is undone before it is answered.

#include "host_private.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	LANDLOCK_ASK_VERSION = 1, // LANDLOCK_CREATE_RULESET_VERSION
};

static bool probe_af_xdp(void)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	// Without the right to open one, it is there all the same.
	return fd >= 0 || errno == EPERM;
}

static bool probe_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_ASK_VERSION) > 0;
}

static bool probe_memfd_secret(void)
{
	long fd = syscall(SYS_memfd_secret, 0);

	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

// 1, 0, or -1: not known.
static int feature_read(int fd, const char *interface, uint32_t command)
{
	struct ethtool_value value = {.cmd = command};
	struct ifreq request = {.ifr_data = (char *)&value};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -1 : value.data != 0;
}

static int probe_offloads(const char *interface)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	int send = feature_read(fd, interface, ETHTOOL_GTXCSUM);
	int merge = feature_read(fd, interface, ETHTOOL_GGRO);

	close(fd);
	if (send < 0 || merge < 0)
		return -1;
	return (send > 0 ? HOST_OFFLOAD_SEND_CHECKSUM : 0)
		| (merge > 0 ? HOST_OFFLOAD_RECEIVE_MERGE : 0);
}

const struct host_probes host_kernel_probes = {
	.af_xdp = probe_af_xdp,
	.landlock = probe_landlock,
	.memfd_secret = probe_memfd_secret,
	.offloads = probe_offloads,
};
