// test_kernel_row.c: links, neighbours and rules as the kernel tells them, also such as this host's kernel does not send.

#include "kernel_message.h"

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

Test(kernel_row, nothing_is_read_past_the_end_of_a_message)
{
	struct kernel_link link;

	(void)link_begin();
	put_vlan("vlan", 100, ETH_P_8021Q);
	message_read_cut();
	cr_assert(kernel_link_read(message, &link));
	(void)neighbour_begin(NUD_REACHABLE);
	message_read_cut();
	(void)rule_begin(100, 100);
	mnl_attr_put_strz(message, FRA_IIFNAME, "eth0");
	message_read_cut();
	message->nlmsg_len = sizeof(*message);
	cr_assert(not(kernel_link_read(message, &link)));
}
