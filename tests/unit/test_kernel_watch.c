// test_kernel_watch.c: what the kernel knows of routes and neighbours is in the picture soon after, in a network namespace of its own.

#include "io/io_memory.h"
#include "kernel_watch.h"
#include "plane.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	DEVICE = 3, // the index that dev0 has among ours
	PATIENCE_MS = 5000, // a picture is due within milliseconds, on a machine with time
	COMMAND_MAX = 256,
	KERNEL = -1, // what is asked of the picture is the kernel's to send
};

static struct plane *plane;
static bool running;

__attribute__((format(printf, 1, 2))) static void ip(const char *format, ...)
{
	char command[COMMAND_MAX] = "ip ";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command + 3, sizeof(command) - 3, format, arguments);
	va_end(arguments);
	cr_assert(eq(int, system(command), 0), "%s", command);
}

static void watch_open(void)
{
	const struct kernel_device device = {if_nametoindex("dev0"), DEVICE};

	cr_assert(eq(int, kernel_watch_open(plane, &device, 1, &plane->watch), 0));
}

static void setup(void)
{
	const struct link_config config = {
		.workers = 1, .flows_max = 64, .peer_flows_max = 64, .rows_max = 256, .edge = 1};

	if (unshare(CLONE_NEWNET) < 0)
		cr_skip_test("no right to make a network namespace: 1 test skipped");
	ip("link set lo up");
	ip("link add dev0 address 02:00:00:00:00:01 type veth peer name far0");
	ip("link set dev0 up");
	ip("link set far0 up");
	ip("address add 192.0.2.10/24 dev dev0");
	ip("address add 2001:db8::10/64 dev dev0 nodad");
	cr_assert(eq(int, plane_new(&config, &plane), 0));
	urcu_qsbr_register_thread();
}

static void watch_start(void)
{
	watch_open();
	cr_assert(eq(int, kernel_watch_start(plane->watch), 0));
	running = true;
}

static void teardown(void)
{
	if (plane == NULL)
		return;
	urcu_qsbr_unregister_thread();
	if (running)
		kernel_watch_stop(plane->watch);
	plane_free(plane);
}

TestSuite(kernel_watch, .init = setup, .fini = teardown, .timeout = 60);

static struct endpoint address(const char *text)
{
	bool v4 = strchr(text, ':') == NULL;
	struct endpoint endpoint = {.family = v4 ? ENDPOINT_V4 : ENDPOINT_V6};

	cr_assert(eq(int, inet_pton(v4 ? AF_INET : AF_INET6, text, endpoint.address), 1));
	return endpoint;
}

// False: the kernel sends. As a worker does it, within one burst.
static bool find(const char *text, struct next_hop *hop)
{
	struct endpoint destination = address(text);
	const struct next_hop *found = next_hops_find(
		atomic_load_explicit(&plane->hops, memory_order_acquire), &destination);

	if (found != NULL)
		*hop = *found;
	plane_rest(plane);
	return found != NULL;
}

// The last octet of the MAC address it is sent to, or KERNEL.
static int last_octet(const char *text)
{
	struct next_hop hop;

	return find(text, &hop) ? hop.destination_mac[5] : KERNEL;
}

static void nap(void)
{
	const struct timespec millisecond = {.tv_nsec = 1000 * 1000};

	urcu_qsbr_thread_offline();
	nanosleep(&millisecond, NULL);
	urcu_qsbr_thread_online();
}

// Waits until the picture says so.
static void expect(const char *text, int last)
{
	for (unsigned ms = 0; ms < PATIENCE_MS && last_octet(text) != last; ms++)
		nap();
	cr_assert(eq(int, last_octet(text), last), "%s", text);
}

static void expect_stale(const char *text, bool stale)
{
	struct next_hop hop = {.stale = !stale};

	for (unsigned ms = 0; ms < PATIENCE_MS && !(find(text, &hop) && hop.stale == stale); ms++)
		nap();
	cr_assert(eq(int, hop.stale, stale), "%s", text);
}

