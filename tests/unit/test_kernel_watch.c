// test_kernel_watch.c: the kernel's links and neighbours are in the picture soon after, whatever is lost on the way.

#include "io/io_dpdk.h"
#include "io/io_memory.h"
#include "kernel_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(kernel_watch, .init = kernel_lab_setup, .fini = kernel_lab_teardown, .timeout = 60);

Test(kernel_watch, the_first_picture_is_there_before_any_thread_runs)
{
	ip("neigh add 192.0.2.7 lladdr 02:00:00:00:01:07 dev dev0");
	watch_open();
	struct next_hop hop;

	cr_assert(find("192.0.2.7", &hop));
	cr_assert(eq(int, hop.device, KERNEL_LAB_DEVICE));
	cr_assert(eq(int, hop.vlan, 0));
	cr_assert(eq(int, hop.mtu, 1500));
	cr_assert(eq(int, memcmp(hop.source_mac, "\2\0\0\0\0\1", 6), 0));
	cr_assert(eq(int, memcmp(hop.destination_mac, "\2\0\0\0\1\7", 6), 0));
}

Test(kernel_watch, neighbours_come_change_and_go)
{
	watch_start();
	cr_assert(eq(int, last_octet("192.0.2.7"), KERNEL));
	ip("neigh add 192.0.2.7 lladdr 02:00:00:00:01:07 dev dev0 nud reachable");
	ip("neigh add 2001:db8::7 lladdr 02:00:00:00:01:67 dev dev0 nud permanent");
	expect("192.0.2.7", 7);
	expect("2001:db8::7", 0x67);
	ip("neigh change 192.0.2.7 lladdr 02:00:00:00:01:08 dev dev0 nud reachable");
	expect("192.0.2.7", 8);
	ip("neigh change 192.0.2.7 dev dev0 nud failed");
	expect("192.0.2.7", KERNEL);
	ip("neigh del 2001:db8::7 dev dev0");
	expect("2001:db8::7", KERNEL);
}

Test(kernel_watch, a_neighbour_that_was_not_heard_is_stale)
{
	watch_start();
	ip("neigh add 192.0.2.7 lladdr 02:00:00:00:01:07 dev dev0 nud stale");
	expect("192.0.2.7", 7);
	expect_stale("192.0.2.7", true);
	ip("neigh change 192.0.2.7 lladdr 02:00:00:00:01:07 dev dev0 nud reachable");
	expect_stale("192.0.2.7", false);
}

Test(kernel_watch, a_vlan_comes_and_goes)
{
	struct next_hop hop = {.vlan = 0};

	if (system("ip link add link dev0 name dev0.7 type vlan id 7 2>/dev/null") != 0)
		cr_skip_test("this kernel has no VLANs: 1 test skipped");
	watch_start();
	ip("link set dev0.7 address 02:00:00:00:00:07 mtu 1400 up");
	ip("address add 198.51.100.10/24 dev dev0.7");
	ip("neigh add 198.51.100.1 lladdr 02:00:00:00:01:71 dev dev0.7");
	expect("198.51.100.1", 0x71);
	cr_assert(find("198.51.100.1", &hop));
	cr_assert(eq(int, hop.device, KERNEL_LAB_DEVICE));
	cr_assert(eq(int, hop.vlan, 7));
	cr_assert(eq(int, hop.mtu, 1400));
	cr_assert(eq(int, hop.source_mac[5], 7));
	ip("link del dev0.7");
	expect("198.51.100.1", KERNEL);
	// A provider's tag is none that frames here have.
	ip("link add link dev0 name dev0.8 type vlan proto 802.1ad id 8");
	ip("link set dev0.8 up");
	ip("address add 198.51.100.10/24 dev dev0.8");
	ip("neigh add 198.51.100.1 lladdr 02:00:00:00:01:81 dev dev0.8");
	ip("neigh add 192.0.2.9 lladdr 02:00:00:00:01:09 dev dev0");
	expect("192.0.2.9", 9);
	cr_assert(eq(int, last_octet("198.51.100.1"), KERNEL));
}

Test(kernel_watch, a_link_that_is_down_carries_nothing)
{
	ip("neigh add 192.0.2.7 lladdr 02:00:00:00:01:07 dev dev0");
	watch_start();
	expect("192.0.2.7", 7);
	// Its carrier, then itself.
	ip("link set far0 down");
	expect("192.0.2.7", KERNEL);
	ip("link set far0 up");
	expect("192.0.2.7", 7);
	ip("link set dev0 down");
	expect("192.0.2.7", KERNEL);
	ip("link set dev0 up");
	ip("neigh replace 192.0.2.7 lladdr 02:00:00:00:01:08 dev dev0");
	expect("192.0.2.7", 8);
}

Test(kernel_watch, more_news_than_a_socket_holds_are_no_loss)
{
	char path[] = "/tmp/weir-neighbours-XXXXXX";
	int file = mkstemp(path);

	cr_assert(file >= 0);
	FILE *batch = fdopen(file, "w");

	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 1000; i++)
			fprintf(batch,
				"neigh replace 192.0.2.%u lladdr 02:00:00:00:%02x:%02x dev dev0\n",
				11 + i % 200, round, i % 200);
	fprintf(batch, "neigh replace 192.0.2.250 lladdr 02:00:00:00:00:fa dev dev0\n");
	fclose(batch);
	// Nobody reads until the socket has long been full.
	watch_open();
	ip("-batch %s", path);
	unlink(path);
	watch_run();
	expect("192.0.2.250", 0xfa);
	for (unsigned i = 0; i < 200; i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%u", 11 + i);
		expect(text, (int)i);
	}
}

