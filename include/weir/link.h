// link.h: everything that passes between weir-control and weir-dataplane.
//
// Two ways: a SOCK_SEQPACKET unix socket for set-up, where descriptors travel, and rings (ring.h) in one sealed memfd that the
// dataplane creates. One packet of the socket, and one record of a ring, is one of the structs below (packed by hand: no
// implicit padding), some followed by octets. The reader checks length and every field; unequal LINK_ABI numbers are refused
// with both named.
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

#include <weir/endpoint.h>
#include <weir/flow.h>
#include <weir/keyhash.h>
#include <weir/keyring.h>
#include <weir/ring.h>
#include <weir/side.h>
#include <weir/verdict.h>

#include <assert.h>

enum {
	LINK_ABI = 4,
	LINK_WORKERS_MAX = 32,
	LINK_STREAMS_MAX = 8, // stream threads of control
	LINK_LANES_MAX = 1 + LINK_STREAMS_MAX,
	LINK_NAME_MAX = 255, // octets of a host name
	LINK_DEVICES_MAX = 8,
	LINK_DEVICE_NAME_OCTETS = 112, // with the NUL
	LINK_INTERFACE_OCTETS = 16, // name of a network interface, with the NUL
	LINK_DRIVER_OCTETS = 32, // name of a device's driver, with the NUL
	LINK_WORDS_MAX = 16,
	LINK_WORDS_OCTETS = 512,
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
	// up ring, worker to control: struct link_up_message and the message as received
	LINK_UP_MESSAGE = 96,
	// down ring, control to worker: struct link_down_message and the message
	LINK_DOWN_MESSAGE = 128,
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
	uint8_t reserved[3];
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

struct link_snapshot {
	uint8_t edge;
	uint8_t reserved[7];
};

struct link_peer_state {
	uint8_t edge;
	uint8_t connected; // its control is connected to ours
	uint8_t complete; // its first snapshot since it said HELLO has ended
	uint8_t reserved[5];
	uint64_t incarnation;
};

struct link_settings {
	uint64_t incarnation; // of this edge: goes out in heartbeats
	uint32_t park_ms; // R8
	// After start, a miss is not-ready until tables are complete or this is over.
	uint32_t not_ready_ms;
	uint32_t heartbeat_ms;
	uint32_t suspect_after_ms;
	uint32_t dead_after_ms; // suspect for so long
	uint16_t flow_timer_udp_s; // RFC 5626 section 5.4
	uint16_t flow_timer_stream_s;
	uint16_t moved_per_s; // requests of moved phones served a second
	uint8_t edge;
	uint8_t require_path;
	uint8_t downgrade;
	uint8_t draining;
	uint8_t reserved[2];
};

// host:port that is ours or another edge's (ROUTING: names). edge 0: the cluster's name.
struct link_name {
	uint8_t edge;
	uint8_t host_length;
	uint16_t port;
	uint8_t host[LINK_NAME_MAX + 1]; // lower case; IP literals without brackets, RFC 5952
};

// What we write into Path, Record-Route and Via for one of our listeners: in lower case, IPv6 in brackets.
struct link_directory_listener {
	struct link_listener listener;
	uint8_t written_length;
	uint8_t sent_by_length;
	uint8_t reserved[6];
	uint8_t written[LINK_NAME_MAX + 9]; // host or host:port for Record-Route and Path
	uint8_t sent_by[LINK_NAME_MAX + 9]; // address:port or name for Via
};

struct link_peer {
	uint8_t edge;
	uint8_t name_length;
	uint8_t secure; // its peer link may carry sips
	uint8_t reserved;
	struct endpoint relay; // its peer listener
	uint8_t name[LINK_NAME_MAX + 1];
};

struct link_peer_listener {
	uint8_t edge;
	uint8_t reserved[3];
	struct link_listener listener;
};

// An upstream target, or a next hop a Route may name.
struct link_target {
	struct endpoint endpoint;
	uint16_t port; // as written in the configuration or a Route; 0: none
	uint8_t transport;
	uint8_t healthy;
	uint8_t balanced; // takes part in the rendezvous hash of the default upstream
	uint8_t host_length;
	uint8_t reserved[2];
	uint32_t identity; // stable across directory changes: what the rendezvous hash mixes in
	uint8_t host[LINK_NAME_MAX + 1];
};

enum link_prefix_list {
	LINK_PREFIX_ACCESS_NETWORKS, // of one access listener: where it may send
	LINK_PREFIX_ALLOW, // of one core or peer listener: whom it hears and may send to
	LINK_PREFIX_INSIDE, // where no access listener sends
	LINK_PREFIX_FORCE_TOKEN,
	LINK_PREFIX_SHARED_FLOWS,
	LINK_PREFIX_LISTS,
};

struct link_prefix {
	uint8_t list; // enum link_prefix_list
	uint8_t listener; // for the per-listener lists
	struct prefix prefix;
};

struct link_explain {
	uint64_t request; // echoed
	uint8_t length;
	uint8_t reserved[7];
	uint8_t text[128];
};

// A struct flow_id without its padding.
struct link_flow_id {
	uint32_t slot;
	uint32_t generation;
	uint8_t edge;
	uint8_t reserved[3];
};

struct link_explained {
	uint64_t request;
	uint8_t token_verdict; // enum token_verdict
	uint8_t kind;
	uint8_t role;
	uint8_t listener;
	uint8_t rule; // enum verdict, R1_OWN to R9_GONE
	uint8_t owner_state; // enum peer_liveness (table/peers.h); own edge: up
	uint8_t reserved[2];
	struct link_flow_id flow;
	struct link_flow_id target; // where it would go
	struct endpoint peer;
	struct endpoint target_peer;
	uint64_t uak;
};

struct link_event_peer {
	uint8_t edge;
	uint8_t liveness; // enum peer_liveness
	uint8_t reserved[6];
	uint64_t incarnation;
	uint32_t round_trip_us;
	uint32_t unused;
};

// How our epoch stands to those of the edges that are heard. More than one apart is a fault.
enum link_epoch {
	LINK_EPOCH_AGREES,
	LINK_EPOCH_MINORITY, // most edges hold another one: our clock is off
	LINK_EPOCH_SPLIT, // some edge holds another one, and no majority says who is right
};

struct link_event_epoch {
	uint64_t ours;
	uint64_t theirs; // of the majority, or of one that differs; ours if all agree
	uint8_t standing; // enum link_epoch
	uint8_t reserved[7];
};

struct link_event_flow {
	uint32_t slot;
	uint32_t generation;
};

// What a device is and does now.
struct link_event_device {
	uint32_t interface; // the kernel's index, of its tap if it has one; 0: it has none
	uint32_t queues;
	uint32_t speed_mbit; // 0: not known
	uint8_t device; // index
	uint8_t up;
	uint8_t huge_pages; // packets are in huge pages
	uint8_t reserved[3];
	uint8_t mac[6];
	char driver[LINK_DRIVER_OCTETS]; // ends in NUL
};

struct link_event_life {
	uint32_t slot;
	uint32_t generation;
	uint8_t silent; // for Flow-Timer and its grace; 0: heard
	uint8_t keepalive; // it has sent what shows that it will go on doing so
	uint8_t reserved[6];
};

enum link_up_kind {
	LINK_UP_REGISTER, // a REGISTER from an access listener: grant it a flow, or refuse it
	LINK_UP_REGISTERED, // a response to REGISTER, proved ours, our Via still on top
	LINK_UP_RESPONSE, // a response to a request of control's own: branch z9hG4bKc...
	LINK_UP_KINDS_MAIN, // what comes up lane 0; on the others:
	LINK_UP_STREAM =
		LINK_UP_KINDS_MAIN, // a message for the connection of {slot, generation}: its octets are written there
	// No message: the request of `tag` left by a transport that may lose it, or waits. It is to be handed down again (RFC 3261
	// section 17.1: the phone repeats nothing that it has sent by a reliable transport).
	LINK_UP_HELD,
	LINK_UP_KINDS,
};

struct link_up_message {
	uint8_t kind; // enum link_up_kind
	uint8_t listener;
	uint8_t side;
	uint8_t transport;
	uint16_t length; // of the message that follows
	uint8_t reserved[2];
	struct endpoint source;
	// REGISTERED: the flow that our Via names; REGISTER: of a stream, the flow it came by; STREAM, HELD: the connection's
	uint32_t slot;
	uint32_t generation;
	uint32_t tag; // REGISTER, HELD: as it came down
};

enum link_down_kind {
	LINK_DOWN_GRANT, // the REGISTER as it went up; the pipeline adds Via, Path with a token for the flow, and sends it upstream
	LINK_DOWN_REFUSE, // the REGISTER as it went up; the pipeline answers it with `status`
	LINK_DOWN_RETURN, // the response as it went up; the pipeline takes our Via off, adds Flow-Timer and sends it on
	LINK_DOWN_SEND, // control's own message to `destination`: sent as it is, through the egress guard
	LINK_DOWN_STREAM, // a message as it came by the connection of {slot, generation}
	LINK_DOWN_KINDS,
};

struct link_down_message {
	uint64_t after; // number of table records that must have been applied; 0: none
	uint64_t uak; // GRANT
	// GRANT; 0 with generation 0: no flow (a query, a removal from no flow). STREAM, and of what came by a stream all others: the
	// connection's flow
	uint32_t slot;
	uint32_t generation;
	uint16_t status; // REFUSE
	uint16_t retry_after_s; // REFUSE; 0: no Retry-After
	uint16_t length; // of the message that follows
	uint8_t kind; // enum link_down_kind
	uint8_t listener; // it came by; SEND: it leaves by
	struct endpoint peer; // source it came from; SEND: destination
	uint8_t flow_timer; // RETURN: add Flow-Timer
	uint8_t reserved[7];
	// STREAM, and GRANT of a REGISTER that had one: control holds the request until it is answered; 0: it does not
	uint32_t tag;
};

// What the two processes compiled must agree to the octet, and a field that nobody wrote must not carry old memory across:
// every size is the sum of the members. A change here is a new LINK_ABI.
static_assert(sizeof(struct link_hello) == 16, "link_hello");
static_assert(sizeof(struct link_config) == 600, "link_config");
static_assert(sizeof(struct link_device) == 136, "link_device");
static_assert(sizeof(struct link_listener) == 28, "link_listener");
static_assert(sizeof(struct link_failed) == 168, "link_failed");
static_assert(sizeof(struct link_snapshot) == 8, "link_snapshot");
static_assert(sizeof(struct link_peer_state) == 16, "link_peer_state");
static_assert(sizeof(struct link_settings) == 40, "link_settings");
static_assert(sizeof(struct link_name) == 260, "link_name");
static_assert(sizeof(struct link_directory_listener) == 564, "link_directory_listener");
static_assert(sizeof(struct link_peer) == 280, "link_peer");
static_assert(sizeof(struct link_peer_listener) == 32, "link_peer_listener");
static_assert(sizeof(struct link_target) == 288, "link_target");
static_assert(sizeof(struct link_prefix) == 20, "link_prefix");
static_assert(sizeof(struct link_explain) == 144, "link_explain");
static_assert(sizeof(struct link_explained) == 88, "link_explained");
static_assert(sizeof(struct link_event_peer) == 24, "link_event_peer");
static_assert(sizeof(struct link_event_epoch) == 24, "link_event_epoch");
static_assert(sizeof(struct link_event_flow) == 8, "link_event_flow");
static_assert(sizeof(struct link_event_life) == 16, "link_event_life");
static_assert(sizeof(struct link_event_device) == 56, "link_event_device");
static_assert(sizeof(struct link_up_message) == 40, "link_up_message");
static_assert(sizeof(struct link_down_message) == 64, "link_down_message");
static_assert(
	sizeof(struct key_material) == 16 + KEYRING_SECRETS * KEYRING_EPOCHS * EPOCH_KEY_OCTETS,
	"key_material");
static_assert(sizeof(struct hash_keys) == HASH_LABELS * HASH_KEY_OCTETS, "hash_keys");

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
