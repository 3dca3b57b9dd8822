// test_kernel_route.c: routes as the kernel tells them, also such as this host's kernel does not send.

#include "kernel_message.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <linux/rtnetlink.h>

static struct rtmsg *route_begin(uint8_t family, uint8_t length)
{
	struct rtmsg *header = message_begin(RTM_NEWROUTE, sizeof(*header));

	header->rtm_family = family;
	header->rtm_dst_len = length;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_type = RTN_UNICAST;
	return header;
}

// 203.0.113.0/24 by 192.0.2.1, interface 5.
static struct rtmsg *route_plain(void)
{
	struct rtmsg *header = route_begin(AF_INET, 24);

	mnl_attr_put(message, RTA_DST, 4, "\xcb\0\x71\0");
	mnl_attr_put(message, RTA_GATEWAY, 4, "\xc0\0\2\1");
	mnl_attr_put_u32(message, RTA_OIF, 5);
	return header;
}

static struct next_hop_route route_read(void)
{
	struct next_hop_route route;

	cr_assert(kernel_route_read(message, &route));
	return route;
}

static bool route_is_passed_over(void)
{
	struct next_hop_route route;

	return !kernel_route_read(message, &route);
}

Test(kernel_route, a_route_is_told_whole)
{
	(void)route_plain();
	mnl_attr_put_u32(message, RTA_PRIORITY, 100);
	struct nlattr *metrics = mnl_attr_nest_start(message, RTA_METRICS);

	mnl_attr_put_u32(message, RTAX_MTU, 1400);
	mnl_attr_nest_end(message, metrics);
	struct next_hop_route route = route_read();

	cr_assert(eq(int, route.prefix.family, ENDPOINT_V4));
	cr_assert(eq(int, route.prefix.length, 24));
	cr_assert(eq(int, memcmp(route.prefix.address, "\xcb\0\x71\0", 4), 0));
	cr_assert(eq(int, route.gateway.family, ENDPOINT_V4));
	cr_assert(eq(int, memcmp(route.gateway.address, "\xc0\0\2\1", 4), 0));
	cr_assert(eq(uint, route.interface, 5));
	cr_assert(eq(uint, route.metric, 100));
	cr_assert(eq(int, route.mtu, 1400));
	cr_assert(not(route.local));
}

Test(kernel_route, a_route_of_another_table_or_service_is_passed_over)
{
	route_plain()->rtm_table = 100;
	cr_assert(route_is_passed_over());
	route_plain()->rtm_table = RT_TABLE_COMPAT;
	mnl_attr_put_u32(message, RTA_TABLE, 1000);
	cr_assert(route_is_passed_over());
	route_plain()->rtm_table = RT_TABLE_COMPAT;
	mnl_attr_put_u32(message, RTA_TABLE, RT_TABLE_MAIN);
	cr_assert(not(route_is_passed_over()));
	route_plain()->rtm_tos = 0x10;
	cr_assert(route_is_passed_over());
	route_plain()->rtm_flags = RTM_F_CLONED;
	cr_assert(route_is_passed_over());
	route_plain()->rtm_flags = RTNH_F_DEAD;
	cr_assert(route_is_passed_over());
}

