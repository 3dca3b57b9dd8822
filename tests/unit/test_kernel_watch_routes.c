// test_kernel_watch_routes.c: the kernel's routes and rules are in the picture soon after.

#include "kernel_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

TestSuite(
	kernel_watch_routes, .init = kernel_lab_setup, .fini = kernel_lab_teardown, .timeout = 60);

Test(kernel_watch_routes, a_gateway_and_another_and_none)
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

Test(kernel_watch_routes, an_ipv6_gateway_by_its_link_local_address)
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

Test(kernel_watch_routes, of_several_ways_a_living_one)
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

Test(kernel_watch_routes, a_route_says_what_its_path_takes)
{
	ip("neigh add 192.0.2.1 lladdr 02:00:00:00:01:01 dev dev0");
	ip("route add default via 192.0.2.1");
	watch_start();
	expect_mtu("203.0.113.5", NEXT_HOP_PATH_MTU);
	ip("route replace default via 192.0.2.1 mtu 1400");
	expect_mtu("203.0.113.5", 1400);
}

Test(kernel_watch_routes, own_addresses_broadcast_and_groups_are_the_kernels)
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

Test(kernel_watch_routes, an_interface_that_is_not_ours_hides_what_we_could_reach)
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

Test(kernel_watch_routes, rules_that_lead_elsewhere_leave_all_to_the_kernel)
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
