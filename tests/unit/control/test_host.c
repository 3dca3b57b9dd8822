// `weirctl host check` over hosts that this test makes of files.

#include "config_fixture.h"
#include "host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EDGE_ON(port, more) \
	"node: {id: 1, name: edge1.test}\n" \
	"listeners:\n" \
	"  - {name: access, side: access, address: 192.0.2.1:5060, driver: dpdk, port: '" port \
	"'}\n" \
	"  - {name: core, side: core, address: 10.0.0.1:5060}\n" \
	"cluster: {name: edge.test}\n" \
	"upstream: {targets: ['sip:10.0.0.9']}\n" more

static char root[] = "/tmp/weir-host-XXXXXX";
static struct host_report report;
static struct config *config;
static bool has_xdp = true;
static int offloads;

static bool say_xdp(void)
{
	return has_xdp;
}

static bool say_yes(void)
{
	return true;
}

static int say_offloads(const char *interface)
{
	cr_assert(eq(str, (char *)interface, "eth0"));
	return offloads;
}

static const struct host_probes probes = {
	.af_xdp = say_xdp, .landlock = say_yes, .memfd_secret = say_yes, .offloads = say_offloads};

// Makes the folders of a path, too.
static void path_make(const char *path, char *whole, size_t capacity)
{
	snprintf(whole, capacity, "%s%s", root, path);
	for (char *at = whole + strlen(root) + 1; *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		mkdir(whole, 0755);
		*at = '/';
	}
}

static void put(const char *path, const char *text)
{
	char whole[512];

	path_make(path, whole, sizeof(whole));
	FILE *file = fopen(whole, "w");

	cr_assert(file != NULL, "%s", whole);
	fputs(text, file);
	fclose(file);
}

static void put_link(const char *path, const char *target)
{
	char whole[512];

	path_make(path, whole, sizeof(whole));
	cr_assert(eq(int, symlink(target, whole), 0));
}

#define NODE0 "/sys/devices/system/node/node0"

