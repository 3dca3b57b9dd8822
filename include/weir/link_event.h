// link_event.h: the records of the event ring, keeper to control.

#pragma once

#include <weir/link_setup.h>

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

// Whether the address of an own listener is on this host.
struct link_event_address {
	uint8_t listener;
	uint8_t here;
	uint8_t reserved[6];
};

struct link_event_life {
	uint32_t slot;
	uint32_t generation;
	uint8_t silent; // for Flow-Timer and its grace; 0: heard
	uint8_t keepalive; // it has sent what shows that it will go on doing so
	uint8_t reserved[6];
};

// Every size is the sum of the members: link.h says why.
static_assert(sizeof(struct link_explained) == 88, "link_explained");
static_assert(sizeof(struct link_event_peer) == 24, "link_event_peer");
static_assert(sizeof(struct link_event_epoch) == 24, "link_event_epoch");
static_assert(sizeof(struct link_event_flow) == 8, "link_event_flow");
static_assert(sizeof(struct link_event_life) == 16, "link_event_life");
static_assert(sizeof(struct link_event_device) == 56, "link_event_device");
static_assert(sizeof(struct link_event_address) == 8, "link_event_address");
