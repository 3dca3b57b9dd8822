// next_hop.h: through which device, to which neighbour a packet leaves: a picture of the kernel's routes and neighbours.
//
// The kernel is the authority. A thread (kernel_watch.h) reads its tables by netlink, builds a picture of them and publishes it (RCU); a picture
// never changes. What it has no answer for, the kernel sends: it resolves, queues, fragments and gives up by its own bounds, and
// what it has learnt is in the next picture (docs/decisions/0007).

#pragma once

#include <weir/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NEXT_HOP_MAC_OCTETS = 6,
	// Of both families and tables. Beyond it nothing has a next hop: what is left out might have been the better way.
	NEXT_HOP_ROUTES_MAX = 4096,
	NEXT_HOP_NEIGHBOURS_MAX = 65536, // the kernel sends to more
	NEXT_HOP_DEVICES_MAX = 8,
	// Beyond a gateway a path may be narrower than our link, and only the kernel hears how narrow. Every IPv6 path takes this
	// (RFC 8200 section 5), and every IPv4 path but antiques.
	NEXT_HOP_PATH_MTU = 1280,
};

// Ready to be written into a frame.
struct next_hop {
	uint8_t device; // index of an opened device (io_dpdk.h)
	bool stale; // the kernel has not heard of this neighbour for a while: it wants to be asked now and then
	uint16_t vlan; // 0: untagged
	uint16_t mtu; // of IP packets; what is larger, the kernel sends
	uint8_t source_mac[NEXT_HOP_MAC_OCTETS];
	uint8_t destination_mac[NEXT_HOP_MAC_OCTETS];
};

struct next_hops; // one picture

// A route of the kernel's tables "local" and "main", those included that no packet of ours may take: each hides what is less specific.
struct next_hop_route {
	struct prefix prefix;
	struct endpoint gateway; // no family: on link
	uint32_t
		interface; // the kernel's index; 0 or not one of ours: the kernel sends, or refuses to
	uint32_t metric;
	uint16_t
		mtu; // as somebody set it on the route: vouches for the path beyond a gateway; 0: nobody did
	bool local; // of the table "local", which is asked first: own addresses, broadcast
};

struct next_hop_neighbour {
	struct endpoint address; // port 0
	uint32_t interface;
	uint8_t mac[NEXT_HOP_MAC_OCTETS];
	bool stale;
};

// A network interface of the kernel that is a device of ours, or a VLAN on one.
struct next_hop_interface {
	uint32_t interface;
	uint8_t device;
	uint16_t vlan; // 0: the device itself
	uint16_t mtu;
	uint8_t mac[NEXT_HOP_MAC_OCTETS];
};

// Copies all of it. NULL: out of memory. A neighbour of no interface given is left out.
[[nodiscard]] struct next_hops *next_hops_new(const struct next_hop_interface *interfaces,
	size_t interface_count, const struct next_hop_route *routes, size_t route_count,
	const struct next_hop_neighbour *neighbours, size_t neighbour_count);
void next_hops_free(struct next_hops *hops);
// Longest prefix, then least metric, then the neighbour. NULL: the kernel must send it (no route by a device of ours, neighbour
// not known, own address, multicast, broadcast, link-local). hops NULL: always so.
[[nodiscard]] const struct next_hop *next_hops_find(
	const struct next_hops *hops, const struct endpoint *destination);
// Whether the host is on this link: on the device itself it always is, of VLANs on those that it has an interface for. hops NULL:
// nobody knows, so it may be.
[[nodiscard]] bool next_hops_has_link(const struct next_hops *hops, unsigned device, uint16_t vlan);
// An address of this host, or a broadcast to it: nothing that comes by a wire was sent from there. hops NULL: nobody knows.
[[nodiscard]] bool next_hops_is_own(const struct next_hops *hops, const struct endpoint *address);