// A server with everything.
static void host_make(void)
{
	put("/proc/cpuinfo",
		"processor\t: 0\nmodel name\t: A Processor\nflags\t\t: fpu sse4_2 ssse3 popcnt "
		"cx16 aes "
		"constant_tsc nonstop_tsc avx2 bmi1 bmi2 fma movbe f16c\n\nprocessor\t: 1\n");
	put("/sys/devices/system/cpu/online", "0-7\n");
	put("/sys/devices/system/cpu/isolated", "2-5\n");
	put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
	put("/sys/devices/system/cpu/cpu2/node0/x", "");
	put("/sys/devices/system/cpu/cpu3/node0/x", "");
	put("/sys/devices/system/cpu/cpu6/node1/x", "");
	put(NODE0 "/cpulist", "0-3\n");
	put(NODE0 "/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	put(NODE0 "/hugepages/hugepages-2048kB/free_hugepages", "500\n");
	put("/proc/self/limits",
		"Limit                     Soft Limit           Hard Limit           Units     \n"
		"Max open files            65536                65536                files     \n"
		"Max locked memory         unlimited            unlimited            bytes     \n");
	put("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
	put("/proc/sys/net/core/rmem_max", "8388608\n");
	put("/proc/sys/net/ipv4/neigh/default/gc_thresh3", "16384\n");
	put("/proc/sys/net/ipv6/neigh/default/gc_thresh3", "16384\n");
	put("/dev/net/tun", "");
	put("/sys/class/iommu/dmar0/x", "");
	put("/sys/module/vfio_pci/x", "");
	put("/sys/bus/pci/drivers/vfio-pci/0000:3b:00.0", "");
	put("/sys/bus/pci/devices/0000:3b:00.0/numa_node", "0\n");
	put_link("/sys/bus/pci/devices/0000:3b:00.0/driver", "../../../bus/pci/drivers/vfio-pci");
	put("/sys/class/net/eth0/flags", "0x1003\n");
	put("/sys/class/net/eth0/queues/rx-0/x", "");
	put("/sys/class/net/eth0/queues/rx-1/x", "");
}

static void setup(void)
{
	cr_assert(ne(ptr, mkdtemp(root), NULL));
	host_make();
}

static void teardown(void)
{
	char command[64];

	host_report_free(&report);
	config_free(config);
	snprintf(command, sizeof(command), "rm -r %s", root);
	cr_assert(eq(int, system(command), 0));
}

TestSuite(host, .init = setup, .fini = teardown);

static void check(const char *text)
{
	const struct host_options options = {.root = root, .probes = &probes};
	struct host_options with = options;

	config = text == NULL ? NULL : config_make(text);
	cr_assert(text == NULL || config != NULL);
	with.config = config;
	cr_assert(eq(int, host_check(&with, &report), 0));
}

// The row of that topic which is in that state and says so.
static const struct host_row *row_find(const char *topic, enum host_state state, const char *what)
{
	for (const struct host_row *row = report.rows; row != NULL; row = row->next)
		if (strcmp(row->topic, topic) == 0 && row->state == state
			&& strstr(row->what, what) != NULL)
			return row;
	return NULL;
}

static void expect(const char *topic, enum host_state state, const char *what, const char *command)
{
	const struct host_row *row = row_find(topic, state, what);

	for (const struct host_row *at = report.rows; row == NULL && at != NULL; at = at->next)
		fprintf(stderr, "%d %s: %s\n", at->state, at->topic, at->what);
	cr_assert(row != NULL, "%s: %s", topic, what);
	if (command == NULL)
		cr_assert(row->command == NULL);
	else
		cr_assert(strstr(row->command, command) != NULL, "%s", row->command);
}

Test(host, misses_nothing_on_a_server_that_has_everything)
{
	check(EDGE_ON("0000:3b:00.0",
		"dataplane: {workers: 2, cpus: 2-3, idle: poll, memory: huge-pages}\n"));
	for (const struct host_row *row = report.rows; row != NULL; row = row->next)
		cr_assert(eq(int, row->state, HOST_OK), "%s: %s", row->topic, row->what);
	expect("processor", HOST_OK, "A Processor: x86-64-v3, with AES, steady clock", NULL);
	expect("huge pages", HOST_OK, "node0: 500 of 512 free, 2 MiB each", NULL);
	expect("VFIO", HOST_OK, "bound to DPDK's drivers: 0000:3b:00.0", NULL);
	expect("port 0000:3b:00.0", HOST_OK, "bound to vfio-pci", NULL);
	expect("port 0000:3b:00.0", HOST_OK, "on NUMA node 0, like the workers", NULL);
}

Test(host, says_how_a_card_gets_to_dpdk)
{
	char path[512];

	path_make("/sys/bus/pci/devices/0000:3b:00.0/driver", path, sizeof(path));
	unlink(path);
	put_link("/sys/bus/pci/devices/0000:3b:00.0/driver", "../../../bus/pci/drivers/ice");
	check(EDGE_ON("3b:00.0", ""));
	expect("port 0000:3b:00.0", HOST_MISSING, "bound to the kernel's driver ice, not vfio-pci",
		"dpdk-devbind.py --bind=vfio-pci 0000:3b:00.0");
}

Test(host, leaves_a_card_alone_that_dpdk_shares_with_the_kernel)
{
	char path[512];

	path_make("/sys/bus/pci/devices/0000:3b:00.0/driver", path, sizeof(path));
	unlink(path);
	put_link("/sys/bus/pci/devices/0000:3b:00.0/driver", "../../../bus/pci/drivers/mlx5_core");
	check(EDGE_ON("0000:3b:00.0", ""));
	expect("port 0000:3b:00.0", HOST_OK, "shared with the kernel's driver mlx5_core", NULL);
}

Test(host, misses_a_card_that_is_not_there)
{
	check(EDGE_ON("0000:4c:00.0", ""));
	expect("port 0000:4c:00.0", HOST_MISSING, "no such card", "lspci -D");
}

Test(host, finds_workers_on_another_node_than_their_card)
{
	check(EDGE_ON("0000:3b:00.0", "dataplane: {cpus: 6}\n"));
	expect("port 0000:3b:00.0", HOST_ADVICE, "processor 6 is on another", "of these: 0-3");
}

Test(host, misses_processors_that_do_not_run)
{
	check(EDGE_ON("net_null0", "dataplane: {cpus: 7-8}\n"));
	expect("cpus", HOST_MISSING, "7-8 are not all of those that run (0-7)", "of these: 0-7");
}

Test(host, wants_processors_of_their_own_for_workers_that_never_sleep)
{
	check(EDGE_ON("net_null0", "dataplane: {cpus: 5-6, idle: poll}\n"));
	expect("isolated", HOST_ADVICE, "2-5; workers that never sleep are on 5-6", "isolcpus=5-6");
	host_report_free(&report);
	config_free(config);
	check(EDGE_ON("net_null0", "dataplane: {idle: poll}\n"));
	expect("isolated", HOST_ADVICE, "share their processors", "cpus: 2-3");
}

static void pages_take(void)
{
	put(NODE0 "/hugepages/hugepages-2048kB/nr_hugepages", "0\n");
	put(NODE0 "/hugepages/hugepages-2048kB/free_hugepages", "0\n");
}

Test(host, misses_huge_pages_only_where_nothing_else_will_do)
{
	pages_take();
	check(EDGE_ON("net_null0", "dataplane: {memory: huge-pages}\n"));
	expect("huge pages", HOST_MISSING, "none", "hugepages-2048kB/nr_hugepages");
	host_report_free(&report);
	config_free(config);
	check(EDGE_ON("net_null0", ""));
	expect("huge pages", HOST_ADVICE, "none", "echo 448 >");
	host_report_free(&report);
	config_free(config);
	check(EDGE_ON("net_null0", "dataplane: {memory: ordinary}\n"));
	expect("huge pages", HOST_OK, "none", NULL);
}

Test(host, looks_at_the_limits_of_the_dataplane_that_runs)
{
	put("/proc/4711/comm", "weir-dataplane\n");
	put("/proc/4711/limits",
		"Max open files            100                  4096                 files     \n"
		"Max locked memory         8388608              8388608              bytes     \n");
	check(EDGE_ON("net_af_xdp0,iface=eth0", "dataplane: {workers: 2}\n"));
	expect("memlock", HOST_MISSING, "8192 KiB, of weir-dataplane, process 4711",
		"LimitMEMLOCK=infinity");
	expect("open files", HOST_MISSING, "100, 264 needed", "LimitNOFILE=264");
}

Test(host, misses_offloads_turned_off_queues_and_xdp_for_an_interface)
{
	offloads = HOST_OFFLOAD_SEND_CHECKSUM;
	has_xdp = false;
	check(EDGE_ON("net_af_xdp0,iface=eth0", "dataplane: {workers: 3}\n"));
	expect("port net_af_xdp0,iface=eth0", HOST_OK, "there, and up", NULL);
	expect("port net_af_xdp0,iface=eth0", HOST_MISSING,
		"offloads of a virtual interface are on", "ethtool -K eth0 tx off");
	expect("port net_af_xdp0,iface=eth0", HOST_MISSING, "2 receive queues for 3 workers",
		"ethtool -L eth0 combined 3");
	expect("AF_XDP", HOST_MISSING, "not there", "CONFIG_XDP_SOCKETS");
}

Test(host, looks_for_xdp_in_the_driver_of_a_card)
{
	put("/sys/class/net/eth0/device/x", "");
	put_link("/sys/class/net/eth0/device/driver", "../../../bus/pci/drivers/e100");
	offloads = HOST_OFFLOAD_SEND_CHECKSUM; // a card does what is left to it
	check(EDGE_ON("net_af_xdp0,iface=eth0", ""));
	expect("port net_af_xdp0,iface=eth0", HOST_ADVICE, "driver e100 may have no XDP",
		"net_af_packet");
	cr_assert(row_find("port net_af_xdp0,iface=eth0", HOST_MISSING, "offloads") == NULL);
}

Test(host, misses_an_interface_that_is_not_there_or_down)
{
	check(EDGE_ON("net_af_packet0,iface=eth9", ""));
	expect("port net_af_packet0,iface=eth9", HOST_MISSING, "no interface eth9", "ip link");
	host_report_free(&report);
	config_free(config);
	put("/sys/class/net/eth0/flags", "0x1002\n");
	check(EDGE_ON("net_af_packet0,iface=eth0", ""));
	expect("port net_af_packet0,iface=eth0", HOST_MISSING, "down", "ip link set eth0 up");
}

Test(host, misses_nothing_that_no_listener_wants)
{
	has_xdp = false;
	pages_take();
	check(EDGE);
	cr_assert(eq(uint, report.count[HOST_MISSING], 0));
	expect("AF_XDP", HOST_OK, "not there", NULL);
	host_report_free(&report);
	config_free(config);
	check(NULL);
	cr_assert(eq(uint, report.count[HOST_MISSING], 0));
	expect("AF_XDP", HOST_ADVICE, "not there", "CONFIG_XDP_SOCKETS");
}

Test(host, says_what_it_can_about_a_host_without_files)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s/*", root);
	cr_assert(eq(int, system(command), 0));
	check(EDGE_ON("0000:3b:00.0", "dataplane: {workers: 2, cpus: 2-3, idle: poll}\n"));
	expect("processor", HOST_ADVICE, "cannot be read", NULL);
	expect("IOMMU", HOST_MISSING, "none", "intel_iommu=on");
	expect("VFIO", HOST_MISSING, "not loaded", "modprobe vfio-pci");
	expect("tun", HOST_MISSING, "not there", "modprobe tun");
	expect("port 0000:3b:00.0", HOST_MISSING, "no such card", "lspci");
}
