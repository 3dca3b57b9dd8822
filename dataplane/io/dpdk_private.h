// dpdk_private.h: what the files of the DPDK backend share.
//
//     dpdk_eal.c       the EAL's start and end            dpdk_receive.c    frames to packets
//     dpdk_log.c       what it says about failures        dpdk_send.c       packets to frames
//     dpdk_device.c    devices, from name to running      dpdk_guard.c      the kernel's way out
//     dpdk_queue.c     queues, one a worker               dpdk_guard.c      the kernel's way out
//     dpdk_name.c      words that a driver must be told   dpdk_listeners.c  whose datagram it is
//     dpdk_pool.c      packets in mbufs                   dpdk_wait.c       idle
//     dpdk_port.c      one worker's end                   dpdk_fragment.c   datagrams in pieces
//     dpdk_link.c      whether frames are carried         dpdk_xdp.c        the kernel's part of af_xdp
//     dpdk_telemetry.c counters for whoever asks          dpdk_tap.c        the kernel's part of a card

#pragma once

#include "frame.h"
#include "io_dpdk.h"
#include "pool.h"
#include "reassembly.h"
#include "socket_error.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <assert.h>
#include <stdbool.h>

static_assert((int)NEXT_HOP_DEVICES_MAX == (int)DPDK_DEVICES_MAX, "devices");

enum {
	DPDK_DESCRIPTORS = 1024, // of a receive or send queue; the driver may want fewer
	DPDK_CACHE_PACKETS = 256, // of a pool that a thread keeps for itself
	DPDK_KERNEL_HEAD_ROOM = 256, // that XDP takes in every buffer (XDP_PACKET_HEADROOM)
	DPDK_FRAME_EXTRA = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN,
	// As many as with kernel sockets, and those that wait for their fragments. What is never used is never touched.
	DPDK_LARGE_PACKETS = 2 * BURST_MAX + 16 + REASSEMBLY_DATAGRAMS_MAX,
	DPDK_COMPLETE_NAME_MAX = DPDK_DEVICE_NAME_MAX + 80,
	DPDK_NONE = 0xff,
	DPDK_LISTENER_SLOTS = 256, // a power of two, twice LISTENERS_MAX
};

// A counter stands on lines of its own worker.
struct dpdk_queue {
	_Alignas(RTE_CACHE_LINE_SIZE) struct dpdk_queue_counters counters;
	uint16_t port; // the ethdev's number
	uint16_t number; // of the queue in it
	bool open; // the ethdev is closed with this queue
	int socket; // split: its XDP socket
	int tap; // this worker's queue of the tap; -1: there is none
};

struct dpdk_device {
	char name[DPDK_DEVICE_NAME_MAX]; // set before threads start, like all but the atomics
	char driver[32];
	uint16_t port; // the ethdev's number, the first if there are several
	bool split; // an ethdev for each worker: the driver cannot give several queues to one
	uint16_t mtu;
	uint32_t interface; // the kernel's index; 0: none
	unsigned workers;
	unsigned checksums; // enum frame_checksums that the device fills in
	// What the driver cuts, since the kernel puts fragments together before it: a guard socket takes it. 0: nothing.
	unsigned cut_above; // UDP length
	unsigned cut_frame; // octets that are left of the frame
	unsigned node; // whose memory it likes best
	uint32_t tap_interface; // the kernel's index of the tap that stands in for it; 0: none does
	struct rte_mempool *pool;
	struct dpdk_queue *queues; // one a worker
	int program; // file of the XDP program, until it is attached; -1: none
	int hold; // keeps it attached; -1: nothing does
	bool running;
	_Atomic bool up; // any thread writes, all read; relaxed
	_Atomic uint32_t speed_mbit; // as `up`; 0: unknown
	_Atomic uint64_t
		ask_next; // when a sender asks whether a dead link has come back, in cycles; as `up`
};

// Whose a datagram is, by device, address and port, and by what is known to the worker.
struct dpdk_listener {
	struct io_dpdk_listener given;
	int family; // of its guard socket, AF_INET or AF_INET6
	bool ready; // its guard socket may have something
};

struct dpdk_listeners {
	unsigned count;
	struct dpdk_listener entry[LISTENERS_MAX];
	uint8_t by_id[LISTENERS_MAX + 1]; // index into entry, or DPDK_NONE
	uint8_t slot[DPDK_LISTENER_SLOTS]; // the same, by hash
};

