// io_dpdk.h: any DPDK ethdev as a backend: a NIC, af_xdp, af_packet, tap, memif, ring, pcap.
//
//     dpdk_start (EAL, once a process) -> dpdk_open_device for each device -> io_dpdk_open for each worker -> dpdk_run_devices
//
// A worker has one queue pair of every device. Each listener also has a socket in the kernel, bound to its address (guard socket):
// it keeps the kernel from answering "port unreachable", drops what it gets (a filter), hears ICMP errors, and sends what the
// fast path cannot: to an unknown or stale neighbour, by an interface that is not ours, beyond the MTU (docs/decisions/0007).

#pragma once

#include "io.h"
#include "next_hop.h"

#include <weir/side.h>

#include <stdatomic.h>

enum {
	DPDK_DEVICES_MAX = 8,
	DPDK_DEVICE_NAME_MAX = 112, // octets of a PCI address or vdev string
	DPDK_WORDS_MAX = 16,
	DPDK_COMPLAINT_MAX = 160,
};

// A listener on a device.
struct io_dpdk_listener {
	int guard; // this worker's socket, bound, borrowed; io_dpdk_open() puts the filter on it
	uint8_t id;
	uint8_t device;
	struct endpoint address;
};

enum dpdk_exception {
	// The kernel sees the device's interface itself and takes what is not ours from there: af_xdp, af_packet, tap.
	DPDK_EXCEPTION_NONE,
	// A card that the kernel has lost: a tap of the same MAC address carries the address, and workers carry frames that are not
	// ours between the two.
	DPDK_EXCEPTION_TAP,
};

enum dpdk_memory {
	DPDK_MEMORY_AUTO, // huge pages if any are free, else ordinary memory
	DPDK_MEMORY_HUGE, // huge pages, or no start
	DPDK_MEMORY_ORDINARY,
};

// What dpdk_start() is told. Nothing of it is kept but copies.
struct dpdk_start_options {
	const char *const *devices; // names of all that will be opened
	unsigned device_count;
	unsigned workers; // queue pairs of each: how much memory they take
	enum dpdk_memory memory;
	// The EAL's words after the program's name, in place of those that suit this host, the devices and `memory`: no PCI scan
	// unless a device has a PCI address, and no files. The processors' are added unless there are some.
	const char *const *words;
	unsigned word_count; // 0: those that suit
};

// What dpdk_open_device() is told. Nothing of it is kept but copies.
struct dpdk_device_options {
	const char *name; // PCI address or vdev string
	uint8_t exception; // enum dpdk_exception
	const char *tap; // DPDK_EXCEPTION_TAP: name of the interface to make, at most 15 octets
	unsigned workers; // queue pairs
	// Of the listeners on it: what a filter in the card or in the kernel lets through to us.
	const struct endpoint *addresses;
	unsigned address_count;
	unsigned packets; // of its pool; 0: what its queues and bursts can hold at most
};

enum dpdk_idle {
	DPDK_IDLE_ADAPTIVE, // poll, then back off, then sleep for ever longer, up to a millisecond
	DPDK_IDLE_POLL, // a processor of its own: never sleep
};

// What one queue of a device has seen. The worker writes, all read; relaxed.
struct dpdk_queue_counters {
	_Atomic uint64_t received; // frames
	_Atomic uint64_t sent; // frames
	_Atomic uint64_t other; // for the kernel: ARP, ICMP, TCP ...
	_Atomic uint64_t malformed;
	_Atomic uint64_t fragments;
	_Atomic uint64_t fragments_refused; // overlapping, tiny, too many of one source, timed out
	_Atomic uint64_t no_listener; // UDP to an address or port of nobody
	_Atomic uint64_t no_buffer; // no packet was free
	_Atomic uint64_t send_failed;
	_Atomic uint64_t by_kernel; // sent through a guard socket
};

// What a device is, for people and for the keeper.
struct dpdk_device_info {
	char name[DPDK_DEVICE_NAME_MAX];
	char driver[32];
	uint32_t interface; // the kernel's index, of the tap if it has one; 0: it has none
	uint32_t queues;
	uint32_t speed_mbit; // 0: unknown
	uint32_t packets_out; // of its pool: what waits in its rings, and what is at work
	bool up;
	bool huge_pages; // packet memory is in huge pages
	uint8_t mac[NEXT_HOP_MAC_OCTETS];
};

// Start the EAL, once in the life of a process. The calling thread's processors stay as they were. 0 or a negative errno; then
// complaint says why.
[[nodiscard]] int dpdk_start(
	const struct dpdk_start_options *options, char complaint[DPDK_COMPLAINT_MAX]);
// Probe and configure a device. Returns its index, counted from 0, or a negative errno, complaint set.
[[nodiscard]] int dpdk_open_device(
	const struct dpdk_device_options *options, char complaint[DPDK_COMPLAINT_MAX]);
// Devices begin to receive: all workers have their ports. 0 or a negative errno, complaint set.
[[nodiscard]] int dpdk_run_devices(char complaint[DPDK_COMPLAINT_MAX]);
// Ask all devices for the state of their links. Some drivers ask the kernel, which may let them wait for others: not for a thread that must
// not.
void dpdk_update_devices(void);
// As last updated. False: there is no such device.
[[nodiscard]] bool dpdk_read_device(unsigned device, struct dpdk_device_info *info);
[[nodiscard]] const struct dpdk_queue_counters *dpdk_read_queue(unsigned device, unsigned worker);
// Stop and close all devices, and the EAL.
void dpdk_stop(void);

// The end of one worker. hops is where the keeper publishes the current picture (RCU: used until the worker's next rest). wakeup
// is borrowed. The worker's thread must call nothing of it before it runs. 0 or a negative errno.
[[nodiscard]] int io_dpdk_open(unsigned worker, const struct io_dpdk_listener *listeners,
	unsigned count, const struct next_hops *const _Atomic *hops, enum dpdk_idle idle,
	int wakeup, struct io_port **port);
// Packets of all pools that are out; a test that ends with another number than it began with has found a leak.
[[nodiscard]] unsigned io_dpdk_packets_out(const struct io_port *port);