Test(kernel_route, a_route_that_no_frame_of_ours_may_take_is_kept_without_an_interface)
{
	static const uint8_t types[] = {RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST,
		RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW};

	for (unsigned i = 0; i < sizeof(types); i++) {
		route_plain()->rtm_type = types[i];
		cr_assert(eq(uint, route_read().interface, 0));
	}
	route_plain()->rtm_table = RT_TABLE_LOCAL;
	cr_assert(route_read().local);
	cr_assert(eq(uint, route_read().interface, 0));
	// For some sources alone; wrapped into a tunnel; by a gateway of a family that is not known.
	route_plain()->rtm_src_len = 64;
	cr_assert(eq(uint, route_read().interface, 0));
	(void)route_plain();
	mnl_attr_put_u16(message, RTA_ENCAP_TYPE, 1);
	mnl_attr_put_u32(message, RTA_ENCAP, 1);
	cr_assert(eq(uint, route_read().interface, 0));
	(void)route_begin(AF_INET, 0);
	mnl_attr_put_u32(message, RTA_OIF, 5);
	mnl_attr_put(message, RTA_VIA, 6, "\x1c\0\1\2\3\4");
	cr_assert(eq(uint, route_read().interface, 0));
	(void)route_begin(AF_INET, 0);
	mnl_attr_put_u32(message, RTA_OIF, 5);
	mnl_attr_put(message, RTA_GATEWAY, 3, "\xc0\0\2");
	cr_assert(eq(uint, route_read().interface, 0));
	// A next hop that only has a number.
	(void)route_begin(AF_INET, 0);
	mnl_attr_put_u32(message, RTA_NH_ID, 9);
	cr_assert(eq(uint, route_read().interface, 0));
}

Test(kernel_route, a_prefix_that_cannot_be_is_passed_over)
{
	(void)route_begin(AF_INET, 33);
	mnl_attr_put(message, RTA_DST, 4, "\xcb\0\x71\0");
	cr_assert(route_is_passed_over());
	(void)route_begin(AF_INET6, 129);
	mnl_attr_put(message, RTA_DST, 16, "0123456789abcdef");
	cr_assert(route_is_passed_over());
	(void)route_begin(AF_INET, 24);
	cr_assert(route_is_passed_over());
	(void)route_begin(AF_INET6, 24);
	mnl_attr_put(message, RTA_DST, 4, "\xcb\0\x71\0");
	cr_assert(route_is_passed_over());
	(void)route_begin(AF_MPLS, 0);
	cr_assert(route_is_passed_over());
}

struct way {
	struct rtnexthop head;
	struct nlattr attribute;
	uint8_t gateway[4];
};

static struct way way_make(int interface, uint8_t last, uint8_t flags)
{
	return (struct way){
		.head = {.rtnh_len = sizeof(struct way),
			.rtnh_flags = flags,
			.rtnh_ifindex = interface},
		.attribute = {.nla_len = 8, .nla_type = RTA_GATEWAY},
		.gateway = {192, 0, 2, last},
	};
}

static void route_begin_ways(const struct way *ways, size_t octets)
{
	(void)route_begin(AF_INET, 0);
	mnl_attr_put(message, RTA_MULTIPATH, octets, ways);
}

Test(kernel_route, of_several_ways_the_first_that_lives)
{
	struct way ways[3] = {way_make(5, 1, RTNH_F_DEAD), way_make(6, 2, 0), way_make(7, 3, 0)};

	route_begin_ways(ways, sizeof(ways));
	struct next_hop_route route = route_read();

	cr_assert(eq(uint, route.interface, 6));
	cr_assert(eq(int, route.gateway.address[3], 2));
	ways[1].head.rtnh_flags = ways[2].head.rtnh_flags = RTNH_F_DEAD;
	route_begin_ways(ways, sizeof(ways));
	cr_assert(route_is_passed_over());
}

Test(kernel_route, ways_whose_lengths_lie_end_there)
{
	static const uint16_t lengths[] = {0, 1, sizeof(struct rtnexthop) - 1,
		sizeof(struct way) + 1, 2 * sizeof(struct way) + 1, UINT16_MAX};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct way ways[2] = {way_make(5, 1, RTNH_F_DEAD), way_make(6, 2, RTNH_F_DEAD)};

		ways[0].head.rtnh_len = lengths[i];
		route_begin_ways(ways, sizeof(ways));
		cr_assert(route_is_passed_over());
	}
}

Test(kernel_route, nothing_is_read_past_the_end_of_a_message)
{
	const struct way ways[2] = {way_make(5, 1, RTNH_F_DEAD), way_make(6, 2, 0)};

	(void)route_plain();
	message_read_cut();
	route_begin_ways(ways, sizeof(ways));
	message_read_cut();
	// The whole was there to be read.
	cr_assert(eq(uint, route_read().interface, 6));
}
