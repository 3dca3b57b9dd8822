// test_dpdk_name.c: what a driver is told beyond what an operator wrote.

#include "dpdk_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static char out[DPDK_COMPLETE_NAME_MAX];

static const char *complete(const char *name, unsigned queues, int program)
{
	const struct dpdk_name_words words = {.queues = queues, .program = program};

	cr_assert(dpdk_name_complete(name, &words, out));
	return out;
}

static const char *cut(const char *name)
{
	dpdk_name_cut(name, out);
	return out;
}

Test(dpdk_name, a_name_ends_where_its_words_begin)
{
	cr_assert(eq(str, (char *)cut("net_ring0"), "net_ring0"));
	cr_assert(eq(str, (char *)cut("net_null0,size=64,copy=1"), "net_null0"));
	cr_assert(eq(str, (char *)cut(""), ""));
}

Test(dpdk_name, a_short_pci_address_becomes_a_whole_one)
{
	cr_assert(eq(str, (char *)cut("03:00.1"), "0000:03:00.1"));
	cr_assert(eq(str, (char *)cut("0000:af:00.0,class=x"), "0000:af:00.0"));
	cr_assert(dpdk_name_is_pci("03:00.1"));
	cr_assert(eq(int, dpdk_name_is_pci("net_ring0"), false));
}

Test(dpdk_name, queues_are_told_to_drivers_that_make_one_otherwise)
{
	cr_assert(eq(str, (char *)complete("net_af_packet0,iface=eth0", 4, -1),
		"net_af_packet0,iface=eth0,qpairs=4"));
	cr_assert(eq(str, (char *)complete("net_af_xdp0,iface=eth0", 2, 7),
		"net_af_xdp0,iface=eth0,queue_count=2,xdp_prog=/proc/self/fd/7"));
	cr_assert(eq(str, (char *)complete("net_ring0", 4, -1), "net_ring0"));
	cr_assert(eq(str, (char *)complete("0000:03:00.0", 4, -1), "0000:03:00.0"));
}

Test(dpdk_name, what_the_operator_has_said_is_left)
{
	cr_assert(eq(str, (char *)complete("net_af_packet0,iface=eth0,qpairs=1", 4, -1),
		"net_af_packet0,iface=eth0,qpairs=1"));
	cr_assert(dpdk_name_wants_program("net_af_xdp0,iface=eth0"));
	cr_assert(eq(int, dpdk_name_wants_program("net_af_xdp0,iface=eth0,xdp_prog=/x"), false));
	cr_assert(eq(int, dpdk_name_wants_program("net_af_packet0,iface=eth0"), false));
	// A word that only ends alike is another.
	cr_assert(eq(str, (char *)complete("net_af_packet0,iface=eth0,my_qpairs=1", 4, -1),
		"net_af_packet0,iface=eth0,my_qpairs=1,qpairs=4"));
}

Test(dpdk_name, a_device_for_each_queue_has_a_name_of_its_own)
{
	struct dpdk_name_words words = {.queues = 1, .split = true, .program = -1};

	cr_assert(dpdk_name_complete("net_af_xdp0,iface=eth0", &words, out));
	cr_assert(eq(str, out, "net_af_xdp0,iface=eth0,start_queue=0,queue_count=1"));
	words.member = 3;
	cr_assert(dpdk_name_complete("net_af_xdp0,iface=eth0", &words, out));
	cr_assert(eq(str, out, "net_af_xdp0q3,iface=eth0,start_queue=3,queue_count=1"));
}

Test(dpdk_name, what_does_not_fit_is_refused)
{
	const struct dpdk_name_words words = {.queues = 1, .program = -1};
	static char name[DPDK_COMPLETE_NAME_MAX + 1];

	memset(name, 'n', sizeof(name) - 1);
	cr_assert(eq(int, dpdk_name_complete(name, &words, out), false));
	dpdk_name_cut(name, out);
	cr_assert(eq(sz, strlen(out), DPDK_DEVICE_NAME_MAX - 1));
}
