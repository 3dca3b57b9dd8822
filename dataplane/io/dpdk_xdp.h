// dpdk_xdp.h: what the XDP program and the process share: its maps by name, and the key of a listener.

#pragma once

#include <linux/types.h>

#define DPDK_XDP_PROGRAM "weir_xdp"
#define DPDK_XDP_LISTENERS "listeners"
#define DPDK_XDP_SOCKETS "xsks_map"

enum {
	DPDK_XDP_LISTENERS_MAX = 512, // LISTENERS_MAX, each with an entry for its address
	DPDK_XDP_QUEUES_MAX = 64,
};

// As struct endpoint: the address in network order, IPv4 in the first four octets; the port in host order. Port 0: fragments of
// UDP to that address, which have no port.
struct dpdk_xdp_key {
	__u8 address[16];
	__u16 port;
	__u8 family; // 4 or 6
	__u8 reserved; // zero
};
