// dpdk_xdp.bpf.c: the XDP program: our UDP goes to the workers, all else to the kernel.
//
// What is for us: UDP to a listener's address and port, and fragments of UDP to a listener's address, over IPv4 and IPv6, behind at most
// one VLAN tag. Where no worker takes a queue's frames (the process is gone), all goes to the kernel.

#include "dpdk_xdp.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

enum {
	IP_FRAGMENT_BITS = 0x3fff, // more fragments, and the offset
	IPV6_HEADERS_MAX = 4, // between IPv6 and UDP
	IPV6_HOP_BY_HOP = 0,
	IPV6_ROUTING = 43,
	IPV6_FRAGMENT = 44,
	IPV6_OPTIONS = 60,
};

// The driver puts its sockets in here, by queue; it knows the map by this name.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, DPDK_XDP_QUEUES_MAX);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

// The value is the process that listens: who finds the program attached can tell whether it is anybody's.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DPDK_XDP_LISTENERS_MAX);
	__type(key, struct dpdk_xdp_key);
	__type(value, __u32);
} listeners SEC(".maps");

struct vlan_tag {
	__be16 control;
	__be16 type;
};

struct ipv6_extension {
	__u8 next;
	__u8 length; // in units of 8 octets beyond the first
};

static __always_inline int redirect_known(struct xdp_md *frame, const struct dpdk_xdp_key *key)
{
	if (bpf_map_lookup_elem(&listeners, key) == NULL)
		return XDP_PASS;
	return (int)bpf_redirect_map(&xsks_map, frame->rx_queue_index, XDP_PASS);
}

// key has the address; at stands where UDP must.
static __always_inline int take_udp(struct xdp_md *frame, struct dpdk_xdp_key *key, void *at)
{
	struct udphdr *udp = at;

	if ((void *)(udp + 1) > (void *)(long)frame->data_end)
		return XDP_PASS;
	key->port = bpf_ntohs(udp->dest);
	return redirect_known(frame, key);
}

static __always_inline int take_ipv4(struct xdp_md *frame, void *at)
{
	struct dpdk_xdp_key key = {.family = 4};
	struct iphdr *ip = at;

	if ((void *)(ip + 1) > (void *)(long)frame->data_end || ip->ihl < 5)
		return XDP_PASS;
	if (ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	__builtin_memcpy(key.address, &ip->daddr, sizeof(ip->daddr));
	if ((ip->frag_off & bpf_htons(IP_FRAGMENT_BITS)) != 0)
		return redirect_known(frame, &key);
	return take_udp(frame, &key, at + ip->ihl * 4);
}

static __always_inline int take_ipv6(struct xdp_md *frame, void *at)
{
	struct dpdk_xdp_key key = {.family = 6};
	struct ipv6hdr *ip = at;

	if ((void *)(ip + 1) > (void *)(long)frame->data_end)
		return XDP_PASS;
	__u8 next = ip->nexthdr;

	__builtin_memcpy(key.address, &ip->daddr, sizeof(ip->daddr));
	at = ip + 1;
	for (int i = 0; i < IPV6_HEADERS_MAX && next != IPPROTO_UDP; i++) {
		struct ipv6_extension *extension = at;

		if ((void *)(extension + 1) > (void *)(long)frame->data_end)
			return XDP_PASS;
		if (next == IPV6_FRAGMENT)
			return extension->next == IPPROTO_UDP ? redirect_known(frame, &key)
							      : XDP_PASS;
		if (next != IPV6_HOP_BY_HOP && next != IPV6_ROUTING && next != IPV6_OPTIONS)
			return XDP_PASS;
		next = extension->next;
		at += (extension->length + 1) * 8;
	}
	return next == IPPROTO_UDP ? take_udp(frame, &key, at) : XDP_PASS;
}

SEC("xdp")
int weir_xdp(struct xdp_md *frame)
{
	struct ethhdr *ethernet = (void *)(long)frame->data;
	void *at = ethernet + 1;

	if (at > (void *)(long)frame->data_end)
		return XDP_PASS;
	__be16 type = ethernet->h_proto;

	if (type == bpf_htons(ETH_P_8021Q)) {
		struct vlan_tag *tag = at;

		at = tag + 1;
		if (at > (void *)(long)frame->data_end)
			return XDP_PASS;
		type = tag->type;
	}
	if (type == bpf_htons(ETH_P_IP))
		return take_ipv4(frame, at);
	return type == bpf_htons(ETH_P_IPV6) ? take_ipv6(frame, at) : XDP_PASS;
}

// None of the helpers asks for another.
char program_license[] SEC("license") = "Apache-2.0";
