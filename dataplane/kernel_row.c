// kernel_row.c: links, neighbours and rules, as the kernel tells them. Routes: kernel_route.c.

#include "kernel_row.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

// False: a VLAN that we cannot be part of: of another protocol, or on an interface of another namespace.
static bool vlan_read(const struct netlink_attributes *attributes, struct kernel_link *link)
{
	struct netlink_attributes info, data;

	netlink_read_nested(attributes->of[IFLA_LINKINFO], &info);
	if (!netlink_text_is(&info, IFLA_INFO_KIND, "vlan"))
		return true;
	netlink_read_nested(info.of[IFLA_INFO_DATA], &data);
	link->parent = netlink_read_u32(attributes, IFLA_LINK, 0);
	link->vlan = netlink_read_u16(&data, IFLA_VLAN_ID, 0);
	return link->parent != 0 && link->vlan != 0 && attributes->of[IFLA_LINK_NETNSID] == NULL
		&& netlink_read_u16(&data, IFLA_VLAN_PROTOCOL, 0) == htons(ETH_P_8021Q);
}

bool kernel_link_read(const struct nlmsghdr *message, struct kernel_link *link)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(message);
	const uint32_t running = IFF_UP | IFF_RUNNING;
	struct netlink_attributes attributes;

	if (!netlink_read_attributes(message, sizeof(*header), &attributes)
		|| header->ifi_type != ARPHRD_ETHER || header->ifi_index <= 0)
		return false;
	uint32_t mtu = netlink_read_u32(&attributes, IFLA_MTU, 0);

	*link = (struct kernel_link){
		.interface = (uint32_t)header->ifi_index,
		.mtu = mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu,
		.running = (header->ifi_flags & running) == running,
	};
	return netlink_copy(&attributes, IFLA_ADDRESS, link->mac, sizeof(link->mac))
		&& vlan_read(&attributes, link);
}

bool kernel_neighbour_read(const struct nlmsghdr *message, struct next_hop_neighbour *neighbour)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(message);
	const uint16_t known =
		NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
	struct netlink_attributes attributes;

	if (!netlink_read_attributes(message, sizeof(*header), &attributes)
		|| (header->ndm_state & known) == 0 || (header->ndm_flags & NTF_PROXY) != 0
		|| header->ndm_ifindex <= 0 || attributes.of[NDA_DST] == NULL)
		return false;
	*neighbour = (struct next_hop_neighbour){
		.interface = (uint32_t)header->ndm_ifindex,
		// In the states behind this one the kernel is asking already.
		.stale = (header->ndm_state & NUD_STALE) != 0,
	};
	return netlink_copy(&attributes, NDA_LLADDR, neighbour->mac, sizeof(neighbour->mac))
		&& netlink_take_address(header->ndm_family,
			mnl_attr_get_payload(attributes.of[NDA_DST]),
			mnl_attr_get_payload_len(attributes.of[NDA_DST]), &neighbour->address);
}

// The three that every host has.
static bool rule_is_standard(uint32_t priority, uint32_t table)
{
	return (priority == 0 && table == RT_TABLE_LOCAL)
		|| (priority == 32766 && table == RT_TABLE_MAIN)
		|| (priority == 32767 && table == RT_TABLE_DEFAULT);
}

// Our packets have no mark, no type of service, and leave by sockets that are bound to no interface.
static bool rule_is_for_others(
	const struct fib_rule_hdr *header, const struct netlink_attributes *attributes)
{
	if ((header->flags & FIB_RULE_INVERT) != 0)
		return false;
	return netlink_read_u32(attributes, FRA_FWMARK, 0) != 0 || header->tos != 0
		|| attributes->of[FRA_OIFNAME] != NULL || attributes->of[FRA_L3MDEV] != NULL
		|| (attributes->of[FRA_IIFNAME] != NULL
			&& !netlink_text_is(attributes, FRA_IIFNAME, "lo"));
}

bool kernel_rule_diverts(const struct nlmsghdr *message)
{
	const struct fib_rule_hdr *header = mnl_nlmsg_get_payload(message);
	struct netlink_attributes attributes;

	if (!netlink_read_attributes(message, sizeof(*header), &attributes))
		return false;
	return !rule_is_standard(netlink_read_u32(&attributes, FRA_PRIORITY, 0),
		       netlink_read_u32(&attributes, FRA_TABLE, header->table))
		&& !rule_is_for_others(header, &attributes);
}
