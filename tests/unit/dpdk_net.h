// dpdk_net.h: an edge and a phone in network namespaces of their own, a veth pair between them, the edge on DPDK.
//
// The edge (192.0.2.1, 2001:db8::1 on edge0) and the phone (.2, ::2 on phone0) live in this one process, which enters the one's namespace
// or the other's. Nothing is left when the process ends, however it does. Needs root.

#pragma once

#include "io_dpdk.h"

#include <weir/span.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum {
	NET_WORKERS_MAX = 2,
	NET_LISTENERS = 2,
	NET_PORT = 5060,
	NET_LAZY_PACKETS =
		1024 + 2 * 32, // af_xdp takes them back when half of its completion ring is full
};

struct dpdk_net {
	int edge; // namespaces
	int phone;
	unsigned workers;
	struct io_port *port[NET_WORKERS_MAX];
	int wakeup[NET_WORKERS_MAX];
	struct io_dpdk_listener listeners[NET_WORKERS_MAX][NET_LISTENERS]; // 1 is IPv4, 2 IPv6
	const struct next_hops *_Atomic hops;
	unsigned baseline;
	pthread_t server;
	_Atomic bool stop; // the server
	unsigned lazy; // packets that the driver may keep for a while after they have been sent
};

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

// The edge's (number 1) or the phone's (2); returns its length.
socklen_t dpdk_net_address(
	int family, unsigned number, uint16_t port, union socket_address *address);
// False: not root. queues of each end of the veth pair. The caller is in the edge's namespace then.
bool dpdk_net_make(struct dpdk_net *net, unsigned queues);
// Opens DPDK in the edge's namespace on this device.
void dpdk_net_open(struct dpdk_net *net, const char *device, unsigned workers);
// As dpdk_net_open(), and the edge's addresses move to a tap, as if the kernel had lost the interface.
void dpdk_net_open_with_tap(struct dpdk_net *net, const char *device, unsigned workers);
// A thread serves from now on, and no more.
void dpdk_net_serve_begin(struct dpdk_net *net);
void dpdk_net_serve_end(struct dpdk_net *net);
// Waits until device 0 says so.
void dpdk_net_await_link(bool up);
// Asserts that every packet is back.
void dpdk_net_close(struct dpdk_net *net);
void dpdk_net_enter(int space);
// Runs a command in the namespace; asserts that it succeeds.
__attribute__((format(printf, 2, 3))) void dpdk_net_run(int space, const char *format, ...);
// A UDP socket of the phone's, bound to this port, that waits for at most a second.
int dpdk_net_phone(struct dpdk_net *net, int family, uint16_t port);
// From the phone's socket to the edge's port.
void dpdk_net_send(int phone, int family, uint16_t port, struct span octets);
// Workers answer with what came, on this thread, until so many have been answered or a second is over; returns how many.
unsigned dpdk_net_serve(struct dpdk_net *net, unsigned count);
struct endpoint dpdk_net_endpoint(const char *address, uint16_t port);
// True: the edge's kernel answers an ICMP echo, or takes a TCP connection.
bool dpdk_net_ping(struct dpdk_net *net, int family);
bool dpdk_net_tcp(struct dpdk_net *net, int family);
uint64_t dpdk_net_counter(const struct dpdk_net *net, size_t offset);
#define NET_COUNTER(net, name) dpdk_net_counter(net, offsetof(struct dpdk_queue_counters, name))
