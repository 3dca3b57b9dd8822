// host_memory.c: huge pages, and how much memory a process may pin.

#include "../config/device.h"
#include "host_private.h"

#include <weir/link.h>

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>

enum {
	SMALL_KB = 2048, // the two sizes of x86-64
	LARGE_KB = 1048576,
	EAL_MB = 128, // as weir-dataplane counts: for DPDK itself, and for each device
	DEVICE_MB = 768,
	FILES_SPARE = 256, // of a process besides its listeners
};

// What DPDK is given at most.
static long long memory_wanted_kb(const struct host *host)
{
	size_t devices = host_wants_devices(host) ? host->config->devices.count : 1;

	return (EAL_MB + (long long)devices * DEVICE_MB) * 1024;
}

// --- Huge pages ---

struct pages {
	struct host *host;
	long long free_kb; // of all nodes
	unsigned nodes;
	char text[HOST_TEXT_MAX];
};

static long long node_free_kb(struct pages *pages, const char *node, long long size_kb)
{
	long long all = host_number(pages->host, 0,
		"/sys/devices/system/node/%s/hugepages/hugepages-%lldkB/nr_hugepages", node,
		size_kb);
	long long left = host_number(pages->host, 0,
		"/sys/devices/system/node/%s/hugepages/hugepages-%lldkB/free_hugepages", node,
		size_kb);
	size_t length = strlen(pages->text);

	if (all > 0)
		snprintf(pages->text + length, sizeof(pages->text) - length,
			"%s%s: %lld of %lld free, %s each", length == 0 ? "" : "; ", node, left,
			all, size_kb == SMALL_KB ? "2 MiB" : "1 GiB");
	return left * size_kb;
}

static void node_count(void *context, const char *name)
{
	struct pages *pages = context;

	if (strncmp(name, "node", 4) != 0 || !isdigit((unsigned char)name[4]))
		return;
	pages->nodes++;
	pages->free_kb += node_free_kb(pages, name, SMALL_KB) + node_free_kb(pages, name, LARGE_KB);
}

static enum host_state pages_judge(
	const struct host *host, const struct pages *pages, long long wanted_kb)
{
	if (!host_wants_devices(host) || host->config->dataplane.memory == LINK_MEMORY_ORDINARY)
		return HOST_OK;
	if (pages->free_kb >= wanted_kb)
		return HOST_OK;
	if (host->config->dataplane.memory == LINK_MEMORY_HUGE && pages->free_kb == 0)
		return HOST_MISSING;
	return HOST_ADVICE;
}

static void check_pages(struct host *host)
{
	struct pages pages = {.host = host};
	long long wanted_kb = memory_wanted_kb(host);

	host_walk(host, "/sys/devices/system/node", node_count, &pages);
	host_tell(host, "huge pages", pages_judge(host, &pages, wanted_kb),
		host_text(host,
			"echo %lld > "
			"/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages; "
			"to keep them, vm.nr_hugepages in /etc/sysctl.d",
			wanted_kb / SMALL_KB),
		"%s", pages.text[0] == '\0' ? "none" : pages.text);
}

// --- Limits ---

struct finding {
	const struct host *host;
	char pid[16];
};

static void dataplane_find(void *context, const char *name)
{
	struct finding *finding = context;
	char text[HOST_TEXT_MAX];

	// The kernel keeps 15 octets of a name.
	if (isdigit((unsigned char)name[0])
		&& host_read(finding->host, text, sizeof(text), "/proc/%s/comm", name)
		&& strncmp(text, "weir-dataplane", 14) == 0)
		snprintf(finding->pid, sizeof(finding->pid), "%.15s", name);
}

// The soft limit of a line of /proc/PID/limits; -1: not known, LLONG_MAX: none.
static long long limit_find(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	if (line == NULL)
		return -1;
	line += strlen(key);
	line += strspn(line, " ");
	return strncmp(line, "unlimited", 9) == 0 ? LLONG_MAX : strtoll(line, NULL, 10);
}

static void check_memlock(struct host *host, const char *text, const char *whose)
{
	long long limit = limit_find(text, "Max locked memory");
	bool pins = host_wants_pci(host) || host_wants_driver(host, "net_af_xdp");
	static const char command[] =
		"LimitMEMLOCK=infinity in the unit (Weir's has it), or ulimit -l unlimited";

	if (limit == LLONG_MAX)
		host_tell(host, "memlock", HOST_OK, NULL, "unlimited, %s", whose);
	else if (limit < 0)
		host_tell(host, "memlock", host_judge_absent(host, pins), command, "not known, %s",
			whose);
	else
		host_tell(host, "memlock",
			limit / 1024 >= memory_wanted_kb(host) ? HOST_OK
							       : host_judge_absent(host, pins),
			command, "%lld KiB, %s", limit / 1024, whose);
}

static void check_files(struct host *host, const char *text, const char *whose)
{
	long long limit = limit_find(text, "Max open files");
	const struct config *config = host->config;
	long long wanted = FILES_SPARE;

	if (config != NULL)
		wanted += (long long)(config->listeners.count * config->dataplane.workers * 2);
	host_tell(host, "open files", limit >= wanted ? HOST_OK : HOST_MISSING,
		host_text(host, "LimitNOFILE=%lld in the unit, or ulimit -n %lld", wanted, wanted),
		"%lld, %lld needed, %s", limit, wanted, whose);
}

static void check_limits(struct host *host)
{
	struct finding finding = {.host = host};
	char text[4096];
	char whose[64];

	host_walk(host, "/proc", dataplane_find, &finding);
	if (finding.pid[0] == '\0')
		snprintf(whose, sizeof(whose), "of this shell: weir-dataplane does not run");
	else
		snprintf(whose, sizeof(whose), "of weir-dataplane, process %s", finding.pid);
	if (!host_read(host, text, sizeof(text), "/proc/%s/limits",
		    finding.pid[0] == '\0' ? "self" : finding.pid))
		return;
	check_memlock(host, text, whose);
	check_files(host, text, whose);
}

void host_check_memory(struct host *host)
{
	check_pages(host);
	check_limits(host);
}
