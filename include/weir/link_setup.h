// link_setup.h: the packets by which a link is set up, in the order that link.h draws.

#pragma once

#include <weir/endpoint.h>
#include <weir/side.h>

#include <assert.h>

enum {
	LINK_WORKERS_MAX = 32,
	LINK_STREAMS_MAX = 8, // stream threads of control
	LINK_NAME_MAX = 255, // octets of a host name
	LINK_DEVICES_MAX = 8,
	LINK_DEVICE_NAME_OCTETS = 112, // with the NUL
	LINK_INTERFACE_OCTETS = 16, // name of a network interface, with the NUL
	LINK_DRIVER_OCTETS = 32, // name of a device's driver, with the NUL
	LINK_WORDS_MAX = 16,
	LINK_WORDS_OCTETS = 512,
};

struct link_hello {
	uint32_t abi;
	uint32_t running; // dataplane: 1 if workers run
	// Of the dataplane process: wall clock in ns when it started; control sends 0.
	uint64_t incarnation;
};

struct link_config {
	uint32_t workers;
	uint32_t flows_max; // own slots
	uint32_t peer_flows_max; // records of all other edges together
	uint32_t rows_max; // rows of all edges together
	uint8_t edge;
	uint8_t idle; // enum link_idle
	uint8_t memory; // enum link_memory
	uint8_t word_count; // of words
	uint8_t streams; // stream threads of control: lanes besides the main loop's
	uint8_t takeover; // 1: the addresses of access and core listeners come and go
	uint8_t reserved[2];
	uint16_t cpus[LINK_WORKERS_MAX]; // the processor of worker n, counted from 1; 0: any
	// For experts, in place of the words that the dataplane would start DPDK's EAL with: each ends in NUL, the rest is zero.
	char words[LINK_WORDS_OCTETS];
};

// What a worker on DPDK devices does while nothing comes.
enum link_idle {
	LINK_IDLE_ADAPTIVE, // poll, then back off, then sleep
	LINK_IDLE_POLL, // never sleep
};

// What packets live in.
enum link_memory {
	LINK_MEMORY_AUTO, // huge pages if there are any, else ordinary memory
	LINK_MEMORY_HUGE, // huge pages, or no start
	LINK_MEMORY_ORDINARY,
};

// A DPDK device that listeners are on. Devices come before listeners, counted from 0.
struct link_device {
	uint8_t index;
	uint8_t exception; // enum link_exception
	uint8_t reserved[6];
	char tap[LINK_INTERFACE_OCTETS]; // LINK_EXCEPTION_TAP: the interface to make; ends in NUL
	char name[LINK_DEVICE_NAME_OCTETS]; // PCI address or vdev string; ends in NUL
};

// How what is not ours reaches the kernel.
enum link_exception {
	LINK_EXCEPTION_NONE, // the kernel has the device's interface itself
	LINK_EXCEPTION_TAP, // by a tap that carries the device's addresses
};

// One listener; on the socket `workers` descriptors ride with it, one a worker (SO_REUSEPORT), in worker order. With
// LINK_DRIVER_DPDK they are its guard sockets: they hold the address in the kernel, and what is for the listener comes by the device.
struct link_listener {
	uint8_t id;
	uint8_t side; // enum side
	uint8_t transport; // enum transport
	uint8_t driver; // enum link_driver
	struct endpoint address;
	uint8_t device; // LINK_DRIVER_DPDK: index; else 0
	uint8_t reserved[3];
};

enum link_driver {
	LINK_DRIVER_SOCKET,
	LINK_DRIVER_DPDK,
};

struct link_failed {
	int32_t error; // errno
	uint8_t listener; // id, or 0xff: not about a listener
	uint8_t device; // index, or 0xff: not about a device
	uint8_t reserved[2];
	char what[160]; // for people, ends in NUL
};

// Every size is the sum of the members: link.h says why.
static_assert(sizeof(struct link_hello) == 16, "link_hello");
static_assert(sizeof(struct link_config) == 600, "link_config");
static_assert(sizeof(struct link_device) == 136, "link_device");
static_assert(sizeof(struct link_listener) == 28, "link_listener");
static_assert(sizeof(struct link_failed) == 168, "link_failed");
