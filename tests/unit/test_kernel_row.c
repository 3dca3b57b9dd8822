// test_kernel_row.c: messages of the kernel's tables, also such as this host's kernel does not send.

#include "guard.h"
#include "kernel_row.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

static _Alignas(struct nlmsghdr) uint8_t room[1024];
static struct nlmsghdr *message;

static void *message_begin(uint16_t type, size_t header)
{
	memset(room, 0, sizeof(room));
	message = mnl_nlmsg_put_header(room);
	message->nlmsg_type = type;
	return mnl_nlmsg_put_extra_header(message, header);
}

// --- Links ---

static struct ifinfomsg *link_begin(void)
{
	struct ifinfomsg *header = message_begin(RTM_NEWLINK, sizeof(*header));

	header->ifi_type = ARPHRD_ETHER;
	header->ifi_index = 7;
	header->ifi_flags = IFF_UP | IFF_RUNNING;
	mnl_attr_put(message, IFLA_ADDRESS, 6, "\2\0\0\0\0\7");
	mnl_attr_put_u32(message, IFLA_MTU, 1500);
	return header;
}

static void put_vlan(const char *kind, uint16_t id, uint16_t protocol)
{
	mnl_attr_put_u32(message, IFLA_LINK, 3);
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);

	mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
	struct nlattr *data = mnl_attr_nest_start(message, IFLA_INFO_DATA);

	mnl_attr_put_u16(message, IFLA_VLAN_PROTOCOL, htons(protocol));
	mnl_attr_put_u16(message, IFLA_VLAN_ID, id);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
}

Test(kernel_row, a_link_is_told_whole)
{
	struct kernel_link link;

	(void)link_begin();
	cr_assert(kernel_link_read(message, &link));
	cr_assert(eq(uint, link.interface, 7));
	cr_assert(eq(uint, link.parent, 0));
	cr_assert(eq(int, link.vlan, 0));
	cr_assert(eq(int, link.mtu, 1500));
	cr_assert(link.running);
	cr_assert(eq(int, memcmp(link.mac, "\2\0\0\0\0\7", 6), 0));
}

Test(kernel_row, a_link_runs_when_it_is_up_and_has_a_carrier)
{
	struct kernel_link link;

	link_begin()->ifi_flags = IFF_UP;
	cr_assert(kernel_link_read(message, &link));
	cr_assert(not(link.running));
	link_begin()->ifi_flags = IFF_RUNNING;
	cr_assert(kernel_link_read(message, &link));
	cr_assert(not(link.running));
}

Test(kernel_row, an_mtu_beyond_ip_is_as_large_as_ip)
{
	struct kernel_link link;

	(void)link_begin();
	mnl_attr_put_u32(message, IFLA_MTU, 65536);
	cr_assert(kernel_link_read(message, &link));
	cr_assert(eq(int, link.mtu, 65535));
}

Test(kernel_row, a_vlan_is_known_with_its_number_and_its_parent)
{
	struct kernel_link link;

	(void)link_begin();
	put_vlan("vlan", 100, ETH_P_8021Q);
	cr_assert(kernel_link_read(message, &link));
	cr_assert(eq(uint, link.parent, 3));
	cr_assert(eq(int, link.vlan, 100));
	// The other end of a veth is no parent.
	(void)link_begin();
	put_vlan("veth", 100, ETH_P_8021Q);
	cr_assert(kernel_link_read(message, &link));
	cr_assert(eq(uint, link.parent, 0));
	cr_assert(eq(int, link.vlan, 0));
}

