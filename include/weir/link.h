// link.h: everything that passes between weir-control and weir-dataplane.
//
// Two ways: a SOCK_SEQPACKET unix socket for set-up, where descriptors travel, and rings (ring.h) in one sealed memfd that the
// dataplane creates. One packet of the socket, and one record of a ring, is one of the structs below (packed by hand: no
// implicit padding), some followed by octets. The reader checks length and every field; unequal LINK_ABI numbers are refused
// with both named. What the two processes compiled must agree to the octet, and a field that nobody wrote must not carry old memory across:
// every size is asserted to be the sum of the members. A change is a new LINK_ABI.
//
// Set-up, control connecting:
//
//     control    LINK_HELLO                                   abi
//     dataplane  LINK_HELLO                                   abi, whether workers run already
//     dataplane  LINK_DEVICE... LINK_LISTENER... LINK_START   only when running: what it runs with, sockets handed back
//     control    LINK_CONFIG LINK_DEVICE... LINK_LISTENER... LINK_START
//                                                             only when not running: sockets ride on LINK_LISTENER
//     control    LINK_START                                   only when running
//     dataplane  LINK_UP, or LINK_FAILED                      UP carries the memfd, control's eventfd and one a stream thread of
//                                                             control's, then the keeper's and one a worker
//
// After that the socket is silent; its end-of-file is the other side's death.
//
// A lane is the message rings, an up and a down one a worker, of one thread of control: lane 0 is its main loop's, the others belong
// to its stream threads, which carry the connections.
//
// Order: store, table, wire. Records on the table ring are counted from 1; the keeper publishes how many it has applied
// (link_region.applied, release). A message put on a worker's down ring with `after` = that count waits until then.

#pragma once

#include <weir/link_event.h>
#include <weir/link_message.h>
#include <weir/link_setup.h>
#include <weir/link_table.h>
#include <weir/ring.h>
#include <weir/verdict.h>

enum {
	LINK_ABI = 8,
	LINK_LANES_MAX = 1 + LINK_STREAMS_MAX,
	LINK_TABLE_RING_OCTETS = 1 << 20,
	LINK_EVENT_RING_OCTETS = 1 << 18,
	LINK_MESSAGE_RING_OCTETS = 1 << 21,
};

enum link_type {
	// on the socket
	LINK_HELLO = 1,
	LINK_CONFIG,
	LINK_DEVICE,
	LINK_LISTENER,
	LINK_START,
	LINK_UP,
	LINK_FAILED,
	// table ring, control to keeper
	LINK_FLOW = 32, // an encoded flow_record (record.h), of this edge or another
	LINK_SNAPSHOT_BEGIN, // struct link_snapshot: marks all flows of the edge
	LINK_SNAPSHOT_END, // struct link_snapshot: sweeps those not seen since
	LINK_PEER_STATE, // struct link_peer_state
	LINK_KEYS, // struct key_material
	LINK_HASH_KEYS, // struct hash_keys
	LINK_DIRECTORY_BEGIN, // the whole directory follows, then END makes it valid at once
	LINK_SETTINGS,
	LINK_NAME,
	LINK_PEER,
	LINK_PEER_LISTENER,
	LINK_TARGET,
	LINK_PREFIX,
	LINK_DIRECTORY_LISTENER,
	LINK_DIRECTORY_END,
	LINK_EXPLAIN, // struct link_explain: which rule would serve this token?
	// event ring, keeper to control
	LINK_EVENT_PEER = 64, // struct link_event_peer: liveness of another edge changed
	LINK_EVENT_EPOCH, // struct link_event_epoch: whether our epoch is that of the others
	LINK_EVENT_EXPLAINED, // struct link_explained
	LINK_EVENT_SUSPECT, // struct link_event_flow: ICMP unreachable from a flow's peer
	LINK_EVENT_LIFE, // struct link_event_life: a flow's peer fell silent, is heard again, or keeps the flow alive
	LINK_EVENT_DEVICE, // struct link_event_device: at the beginning of a session, and when it changed
	LINK_EVENT_ADDRESS, // struct link_event_address: likewise, of listeners whose addresses may move
	// up ring, worker to control: struct link_up_message and the message as received
	LINK_UP_MESSAGE = 96,
	// down ring, control to worker: struct link_down_message and the message
	LINK_DOWN_MESSAGE = 128,
};

// Counters of one worker; the worker writes, control reads. Relaxed.
struct link_counters {
	_Alignas(64) _Atomic uint64_t received;
	_Atomic uint64_t sent;
	_Atomic uint64_t bursts; // also moves while idle: the keeper beats only while it does
	_Atomic uint64_t foreign_from; // Record-Route without a token, for a From of no row
	// Record-Route without a token, for an unregistered UDP source.
	_Atomic uint64_t unregistered;
	_Atomic uint64_t verdicts[VERDICT_COUNT];
};

// Counters of one queue of a device, in frames; the keeper writes, control reads. Relaxed.
struct link_queue_counters {
	_Alignas(64) _Atomic uint64_t received;
	_Atomic uint64_t sent;
	_Atomic uint64_t other; // for the kernel: ARP, ICMP, TCP ...
	_Atomic uint64_t malformed;
	_Atomic uint64_t fragments;
	_Atomic uint64_t fragments_refused; // overlapping, tiny, too many of one source, timed out
	_Atomic uint64_t no_listener; // UDP to an address or port of nobody
	_Atomic uint64_t no_buffer; // no packet was free
	_Atomic uint64_t send_failed;
	_Atomic uint64_t by_kernel; // sent through a guard socket
	// Of the whole device's pool, now: what waits in its rings, and what is at work. More and more of them is a leak.
	_Atomic uint64_t packets_out;
};

// At the start of the memfd; rings follow at the given offsets. They follow from the numbers of workers and of stream threads, so the
// reader computes them (region.h) and refuses any others.
struct link_region {
	uint32_t abi;
	uint32_t workers;
	uint32_t streams;
	uint32_t reserved;
	uint64_t table_ring; // offsets
	uint64_t event_ring;
	uint64_t
		message_rings; // of the first: lane by lane, worker by worker, up then down, all of one size
	uint64_t counters; // struct link_counters[workers]
	uint64_t queue_counters; // struct link_queue_counters[workers][LINK_DEVICES_MAX]
	uint64_t size;
	_Alignas(64) _Atomic uint64_t
		applied; // table records applied; the keeper writes (release), workers and control read (acquire)
};
static_assert(offsetof(struct link_region, applied) == 64 && sizeof(struct link_region) == 128,
	"link_region");
