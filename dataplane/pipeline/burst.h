// burst.h: up to BURST_MAX messages on their way through the stages, as columns.
//
//     parse_burst -> redeem_burst -> decide_burst -> rewrite_burst
//
// Each stage reads the columns to its left and fills its own. Everything else it may look at is in struct world, an argument.
// No stage allocates, locks, logs, asks for the time or makes a system call.

#pragma once

#include "../table/directory.h"
#include "../table/flows.h"
#include "../table/peers.h"

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
	ORIGIN_CONTROL, // control's own message to packet->peer
};

// What control says of a message it puts into the burst.
struct grant {
	uint64_t uak;
	uint32_t slot;
	uint32_t generation;
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

// The world as one burst sees it. Pointers are good until the worker's next quiescent state.
struct world {
	const struct flow_table *flows;
	const struct directory
		*directory; // NULL until control has sent one: everything is not-ready
	const struct peer_board *peers;
	const struct hash_keys *hashes; // NULL likewise
	struct keyring *keys; // worker; NULL likewise
	uint64_t now_ms; // monotonic
	uint32_t now_s; // wall clock
	struct rate *moved; // worker: budget of moved phones' requests
};

struct decision; // decide.h
struct redeemed; // redeem.h

// Columns are arrays of BURST_MAX. A burst belongs to one worker; it is large (a few hundred KiB) and allocated once.
struct burst {
	unsigned count;
	// the worker fills
	struct packet *packet[BURST_MAX];
	uint8_t origin[BURST_MAX]; // enum origin
	struct grant grant[BURST_MAX];
	// parse_burst
	struct message message[BURST_MAX];
	uint8_t fault[BURST_MAX]; // enum message_fault
	// redeem_burst
	struct redeemed *redeemed; // [BURST_MAX]
	// decide_burst
	struct decision *decision; // [BURST_MAX]
	uint8_t action[BURST_MAX]; // enum action
	uint8_t verdict[BURST_MAX]; // enum verdict
	uint8_t up_kind[BURST_MAX]; // enum link_up_kind, of ACTION_CONTROL
	struct flow_id flow[BURST_MAX]; // of ACTION_CONTROL: the flow our Via names (REGISTERED)
	// rewrite_burst
	struct edit_plan *plan; // one, used message by message
};