Test(kernel_row, a_link_that_frames_of_ours_cannot_use_is_none)
{
	struct kernel_link link;

	(void)link_begin();
	put_vlan("vlan", 100, ETH_P_8021AD);
	cr_assert(not(kernel_link_read(message, &link)));
	(void)link_begin();
	put_vlan("vlan", 0, ETH_P_8021Q);
	cr_assert(not(kernel_link_read(message, &link)));
	// Its parent is in another namespace, where the same number is another interface.
	(void)link_begin();
	put_vlan("vlan", 100, ETH_P_8021Q);
	mnl_attr_put_u32(message, IFLA_LINK_NETNSID, 0);
	cr_assert(not(kernel_link_read(message, &link)));
	link_begin()->ifi_type = ARPHRD_LOOPBACK;
	cr_assert(not(kernel_link_read(message, &link)));
	(void)link_begin();
	mnl_attr_put(message, IFLA_ADDRESS, 4, "\2\0\0\0");
	cr_assert(not(kernel_link_read(message, &link)));
}

// --- Routes ---

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

Test(kernel_row, a_route_is_told_whole)
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

Test(kernel_row, a_route_of_another_table_or_service_is_passed_over)
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

Test(kernel_row, a_route_that_no_frame_of_ours_may_take_is_kept_without_an_interface)
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

Test(kernel_row, a_prefix_that_cannot_be_is_passed_over)
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

Test(kernel_row, of_several_ways_the_first_that_lives)
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

Test(kernel_row, ways_whose_lengths_lie_end_there)
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

// --- Neighbours ---

static struct ndmsg *neighbour_begin(uint16_t state)
{
	struct ndmsg *header = message_begin(RTM_NEWNEIGH, sizeof(*header));

	header->ndm_family = AF_INET;
	header->ndm_ifindex = 5;
	header->ndm_state = state;
	mnl_attr_put(message, NDA_DST, 4, "\xc0\0\2\1");
	mnl_attr_put(message, NDA_LLADDR, 6, "\2\0\0\0\0\1");
	return header;
}

Test(kernel_row, a_neighbour_is_known_in_the_states_in_which_the_kernel_sends_to_it)
{
	static const struct {
		uint16_t state;
		bool known, stale;
	} states[] = {{NUD_INCOMPLETE, false, false}, {NUD_REACHABLE, true, false},
		{NUD_STALE, true, true}, {NUD_DELAY, true, false}, {NUD_PROBE, true, false},
		{NUD_FAILED, false, false}, {NUD_NOARP, true, false}, {NUD_PERMANENT, true, false},
		{NUD_NONE, false, false}};

	for (unsigned i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct next_hop_neighbour neighbour;

		(void)neighbour_begin(states[i].state);
		cr_assert(eq(int, kernel_neighbour_read(message, &neighbour), states[i].known));
		if (!states[i].known)
			continue;
		cr_assert(eq(int, neighbour.stale, states[i].stale));
		cr_assert(eq(uint, neighbour.interface, 5));
		cr_assert(eq(int, neighbour.address.family, ENDPOINT_V4));
		cr_assert(eq(int, memcmp(neighbour.address.address, "\xc0\0\2\1", 4), 0));
		cr_assert(eq(int, memcmp(neighbour.mac, "\2\0\0\0\0\1", 6), 0));
	}
}

Test(kernel_row, what_is_no_neighbour_on_ethernet_is_passed_over)
{
	struct next_hop_neighbour neighbour;

	neighbour_begin(NUD_REACHABLE)->ndm_flags = NTF_PROXY;
	cr_assert(not(kernel_neighbour_read(message, &neighbour)));
	neighbour_begin(NUD_REACHABLE)->ndm_family = AF_BRIDGE;
	cr_assert(not(kernel_neighbour_read(message, &neighbour)));
	neighbour_begin(NUD_REACHABLE)->ndm_family = AF_INET6;
	cr_assert(not(kernel_neighbour_read(message, &neighbour)));
	neighbour_begin(NUD_REACHABLE)->ndm_ifindex = 0;
	cr_assert(not(kernel_neighbour_read(message, &neighbour)));
	(void)neighbour_begin(NUD_REACHABLE);
	mnl_attr_put(message, NDA_LLADDR, 4, "\2\0\0\0");
	cr_assert(not(kernel_neighbour_read(message, &neighbour)));
}

// --- Rules ---

static struct fib_rule_hdr *rule_begin(uint32_t priority, uint8_t table)
{
	struct fib_rule_hdr *header = message_begin(RTM_NEWRULE, sizeof(*header));