Test(kernel_watch, the_first_picture_is_there_before_any_thread_runs)
{
	ip("neigh add 192.0.2.7 lladdr 02:00:00:00:01:07 dev dev0");
	watch_open();
	struct next_hop hop;

	cr_assert(find("192.0.2.7", &hop));
	cr_assert(eq(int, hop.device, DEVICE));
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

Test(kernel_watch, a_gateway_and_another_and_none)
{
	ip("neigh add 192.0.2.1 lladdr 02:00:00:00:01:01 dev dev0");
	ip("neigh add 192.0.2.2 lladdr 02:00:00:00:01:02 dev dev0");
	watch_start();
	cr_assert(eq(int, last_octet("203.0.113.5"), KERNEL));
	ip("route add default via 192.0.2.1");
	expect("203.0.113.5", 1);
	ip("route add default via 192.0.2.2 metric 10");
	ip("route add 203.0.113.0/24 via 192.0.2.2");
	expect("203.0.113.5", 2);
	expect("198.51.100.1", 1);
	ip("route del default via 192.0.2.1");
	expect("198.51.100.1", 2);
	ip("route add unreachable 203.0.113.5");
	expect("203.0.113.5", KERNEL);
	ip("route replace blackhole 203.0.113.0/24");
	ip("route del unreachable 203.0.113.5");
	expect("203.0.113.6", KERNEL);
	expect("203.0.113.5", KERNEL);
	expect("203.0.114.5", 2);
}

Test(kernel_watch, an_ipv6_gateway_by_its_link_local_address)
{
	ip("neigh add fe80::1 lladdr 02:00:00:00:01:61 dev dev0");
	watch_start();
	ip("-6 route add default via fe80::1 dev dev0");
	expect("2001:db8:ffff::5", 0x61);
	ip("route add 203.0.113.0/24 via inet6 fe80::1 dev dev0");
	expect("203.0.113.5", 0x61);
	ip("-6 route del default");
	expect("2001:db8:ffff::5", KERNEL);
}

Test(kernel_watch, of_several_ways_a_living_one)
{
	ip("link add dev1 type veth peer name far1");
	ip("link set dev1 up");
	ip("link set far1 up");
	ip("address add 198.51.100.10/24 dev dev1");
	ip("neigh add 192.0.2.1 lladdr 02:00:00:00:01:01 dev dev0");
	watch_start();
	ip("route add 203.0.113.0/24 nexthop via 192.0.2.1 dev dev0 nexthop via 198.51.100.1 dev "
	   "dev1");
	expect("203.0.113.5", 1);
	// Those of the other order begin with an interface that is none of ours.
	ip("route replace 203.0.113.0/24 nexthop via 198.51.100.1 dev dev1 nexthop via 192.0.2.1 "
	   "dev dev0");
	expect("203.0.113.5", KERNEL);
	ip("link set dev1 down");
	expect("203.0.113.5", 1);
}

Test(kernel_watch, a_route_says_what_its_path_takes)
{
	struct next_hop hop = {.mtu = 0};

	ip("neigh add 192.0.2.1 lladdr 02:00:00:00:01:01 dev dev0");
	ip("route add default via 192.0.2.1");
	watch_start();
	cr_assert(find("203.0.113.5", &hop));
	cr_assert(eq(int, hop.mtu, NEXT_HOP_PATH_MTU));
	ip("route replace default via 192.0.2.1 mtu 1400");
	for (unsigned ms = 0; ms < PATIENCE_MS && !(find("203.0.113.5", &hop) && hop.mtu == 1400);
		ms++)
		nap();
	cr_assert(eq(int, hop.mtu, 1400));
}

Test(kernel_watch, own_addresses_broadcast_and_groups_are_the_kernels)
{
	ip("route add default dev dev0");
	ip("-6 route add default dev dev0");
	ip("neigh add 192.0.2.20 lladdr 02:00:00:00:01:14 dev dev0");
	ip("neigh add 2001:db8::20 lladdr 02:00:00:00:01:74 dev dev0");
	watch_start();
	expect("192.0.2.20", 0x14);
	expect("2001:db8::20", 0x74);
	cr_assert(eq(int, last_octet("192.0.2.10"), KERNEL));
	cr_assert(eq(int, last_octet("192.0.2.255"), KERNEL));
	cr_assert(eq(int, last_octet("127.0.0.1"), KERNEL));
	cr_assert(eq(int, last_octet("224.0.0.1"), KERNEL));
	cr_assert(eq(int, last_octet("2001:db8::10"), KERNEL));
	cr_assert(eq(int, last_octet("ff02::1"), KERNEL));
	// An address that becomes ours.
	ip("address add 192.0.2.20/24 dev dev0");
	ip("address add 2001:db8::20/64 dev dev0 nodad");
	expect("192.0.2.20", KERNEL);
	expect("2001:db8::20", KERNEL);
	ip("address del 192.0.2.20/24 dev dev0");
	expect("192.0.2.20", 0x14);
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
	cr_assert(eq(int, hop.device, DEVICE));
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

Test(kernel_watch, an_interface_that_is_not_ours_hides_what_we_could_reach)
{
	ip("neigh add 192.0.2.1 lladdr 02:00:00:00:01:01 dev dev0");
	ip("route add default via 192.0.2.1");
	ip("link add other type veth peer name other_far");
	ip("link set other up");
	watch_start();
	expect("198.51.100.1", 1);
	ip("address add 198.51.100.10/24 dev other");
	ip("neigh add 198.51.100.1 lladdr 02:00:00:00:01:31 dev other");
	expect("198.51.100.1", KERNEL);
	ip("link set other down");
	expect("198.51.100.1", 1);
}

Test(kernel_watch, rules_that_lead_elsewhere_leave_all_to_the_kernel)
{
	ip("neigh add 192.0.2.7 lladdr 02:00:00:00:01:07 dev dev0");
	watch_start();
	// Rules for marked packets, and for those that are forwarded, are not about ours.
	ip("rule add fwmark 5 lookup 100");
	ip("rule add iif dev0 lookup 100");
	ip("neigh add 192.0.2.8 lladdr 02:00:00:00:01:08 dev dev0");
	expect("192.0.2.8", 8);
	ip("rule add from 192.0.2.10 lookup 100");
	expect("192.0.2.7", KERNEL);
	ip("rule del from 192.0.2.10 lookup 100");
	expect("192.0.2.7", 7);
	ip("-6 rule add to 2001:db8:1::/48 lookup 100");
	expect("192.0.2.7", KERNEL);
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
	cr_assert(eq(int, kernel_watch_start(plane->watch), 0));
	running = true;
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

static void *readers_run(void *argument)
{
	_Atomic bool *stop = argument;

	urcu_qsbr_register_thread();
	while (!atomic_load(stop)) {
		struct endpoint destination = address("192.0.2.7");
		const struct next_hop *hop = next_hops_find(
			atomic_load_explicit(&plane->hops, memory_order_acquire), &destination);

		if (hop == NULL || hop->device != DEVICE || hop->destination_mac[4] != 1)
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
