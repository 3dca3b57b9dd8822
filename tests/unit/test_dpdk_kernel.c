// test_dpdk_kernel.c: devices that share an interface with the kernel: our datagrams come to us, all else to the kernel.

#include "dpdk_net.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(dpdk_kernel, .timeout = 120);

static struct dpdk_net net;

static void open_or_skip(const char *device, unsigned workers)
{
	if (!dpdk_net_make(&net, workers))
		cr_skip_test("network namespaces take root");
	dpdk_net_open(&net, device, workers);
}

// There and back, every length in between whole.
static void assert_echoes(int family, unsigned count)
{
	static uint8_t octets[1452];
	static uint8_t got[2048];
	int phone = dpdk_net_phone(&net, family, 5070);

	for (unsigned i = 0; i < count; i++) {
		size_t length = i * (sizeof(octets) - 1) / count + 1;

		memset(octets, (int)i, length);
		dpdk_net_send(phone, family, NET_PORT, span_of(octets, length));
		cr_assert(eq(uint, dpdk_net_serve(&net, 1), 1));
		cr_assert(eq(long, recv(phone, got, sizeof(got), 0), (long)length));
		cr_assert(eq(int, memcmp(got, octets, length), 0));
	}
	close(phone);
}

static void assert_all_comes_where_it_belongs(const char *device)
{
	open_or_skip(device, 1);
	assert_echoes(AF_INET, 20);
	assert_echoes(AF_INET6, 20);
	cr_assert(dpdk_net_ping(&net, AF_INET));
	cr_assert(dpdk_net_ping(&net, AF_INET6));
	cr_assert(dpdk_net_tcp(&net, AF_INET));
	cr_assert(dpdk_net_tcp(&net, AF_INET6));
	cr_assert(eq(u64, NET_COUNTER(&net, sent), 40));
	cr_assert(eq(u64, NET_COUNTER(&net, by_kernel), 0));
	cr_assert(eq(u64, NET_COUNTER(&net, malformed), 0));
	dpdk_net_close(&net);
}

Test(dpdk_kernel, af_packet_takes_our_datagrams_and_the_kernel_all_else)
{
	assert_all_comes_where_it_belongs("net_af_packet0,iface=edge0");
}

Test(dpdk_kernel, af_xdp_takes_our_datagrams_and_the_kernel_all_else)
{
	assert_all_comes_where_it_belongs("net_af_xdp0,iface=edge0");
}

// Many flows, so that the kernel spreads them over both queues.
static void assert_two_queues_serve(const char *device)
{
	enum { PHONES = 32 };
	int phones[PHONES];
	uint8_t got[16];

	open_or_skip(device, 2);
	for (unsigned i = 0; i < PHONES; i++) {
		phones[i] = dpdk_net_phone(&net, i % 2 ? AF_INET6 : AF_INET, (uint16_t)(6000 + i));
		dpdk_net_send(phones[i], i % 2 ? AF_INET6 : AF_INET, NET_PORT, SPAN("flow"));
	}
	cr_assert(eq(uint, dpdk_net_serve(&net, PHONES), PHONES));
	for (unsigned i = 0; i < PHONES; i++) {
		cr_assert(eq(long, recv(phones[i], got, sizeof(got), 0), 4));
		close(phones[i]);
	}
	for (unsigned i = 0; i < 2; i++)
		cr_assert(gt(u64, atomic_load(&dpdk_read_queue(0, i)->sent), 0));
	dpdk_net_close(&net);
}

Test(dpdk_kernel, af_packet_serves_any_flow_on_two_queues)
{
	assert_two_queues_serve("net_af_packet0,iface=edge0");
}

// A veth pair has no combined queues, which the driver wants for a device with several.
Test(dpdk_kernel, af_xdp_serves_any_flow_on_two_queues)
{
	assert_two_queues_serve("net_af_xdp0,iface=edge0");
}

