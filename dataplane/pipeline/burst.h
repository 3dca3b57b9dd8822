// burst.h: up to BURST_MAX messages on their way through the stages, as columns.
//
//     parse_burst -> redeem_burst -> decide_burst -> rewrite_burst
//
// Each stage reads the columns to its left and fills its own. Everything else it may look at is in struct world, an argument.
// No stage allocates, locks, logs, asks for the time or makes a system call.

#pragma once

#include "../table/addresses.h"
#include "../table/directory.h"
#include "../table/flows.h"
#include "../table/peers.h"
#include "decision.h"
#include "route.h"

#include <weir/edit.h>
#include <weir/identity.h>
#include <weir/keyring.h>
#include <weir/message.h>
#include <weir/packet.h>
#include <weir/token.h>
#include <weir/verdict.h>

// How a message came into the burst.
enum origin {
	ORIGIN_WIRE, // a listener received it
	ORIGIN_GRANT, // a REGISTER that control returned with a flow
	ORIGIN_REFUSE, // a REGISTER that control wants answered with `status`
	ORIGIN_RETURN, // a response to REGISTER that control has learnt from
	ORIGIN_CONTROL, // control's own message to packet->peer by packet->listener
	ORIGIN_STREAM, // control received it by the connection of grant.slot and grant.generation
};

// What control says of a message it puts into the burst.
struct grant {
	uint64_t uak;
	uint32_t slot;
	uint32_t generation;
	uint32_t tag; // control repeats the request until it is answered; 0: it does not
	uint16_t status;
	uint16_t retry_after_s;
	bool flow_timer;
};

// What is to be done with the packet, after rewrite_burst().
enum action {
	ACTION_RELEASE,
	ACTION_SEND, // packet->peer and packet->listener say where
	ACTION_CONTROL, // hand it up as it was received, as `up_kind`
	ACTION_KEEPER, // a heartbeat
};

// What else happened to a forwarded request, each with a counter of its own (struct link_counters).
enum note {
	NOTE_NONE,
	NOTE_FOREIGN_FROM, // Record-Route without a token, for a From of no row
	NOTE_UNREGISTERED, // Record-Route without a token, for an unregistered UDP source
};

// A second's budget, filled anew whenever the second changes.
struct rate {
	uint32_t second;
	uint32_t taken;
};

struct limits; // limits.h

// The world as one burst sees it. Pointers are good until the worker's next quiescent state.
struct world {
	const struct flow_table *flows;
	// NULL until control has sent one: everything is not-ready
	const struct directory *directory;
	const struct peer_board *peers;
	const struct address_board *addresses; // NULL: all are here for good
	const struct hash_keys *hashes; // NULL likewise
	struct keyring *keys; // worker; NULL likewise
	uint64_t now_ms; // monotonic
	uint32_t now_s; // wall clock
	struct rate *moved; // worker: budget of moved phones' requests
	struct limits *limits; // worker; NULL: nothing is limited
};

enum {
	// One a Route that may be renewed, the path token's, and the relay's.
	BURST_MINTS = BURST_MAX * (ROUTES_MAX + 2),
};

// Columns. A burst belongs to one worker; it is large (a few hundred KiB), is allocated once and need not be zeroed.
struct burst {
	unsigned count;
	// the worker fills
	struct packet *packet[BURST_MAX];
	uint8_t origin[BURST_MAX]; // enum origin
	struct grant grant[BURST_MAX]; // of every origin but ORIGIN_WIRE
	// parse_burst
	const struct directory_listener *listener[BURST_MAX]; // it came by; NULL: unknown
	uint8_t side[BURST_MAX]; // enum side
	const struct flow
		*source[BURST_MAX]; // of a phone's datagram: the flow that it came by, or NULL
	uint8_t limit
		[BURST_MAX]; // enum verdict: NONE, LIMITED, or what was over a limit and not even parsed
	bool beat[BURST_MAX]; // a heartbeat: no SIP, nothing else was filled
	uint8_t fault[BURST_MAX]; // enum message_fault
	struct message message[BURST_MAX];
	// redeem_burst
	struct routes routes[BURST_MAX];
	// decide_burst
	struct decision decision[BURST_MAX];
	uint8_t action[BURST_MAX]; // enum action
	uint8_t verdict[BURST_MAX]; // enum verdict
	uint8_t up_kind[BURST_MAX]; // enum link_up_kind, of ACTION_CONTROL
	// Of ACTION_CONTROL: the flow our Via names (REGISTERED), or that a stream's REGISTER came by
	struct flow_id flow[BURST_MAX];
	uint8_t note[BURST_MAX]; // enum note
	unsigned mint_count;
	struct token mint[BURST_MINTS]; // what the decisions want minted
	// rewrite_burst
	uint8_t minted[BURST_MINTS][TOKEN_LENGTH_V6];
	struct edit_plan plan; // one, used message by message
};

// The stages, in their order. parse_burst() may repair a strict router's message in place (RFC 3261 section 16.4).
void parse_burst(const struct world *world, struct burst *burst);
void redeem_burst(const struct world *world, struct burst *burst);
void decide_burst(const struct world *world, struct burst *burst);
void rewrite_burst(const struct world *world, struct burst *burst);

// Control's ring is full: after rewrite_burst(), turn a message with ACTION_CONTROL into a 503 (verdict overload) or, if it
// cannot be answered, into ACTION_RELEASE (verdict ring-full).
void burst_refuse(const struct world *world, struct burst *burst, unsigned index);