// One worker's end. All of it is the worker's but what is set before threads start.
struct io_dpdk {
	struct io_port port;
	unsigned worker;
	const struct next_hops *const _Atomic *hops;
	enum dpdk_idle idle;
	int wakeup; // eventfd, borrowed
	int epoll; // the wakeup and the guard sockets' errors
	bool registered; // this thread is known to the EAL
	bool guard_ready; // a guard socket may have something
	bool tap_ready; // as may a tap
	unsigned receives_per_look; // between two looks at what epoll knows
	unsigned device_count;
	unsigned next; // device that is received from first, so that none starves
	unsigned receives; // since the guard sockets were asked for errors
	unsigned idle_turns; // waits without a frame before
	unsigned pending_count;
	unsigned pending_device;
	struct rte_mbuf *pending[BURST_MAX]; // received by a wait
	uint64_t ask_next
		[64]; // when the kernel is asked for a stale neighbour again, in cycles, by MAC address
	struct dpdk_listeners listeners;
	struct socket_errors errors;
	struct pool large;
	struct reassembly *reassembly; // in packets of `large`
};

static inline struct io_dpdk *dpdk_of(struct io_port *port)
{
	return (struct io_dpdk *)port;
}

// One writer: no locked instruction.
static inline void dpdk_count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
		memory_order_relaxed);
}

// --- dpdk_log.c ---

// Says what went wrong, then the first thing that the EAL or a driver said since dpdk_log_clear(), if anything. Returns error.
__attribute__((format(printf, 3, 4))) int dpdk_complain(
	char complaint[DPDK_COMPLAINT_MAX], int error, const char *format, ...);
// From now on the EAL's lines are seen here and go to stderr. 0 or a negative errno.
[[nodiscard]] int dpdk_log_open(void);
void dpdk_log_clear(void);

// --- dpdk_name.c ---

// The name without its words: what the device is called. A PCI address becomes a whole one.
void dpdk_name_cut(const char *name, char cut[DPDK_DEVICE_NAME_MAX]);
[[nodiscard]] bool dpdk_name_is_pci(const char *name);
// It is af_xdp's, and its operator has given it no XDP program.
[[nodiscard]] bool dpdk_name_wants_program(const char *name);
// The driver cannot give the queues of this interface to one ethdev, and can to several.
[[nodiscard]] bool dpdk_name_wants_split(const char *name, unsigned workers);
// What a driver must be told.
struct dpdk_name_words {
	unsigned queues;
	bool split;
	unsigned member; // split: which of them
	int program; // file of an XDP program; -1: none
};
// The name with these words, unless they are said already. False: it does not fit.
[[nodiscard]] bool dpdk_name_complete(
	const char *name, const struct dpdk_name_words *words, char out[DPDK_COMPLETE_NAME_MAX]);

// --- dpdk_eal.c ---

[[nodiscard]] bool dpdk_is_started(void);
// No other device will be opened.
[[nodiscard]] bool dpdk_is_alone(void);

// --- dpdk_telemetry.c ---

void dpdk_telemetry_begin(void);
// Nothing is answered any more: devices may go.
void dpdk_telemetry_end(void);

// --- dpdk_device.c ---

// NULL: there is no such device.
[[nodiscard]] struct dpdk_device *dpdk_device_at(unsigned index);
[[nodiscard]] unsigned dpdk_device_count(void);
void dpdk_devices_close(void);

// --- dpdk_queue.c ---

// All queues of a device whose ethdevs are there. 0 or a negative errno, complaint set.
[[nodiscard]] int dpdk_queues_open(struct dpdk_device *device,
	const struct dpdk_device_options *options, const struct rte_eth_dev_info *info,
	char complaint[DPDK_COMPLAINT_MAX]);

// --- dpdk_xdp.c ---

// The program as a file in memory; a negative errno.
[[nodiscard]] int dpdk_xdp_open(void);
// Before the driver attaches the program: one that a killed process has left over is taken away. -EBUSY: it is a living process's.
[[nodiscard]] int dpdk_xdp_clear(uint32_t interface);
// After that: attach it so that it goes with this process. Returns the descriptor that holds it, or a negative errno.
[[nodiscard]] int dpdk_xdp_hold(uint32_t interface);
// And say what is ours. 0 or a negative errno.
[[nodiscard]] int dpdk_xdp_fill(
	uint32_t interface, const struct endpoint *addresses, unsigned count);