static void assert_large_messages_go_both_ways(const char *device)
{
	static uint8_t octets[60000];
	static uint8_t got[65536];
	const size_t lengths[] = {1400, 1473, 1600, 1900, 1940, 1941, 1948, 1949, 1960, 1974, 1982,
		2000, 2048, 4000, 9000, 60000};

	open_or_skip(device, 1);
	for (unsigned i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 31 + i / 251);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		int family = v6 ? AF_INET6 : AF_INET;
		int phone = dpdk_net_phone(&net, family, 5070);

		for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			dpdk_net_send(phone, family, NET_PORT, span_of(octets, lengths[i]));
			cr_assert(eq(uint, dpdk_net_serve(&net, 1), 1));
			cr_assert(eq(long, recv(phone, got, sizeof(got), 0), (long)lengths[i]));
			cr_assert(eq(int, memcmp(got, octets, lengths[i]), 0));
			// Once, not twice.
			cr_assert(eq(long, recv(phone, got, sizeof(got), MSG_DONTWAIT), -1));
		}
		close(phone);
	}
	cr_assert(eq(u64, NET_COUNTER(&net, malformed), 0));
	cr_assert(eq(u64, NET_COUNTER(&net, fragments_refused), 0));
	dpdk_net_close(&net);
}

Test(dpdk_kernel, af_xdp_takes_large_messages_out_of_fragments)
{
	assert_large_messages_go_both_ways("net_af_xdp0,iface=edge0");
}

Test(dpdk_kernel, af_packet_takes_large_messages_whatever_the_kernel_makes_of_them)
{
	assert_large_messages_go_both_ways("net_af_packet0,iface=edge0");
}

static void assert_nobody_is_told_unreachable(const char *device)
{
	uint8_t octet;

	open_or_skip(device, 1);
	int phone = dpdk_net_phone(&net, AF_INET, 5070);

	for (unsigned i = 0; i < 3; i++) {
		dpdk_net_send(phone, AF_INET, NET_PORT, SPAN("hello"));
		cr_assert(eq(uint, dpdk_net_serve(&net, 1), 1));
		cr_assert(eq(long, recv(phone, &octet, 1, 0), 1));
		// A second copy, or an error about the first, would come now.
		cr_assert(eq(long, recv(phone, &octet, 1, MSG_DONTWAIT), -1));
		cr_assert(eq(int, errno, EAGAIN));
	}
	close(phone);
	dpdk_net_close(&net);
}

Test(dpdk_kernel, af_packet_keeps_the_kernel_silent)
{
	assert_nobody_is_told_unreachable("net_af_packet0,iface=edge0");
}

Test(dpdk_kernel, af_xdp_keeps_the_kernel_silent)
{
	assert_nobody_is_told_unreachable("net_af_xdp0,iface=edge0");
}

static void assert_link_goes_and_returns(const char *device)
{
	struct dpdk_device_info info;

	open_or_skip(device, 1);
	assert_echoes(AF_INET, 2);
	cr_assert(dpdk_read_device(0, &info));
	cr_assert(eq(u32, info.interface, if_nametoindex("edge0")));
	dpdk_net_run(net.phone, "ip link set phone0 down");
	// Reading is for a thread that must not wait: nobody is asked.
	cr_assert(dpdk_read_device(0, &info));
	cr_assert(info.up);
	dpdk_net_await_link(false);
	struct io_port *port = net.port[0];
	struct endpoint peer = dpdk_net_endpoint("192.0.2.2", 5070);

	for (unsigned i = 0; i < 3000; i++) {
		struct packet *packet = port->ops->allocate(port, 4);

		packet->length = 4;
		packet->peer = peer;
		packet->listener = 1;
		cr_assert(eq(u32, port->ops->send(port, &packet, 1), 1));
	}
	cr_assert(eq(u64, NET_COUNTER(&net, send_failed), 3000));
	dpdk_net_run(net.phone, "ip link set phone0 up");
	usleep(50 * 1000);
	// Nobody has asked for the device's state: the sender finds out by itself.
	assert_echoes(AF_INET, 2);
	dpdk_net_close(&net);
}

Test(dpdk_kernel, af_packet_outlives_the_loss_of_its_link)
{
	assert_link_goes_and_returns("net_af_packet0,iface=edge0");
}

Test(dpdk_kernel, af_xdp_outlives_the_loss_of_its_link)
{
	assert_link_goes_and_returns("net_af_xdp0,iface=edge0");
}

