// kernel_row.h: one message of the kernel's tables, and what it means to somebody who writes frames.

#pragma once

#include "io/next_hop.h"
#include "netlink.h"

// A network interface.
struct kernel_link {
	uint32_t interface;
	uint32_t parent; // of a VLAN; else 0
	uint16_t vlan; // else 0
	uint16_t mtu;
	bool running; // up, and its carrier too
	uint8_t mac[NEXT_HOP_MAC_OCTETS];
};

// False: no Ethernet, or a VLAN of a kind that frames here are not.
[[nodiscard]] bool kernel_link_read(const struct nlmsghdr *message, struct kernel_link *link);
// False: a packet of ours would not ask it.
[[nodiscard]] bool kernel_route_read(const struct nlmsghdr *message, struct next_hop_route *route);
// False: the kernel does not know its MAC address now.
[[nodiscard]] bool kernel_neighbour_read(
	const struct nlmsghdr *message, struct next_hop_neighbour *neighbour);
// True: a rule that might send a packet of ours past the tables "local" and "main".
[[nodiscard]] bool kernel_rule_diverts(const struct nlmsghdr *message);