// The XDP socket that the driver has opened after those of these queues; -1: none.
[[nodiscard]] int dpdk_xdp_socket_find(const struct dpdk_queue *queues, unsigned count);
// Frames of this queue of the interface go to that socket.
[[nodiscard]] int dpdk_xdp_socket_put(uint32_t interface, uint32_t queue, int socket);

// --- dpdk_link.c ---

// How many queues the interface of this name has, if they are of separate kinds (ethtool's "RX", not "Combined"); 0: otherwise.
[[nodiscard]] unsigned dpdk_link_separate_queues(const char *interface);
// Ask the device and the kernel. True: it carries frames.
bool dpdk_link_update(struct dpdk_device *device);
// For the sender: as last seen; a dead link is asked again every few milliseconds. True: it carries frames.
[[nodiscard]] bool dpdk_link_carries(struct dpdk_device *device);
// The MTU of the kernel's interface; 0: it has none.
[[nodiscard]] uint16_t dpdk_link_mtu(uint32_t interface);

// --- dpdk_pool.c ---

// Buffers for frames of this MTU, so that behind each the tail room is free. NULL: no memory.
[[nodiscard]] struct rte_mempool *dpdk_pool_new(
	unsigned device, unsigned count, unsigned mtu, unsigned node);
// The packet that lives in an mbuf of a pool of ours.
static inline struct packet *dpdk_pool_packet(struct rte_mbuf *mbuf)
{
	return rte_mbuf_to_priv(mbuf);
}

// --- dpdk_listeners.c ---

// 0 or a negative errno.
[[nodiscard]] int dpdk_listeners_add(
	struct dpdk_listeners *listeners, const struct io_dpdk_listener *given, int family);
// NULL: nobody's.
[[nodiscard]] const struct dpdk_listener *dpdk_listeners_find(
	const struct dpdk_listeners *listeners, unsigned device, const struct endpoint *at);
[[nodiscard]] const struct dpdk_listener *dpdk_listeners_get(
	const struct dpdk_listeners *listeners, uint8_t id);

// --- dpdk_guard.c ---

// From now on the socket takes datagrams alone that are longer than this with UDP's header; 0: none. That is for good. 0 or a
// negative errno.
[[nodiscard]] int dpdk_guard_close_ears(int guard, unsigned above);
// Take what guard sockets have been found to have.
[[nodiscard]] unsigned dpdk_guard_receive(
	struct io_dpdk *io, struct packet **packets, unsigned max);
// True: the kernel took it.
[[nodiscard]] bool dpdk_guard_send(
	struct io_dpdk *io, const struct dpdk_listener *listener, const struct packet *packet);

// --- dpdk_tap.c ---

// For what is not ours on a card that is not the kernel's. 0 or a negative errno, complaint set.
[[nodiscard]] int dpdk_tap_open(
	struct dpdk_device *device, const char *interface, char complaint[DPDK_COMPLAINT_MAX]);
void dpdk_tap_close(struct dpdk_device *device);
// Takes the mbuf.
void dpdk_tap_give(const struct dpdk_queue *queue, struct rte_mbuf *mbuf);
// What the kernel has sent goes out by the cards.
void dpdk_tap_carry(struct io_dpdk *io);

// --- dpdk_fragment.c ---

// Its address is a listener's: nobody else's pieces are kept.
[[nodiscard]] bool dpdk_fragment_is_ours(
	const struct io_dpdk *io, unsigned index, const struct frame *frame);
// Takes the mbuf. NULL: the datagram is not whole, or not to be had.
[[nodiscard]] struct packet *dpdk_fragment_take(struct io_dpdk *io, unsigned index,
	struct dpdk_queue_counters *counters, struct rte_mbuf *mbuf, const struct frame *frame);
// Give up what has waited too long.
void dpdk_fragment_expire(struct io_dpdk *io);

// --- dpdk_receive.c, dpdk_send.c, dpdk_wait.c, dpdk_port.c ---

unsigned dpdk_receive(struct io_port *port, struct packet **packets, unsigned max);
uint32_t dpdk_send(struct io_port *port, struct packet **packets, unsigned count);
void dpdk_wait(struct io_port *port, uint32_t timeout_ms);
// Look at what epoll knows: errors of guard sockets, the wakeup.
void dpdk_wait_look(struct io_dpdk *io);
void dpdk_release(struct io_port *port, struct packet **packets, unsigned count);
// The worker's thread becomes one that DPDK knows, so that it has packets of its own to hand.
void dpdk_port_enter(struct io_dpdk *io);
