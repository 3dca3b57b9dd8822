// host_kernel.c: the kernel's age and what it is built with.

#include "host_private.h"

enum {
	KERNEL_OLDEST = 510, // 5.10; what Weir is tried on begins there
	KERNEL_XDP_OLDEST = 504, // AF_XDP with wakeups
};

static void check_version(struct host *host)
{
	char text[HOST_TEXT_MAX];
	unsigned major = 0;
	unsigned minor = 0;

	if (!host_read(host, text, sizeof(text), "/proc/sys/kernel/osrelease")
		|| sscanf(text, "%u.%u", &major, &minor) != 2) {
		host_tell(host, "kernel", HOST_ADVICE, NULL, "its version cannot be read");
		return;
	}
	unsigned version = major * 100 + (minor > 99 ? 99 : minor);
	enum host_state state = version < KERNEL_OLDEST ? HOST_ADVICE : HOST_OK;

	if (version < KERNEL_XDP_OLDEST && host_wants_driver(host, "net_af_xdp"))
		state = HOST_MISSING;
	host_tell(host, "kernel", state, "install a kernel of 5.10 or later", "%s", text);
}

static void check_feature(struct host *host, const char *topic, bool there, bool wanted,
	const char *use, const char *command)
{
	host_tell(host, topic, there ? HOST_OK : host_judge_absent(host, wanted), command, "%s: %s",
		there ? "there" : "not there", use);
}

void host_check_kernel(struct host *host)
{
	check_version(host);
	check_feature(host, "AF_XDP", host->probes->af_xdp(), host_wants_driver(host, "net_af_xdp"),
		"for ports net_af_xdp", "install a kernel with CONFIG_XDP_SOCKETS=y");
	check_feature(host, "Landlock", host->probes->landlock(), false,
		"by which weir-dataplane gives up files",
		"add lsm=landlock,... to the kernel's command line, or CONFIG_SECURITY_LANDLOCK=y");
	check_feature(host, "memfd_secret", host->probes->memfd_secret(), false,
		"memory that not even the kernel maps, for keys",
		"add secretmem.enable=1 to the kernel's command line");
}
