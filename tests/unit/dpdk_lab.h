// dpdk_lab.h: a device of rings in this process: tests feed frames and take what was sent.
//
// A worker's end stands on queue n of device 0. Listener 1 is IPv4 (192.0.2.1:5060), 2 IPv6 ([2001:db8::1]:5060), 3 IPv4 on port 5080.
// Their guard sockets are bound to loopback. A neighbour is at .9 (::9) on the link; one at .8 (::8) is stale; the rest is unknown.
// VLAN 42 is the host's, and no other.

#pragma once

#include "frame.h"
#include "io_dpdk.h"

#include <weir/span.h>

#include <rte_mbuf.h>

#include <stdatomic.h>

enum {
	LAB_WORKERS_MAX = 2,
	LAB_LISTENERS = 3,
	LAB_RING = 256, // frames that each ring takes
	LAB_FRAME_MAX = 2048,
	LAB_INTERFACE = 7,
};

struct dpdk_lab {
	unsigned workers;
	struct io_port *port[LAB_WORKERS_MAX];
	int wakeup[LAB_WORKERS_MAX];
	struct rte_ring *in[LAB_WORKERS_MAX];
	struct rte_ring *out[LAB_WORKERS_MAX];
	struct rte_mempool *pool; // the device's
	struct rte_mempool *foreign;
	struct io_dpdk_listener listeners[LAB_LISTENERS];
	struct endpoint guard_at[LAB_LISTENERS];
	const struct next_hops *_Atomic hops;
	unsigned baseline; // packets out before anything happened
};

extern const uint8_t lab_mac[NEXT_HOP_MAC_OCTETS]; // the device's, as the picture says
extern const uint8_t lab_peer_mac[NEXT_HOP_MAC_OCTETS];

// Starts DPDK in this test's process. packets 0: as many as the device wants.
void dpdk_lab_open(struct dpdk_lab *lab, unsigned workers, unsigned packets);
// The same listeners, for one worker, on another device than rings.
void dpdk_lab_open_device(struct dpdk_lab *lab, const char *device);
// Asserts that every packet is back.
void dpdk_lab_close(struct dpdk_lab *lab);
// "192.0.2.9", port.
struct endpoint dpdk_lab_endpoint(const char *address, uint16_t port);
// A frame with a datagram; returns its length. vlan 0: no tag.
size_t dpdk_lab_datagram(uint8_t out[LAB_FRAME_MAX], const struct endpoint *from,
	const struct endpoint *to, uint16_t vlan, struct span payload);
// The frame comes to this worker's queue. pool: whose mbuf it comes in. False: the ring is full, or the pool empty.
bool dpdk_lab_feed(
	struct dpdk_lab *lab, unsigned worker, struct rte_mempool *pool, struct span frame);
// As dpdk_lab_feed(), with a datagram, from the device's pool; asserts.
void dpdk_lab_feed_datagram(struct dpdk_lab *lab, unsigned worker, const struct endpoint *from,
	unsigned listener, struct span payload);
// The next frame that this worker sent; its length, 0: there is none.
size_t dpdk_lab_take(struct dpdk_lab *lab, unsigned worker, uint8_t out[LAB_FRAME_MAX]);
// A packet that control might have written.
struct packet *dpdk_lab_packet(struct dpdk_lab *lab, unsigned worker, const struct endpoint *peer,
	uint8_t listener, struct span octets);
// A UDP socket on loopback, bound to a free port, written to *at.
int dpdk_lab_socket(int family, struct endpoint *at);
// Sum of one counter (by offset in struct dpdk_queue_counters) over a device's queues.
uint64_t dpdk_lab_counter(const struct dpdk_lab *lab, size_t offset);
#define LAB_COUNTER(lab, name) dpdk_lab_counter(lab, offsetof(struct dpdk_queue_counters, name))