	header->family = AF_INET;
	header->table = table;
	header->action = FR_ACT_TO_TBL;
	if (priority != 0)
		mnl_attr_put_u32(message, FRA_PRIORITY, priority);
	return header;
}

Test(kernel_row, the_rules_of_every_host_divert_nothing)
{
	(void)rule_begin(0, RT_TABLE_LOCAL);
	cr_assert(not(kernel_rule_diverts(message)));
	(void)rule_begin(32766, RT_TABLE_MAIN);
	cr_assert(not(kernel_rule_diverts(message)));
	(void)rule_begin(32767, RT_TABLE_DEFAULT);
	cr_assert(not(kernel_rule_diverts(message)));
	(void)rule_begin(32765, RT_TABLE_MAIN);
	cr_assert(kernel_rule_diverts(message));
	(void)rule_begin(100, 100);
	cr_assert(kernel_rule_diverts(message));
}

Test(kernel_row, a_rule_about_packets_that_we_never_send_diverts_nothing)
{
	(void)rule_begin(100, 100);
	mnl_attr_put_u32(message, FRA_FWMARK, 5);
	cr_assert(not(kernel_rule_diverts(message)));
	(void)rule_begin(100, 100);
	mnl_attr_put_strz(message, FRA_IIFNAME, "eth0");
	cr_assert(not(kernel_rule_diverts(message)));
	(void)rule_begin(100, 100);
	mnl_attr_put_strz(message, FRA_OIFNAME, "eth0");
	cr_assert(not(kernel_rule_diverts(message)));
	(void)rule_begin(1000, RT_TABLE_UNSPEC);
	mnl_attr_put_u8(message, FRA_L3MDEV, 1);
	cr_assert(not(kernel_rule_diverts(message)));
	rule_begin(100, 100)->tos = 0x10;
	cr_assert(not(kernel_rule_diverts(message)));
	// "lo" is where our own packets come from; "not" turns a rule round.
	(void)rule_begin(100, 100);
	mnl_attr_put_strz(message, FRA_IIFNAME, "lo");
	cr_assert(kernel_rule_diverts(message));
	rule_begin(100, 100)->flags = FIB_RULE_INVERT;
	mnl_attr_put_u32(message, FRA_FWMARK, 5);
	cr_assert(kernel_rule_diverts(message));
}

// --- Any of them, cut off ---

// What was cut off says so in its own length: nothing past it is read.
static void read_cut(const struct guard *guard)
{
	struct kernel_link link;
	struct next_hop_route route;
	struct next_hop_neighbour neighbour;
	size_t whole = message->nlmsg_len;

	for (size_t length = sizeof(*message); length < whole; length += 4) {
		struct nlmsghdr *cut = memcpy(guard_end(guard, length), message, length);

		cut->nlmsg_len = (uint32_t)length;
		(void)kernel_link_read(cut, &link);
		(void)kernel_route_read(cut, &route);
		(void)kernel_neighbour_read(cut, &neighbour);
		(void)kernel_rule_diverts(cut);
	}
}

Test(kernel_row, nothing_is_read_past_the_end_of_a_message)
{
	const struct way ways[2] = {way_make(5, 1, RTNH_F_DEAD), way_make(6, 2, 0)};
	struct guard guard = guard_new(sizeof(room));
	struct kernel_link link;

	(void)link_begin();
	put_vlan("vlan", 100, ETH_P_8021Q);
	read_cut(&guard);
	(void)route_plain();
	read_cut(&guard);
	route_begin_ways(ways, sizeof(ways));
	read_cut(&guard);
	(void)neighbour_begin(NUD_REACHABLE);
	read_cut(&guard);
	(void)rule_begin(100, 100);
	mnl_attr_put_strz(message, FRA_IIFNAME, "eth0");
	read_cut(&guard);
	message->nlmsg_len = sizeof(*message);
	cr_assert(not(kernel_link_read(message, &link)));
	guard_free(&guard);
}
