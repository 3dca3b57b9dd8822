// kernel_route.c: a route, as the kernel tells it.

#include "kernel_row.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

// False: not a gateway that we understand.
static bool gateway_read(
	uint8_t family, const struct netlink_attributes *attributes, struct endpoint *gateway)
{
	const struct nlattr *same = attributes->of[RTA_GATEWAY], *other = attributes->of[RTA_VIA];

	if (same != NULL)
		return netlink_take_address(family, mnl_attr_get_payload(same),
			mnl_attr_get_payload_len(same), gateway);
	if (other == NULL)
		return true;
	const struct rtvia *via = mnl_attr_get_payload(other);
	size_t length = mnl_attr_get_payload_len(other);

	return length > sizeof(*via)
		&& netlink_take_address((uint8_t)via->rtvia_family, via->rtvia_addr,
			length - sizeof(*via), gateway);
}

// One way of a route. One that is wrapped into something, or not understood, is the kernel's: interface 0.
static void way_read(uint8_t family, uint32_t interface,
	const struct netlink_attributes *attributes, struct next_hop_route *route)
{
	bool plain = attributes->of[RTA_ENCAP] == NULL
		&& gateway_read(family, attributes, &route->gateway);

	route->interface = plain ? interface : 0;
}

// Of several ways the first that lives: the kernel would spread flows over them, and any is right.
static bool ways_read(uint8_t family, const struct nlattr *ways, struct next_hop_route *route)
{
	const uint8_t *at = mnl_attr_get_payload(ways);
	size_t left = mnl_attr_get_payload_len(ways);
	struct netlink_attributes attributes;

	while (left >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *way = (const void *)at;
		size_t length = way->rtnh_len;

		if (length < sizeof(*way) || length > left)
			return false;
		if ((way->rtnh_flags & RTNH_F_DEAD) == 0) {
			netlink_read_octets(at + sizeof(*way), length - sizeof(*way), &attributes);
			way_read(family, (uint32_t)way->rtnh_ifindex, &attributes, route);
			return true;
		}
		length = RTNH_ALIGN(length);
		at += length;
		left -= length < left ? length : left;
	}
	return false;
}

// False: no way of it lives, so that the kernel passes it over.
static bool target_read(const struct rtmsg *header, const struct netlink_attributes *attributes,
	struct next_hop_route *route)
{
	// In the table "local", and of other types, nothing is ours to send. A route for some sources alone may or may not be meant.
	if (route->local || header->rtm_type != RTN_UNICAST || header->rtm_src_len != 0)
		return true;
	if (attributes->of[RTA_MULTIPATH] != NULL)
		return ways_read(header->rtm_family, attributes->of[RTA_MULTIPATH], route);
	if ((header->rtm_flags & RTNH_F_DEAD) != 0)
		return false;
	way_read(header->rtm_family, netlink_read_u32(attributes, RTA_OIF, 0), attributes, route);
	return true;
}

static bool prefix_read(const struct rtmsg *header, const struct netlink_attributes *attributes,
	struct prefix *prefix)
{
	const struct nlattr *destination = attributes->of[RTA_DST];
	struct endpoint address = {.family = 0};
	uint8_t bits = header->rtm_family == AF_INET ? 32 : 128;

	*prefix = (struct prefix){
		.family = header->rtm_family == AF_INET ? ENDPOINT_V4 : ENDPOINT_V6,
		.length = header->rtm_dst_len,
	};
	if (header->rtm_dst_len > bits)
		return false;
	// The default route has none.
	if (destination == NULL)
		return header->rtm_dst_len == 0;
	if (!netlink_take_address(header->rtm_family, mnl_attr_get_payload(destination),
		    mnl_attr_get_payload_len(destination), &address))
		return false;
	memcpy(prefix->address, address.address, sizeof(prefix->address));
	return true;
}

static uint16_t mtu_read(const struct netlink_attributes *attributes)
{
	struct netlink_attributes metrics;

	netlink_read_nested(attributes->of[RTA_METRICS], &metrics);
	uint32_t mtu = netlink_read_u32(&metrics, RTAX_MTU, 0);

	return mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu;
}

bool kernel_route_read(const struct nlmsghdr *message, struct next_hop_route *route)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(message);
	struct netlink_attributes attributes;
	struct next_hop_route read = {.interface = 0};

	if (!netlink_read_attributes(message, sizeof(*header), &attributes)
		|| (header->rtm_family != AF_INET && header->rtm_family != AF_INET6))
		return false;
	uint32_t table = netlink_read_u32(&attributes, RTA_TABLE, header->rtm_table);

	// What the kernel has learnt of single destinations is no route; another type of service is not ours.
	if ((table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL)
		|| (header->rtm_flags & RTM_F_CLONED) != 0 || header->rtm_tos != 0)
		return false;
	read.local = table == RT_TABLE_LOCAL;
	read.metric = netlink_read_u32(&attributes, RTA_PRIORITY, 0);
	read.mtu = mtu_read(&attributes);
	if (!prefix_read(header, &attributes, &read.prefix)
		|| !target_read(header, &attributes, &read))
		return false;
	*route = read;
	return true;
}