Test(kernel_watch, begins_and_ends_with_the_planes_other_threads)
{
	plane->worker[0].port = io_memory_open(plane->worker[0].wakeup);
	cr_assert(plane->worker[0].port != NULL);
	watch_open();
	cr_assert(eq(int, plane_start(plane), 0));
	ip("neigh add 192.0.2.7 lladdr 02:00:00:00:01:07 dev dev0");
	expect("192.0.2.7", 7);
	urcu_qsbr_thread_offline();
	plane_stop(plane);
	urcu_qsbr_thread_online();
}

// The far end moves into a namespace of its own, with these addresses and MAC addresses that end in 9.
static pid_t host_start(int *end)
{
	int up[2], down[2];
	char octet;

	cr_assert(eq(int, pipe(up), 0));
	cr_assert(eq(int, pipe(down), 0));
	pid_t host = fork();

	if (host == 0) {
		close(down[1]);
		_exit(unshare(CLONE_NEWNET) == 0 && write(up[1], "", 1) == 1
					&& read(down[0], &octet, 1) == 1
					&& system("ip link set far0 address 02:00:00:00:01:09 up"
						  " && ip address add 192.0.2.9/24 dev far0"
						  " && ip address add 2001:db8::9/64 dev far0 "
						  "nodad")
						== 0
					&& write(up[1], "", 1) == 1 && read(down[0], &octet, 1) == 0
				? 0
				: 1);
	}
	close(down[0]);
	close(up[1]);
	cr_assert(eq(int, read(up[0], &octet, 1), 1));
	ip("link set far0 netns %d", (int)host);
	cr_assert(eq(int, write(down[1], "", 1), 1));
	cr_assert(eq(int, read(up[0], &octet, 1), 1));
	close(up[0]);
	*end = down[1];
	return host;
}

// As a guard socket does it.
static void kernel_send(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	bool is_v6 = strchr(text, ':') != NULL;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	cr_assert(eq(int,
		inet_pton(is_v6 ? AF_INET6 : AF_INET, text,
			is_v6 ? (void *)&v6.sin6_addr : &v4.sin_addr),
		1));
	cr_assert(eq(int,
		sendto(fd, "?", 1, 0, is_v6 ? (void *)&v6 : (void *)&v4,
			is_v6 ? sizeof(v6) : sizeof(v4)),
		1));
	close(fd);
}

Test(kernel_watch, whom_the_kernel_finds_is_in_the_next_picture)
{
	int end, status;
	pid_t host = host_start(&end);

	watch_start();
	cr_assert(eq(int, last_octet("192.0.2.9"), KERNEL));
	cr_assert(eq(int, last_octet("2001:db8::9"), KERNEL));
	kernel_send("192.0.2.9");
	kernel_send("2001:db8::9");
	expect("192.0.2.9", 9);
	expect("2001:db8::9", 9);
	close(end);
	cr_assert(eq(int, waitpid(host, &status, 0), host));
	cr_assert(eq(int, status, 0));
	// The other end went with its namespace.
	expect("192.0.2.9", KERNEL);
}

static bool link_is_up(void)
{
	struct dpdk_device_info info;

	cr_assert(dpdk_read_device(0, &info));
	return info.up;
}

static void expect_link(bool up)
{
	for (unsigned i = 0; i < 500 && link_is_up() != up; i++) {
		usleep(10 * 1000);
		plane_rest(plane);
	}
	cr_assert(eq(int, link_is_up(), up));
}

// Whoever reads a device's state asks nobody.
Test(kernel_watch, a_devices_link_is_followed_by_its_thread)
{
	const char *device = "net_af_packet0,iface=dev0";
	const struct dpdk_start_options start = {
		.devices = &device, .device_count = 1, .memory = DPDK_MEMORY_ORDINARY};
	const struct dpdk_device_options options = {.name = device, .workers = 1, .packets = 2048};
	char complaint[DPDK_COMPLAINT_MAX] = "";

	cr_assert(eq(int, dpdk_start(&start, complaint), 0), "%s", complaint);
	cr_assert(eq(int, dpdk_open_device(&options, complaint), 0), "%s", complaint);
	cr_assert(eq(int, dpdk_run_devices(complaint), 0), "%s", complaint);
	cr_assert(link_is_up());
	watch_open();
	ip("link set far0 down");
	usleep(300 * 1000);
	cr_assert(link_is_up());
	watch_run();
	expect_link(false);
	ip("link set far0 up");
	expect_link(true);
}

static void *readers_run(void *argument)
{
	_Atomic bool *stop = argument;

	urcu_qsbr_register_thread();
	while (!atomic_load(stop)) {
		struct endpoint destination = address("192.0.2.7");
		const struct next_hop *hop = next_hops_find(
			atomic_load_explicit(&plane->hops, memory_order_acquire), &destination);

		if (hop == NULL || hop->device != KERNEL_LAB_DEVICE || hop->destination_mac[4] != 1)
			abort();
		plane_rest(plane);
	}
	urcu_qsbr_unregister_thread();
	return NULL;
}

Test(kernel_watch, a_reader_never_meets_a_picture_that_is_gone)
{
	_Atomic bool stop = false;
	pthread_t reader;

	ip("neigh add 192.0.2.7 lladdr 02:00:00:00:01:07 dev dev0");
	watch_start();
	cr_assert(eq(int, pthread_create(&reader, NULL, readers_run, &stop), 0));
	for (unsigned i = 0; i < 30; i++) {
		ip("neigh replace 192.0.2.7 lladdr 02:00:00:00:01:%02x dev dev0", i);
		expect("192.0.2.7", (int)i);
	}
	atomic_store(&stop, true);
	urcu_qsbr_thread_offline();
	pthread_join(reader, NULL);
	urcu_qsbr_thread_online();
}