// The driver's own XDP program takes every frame, as a card does that the kernel has lost.
Test(dpdk_kernel, a_tap_carries_what_is_the_kernels_of_a_card)
{
	struct dpdk_device_info info;

	if (!dpdk_net_make(&net, 1))
		cr_skip_test("network namespaces take root");
	dpdk_net_open_with_tap(&net, "net_af_xdp0,iface=edge0", 1);
	cr_assert(dpdk_read_device(0, &info));
	cr_assert(eq(u32, info.interface, if_nametoindex("weir0")));
	dpdk_net_serve_begin(&net);
	// ARP and neighbour discovery come first.
	cr_assert(dpdk_net_ping(&net, AF_INET));
	cr_assert(dpdk_net_ping(&net, AF_INET6));
	cr_assert(dpdk_net_tcp(&net, AF_INET));
	cr_assert(dpdk_net_tcp(&net, AF_INET6));
	dpdk_net_serve_end(&net);
	assert_echoes(AF_INET, 10);
	assert_echoes(AF_INET6, 10);
	cr_assert(eq(u64, NET_COUNTER(&net, malformed), 0));
	cr_assert(eq(u64, NET_COUNTER(&net, no_listener), 0));
	dpdk_net_close(&net);
	cr_assert(eq(u32, if_nametoindex("weir0"), 0));
}

// What a neighbour that nobody knows yet is sent goes by the kernel, the tap and the card.
Test(dpdk_kernel, the_kernels_way_out_of_a_card_is_its_tap)
{
	uint8_t got[16];

	if (!dpdk_net_make(&net, 1))
		cr_skip_test("network namespaces take root");
	dpdk_net_open_with_tap(&net, "net_af_xdp0,iface=edge0", 1);
	int phone = dpdk_net_phone(&net, AF_INET, 5070);
	const struct next_hops *hops = atomic_exchange(&net.hops, NULL);

	dpdk_net_serve_begin(&net);
	dpdk_net_send(phone, AF_INET, NET_PORT, SPAN("by the tap"));
	cr_assert(eq(long, recv(phone, got, sizeof(got), 0), 10));
	dpdk_net_serve_end(&net);
	cr_assert(eq(u64, NET_COUNTER(&net, by_kernel), 1));
	cr_assert(eq(u64, NET_COUNTER(&net, sent), 0));
	atomic_store(&net.hops, hops);
	close(phone);
	dpdk_net_close(&net);
}

Test(dpdk_kernel, more_packets_pass_than_the_pool_has)
{
	static uint8_t got[2048];

	open_or_skip("net_af_xdp0,iface=edge0", 1);
	int phone = dpdk_net_phone(&net, AF_INET, 5070);

	// Each of the pool's buffers is used, and again: those too that lie at its end.
	for (unsigned i = 0; i < 20000; i++) {
		dpdk_net_send(phone, AF_INET, NET_PORT, span_of(&i, sizeof(i)));
		cr_assert(eq(uint, dpdk_net_serve(&net, 1), 1));
		cr_assert(eq(long, recv(phone, got, sizeof(got), 0), sizeof(i)));
		cr_assert(eq(int, memcmp(got, &i, sizeof(i)), 0));
	}
	close(phone);
	dpdk_net_close(&net);
}

// The process ends without a word, as by SIGKILL.
static void open_and_die(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		dpdk_net_open(&net, "net_af_xdp0,iface=edge0", 1);
		_exit(0);
	}
	cr_assert(eq(int, waitpid(child, &status, 0), child));
	cr_assert(eq(int, status, 0));
}

Test(dpdk_kernel, the_xdp_program_goes_with_its_process)
{
	if (!dpdk_net_make(&net, 1))
		cr_skip_test("network namespaces take root");
	open_and_die();
	cr_assert(dpdk_net_ping(&net, AF_INET));
	dpdk_net_run(net.edge, "! ip link show edge0 | grep -q xdp");
	dpdk_net_open(&net, "net_af_xdp0,iface=edge0", 1);
	dpdk_net_run(net.edge, "ip link show edge0 | grep -q xdp");
	assert_echoes(AF_INET, 3);
	dpdk_net_close(&net);
	dpdk_net_run(net.edge, "! ip link show edge0 | grep -q xdp");
}

Test(dpdk_kernel, an_xdp_program_of_ours_that_was_left_over_is_replaced)
{
	if (!dpdk_net_make(&net, 1))
		cr_skip_test("network namespaces take root");
	dpdk_net_run(net.edge, "ip link set dev edge0 xdp object " XDP_OBJECT " section xdp");
	dpdk_net_open(&net, "net_af_xdp0,iface=edge0", 1);
	assert_echoes(AF_INET, 3);
	dpdk_net_close(&net);
	dpdk_net_run(net.edge, "! ip link show edge0 | grep -q xdp");
}
