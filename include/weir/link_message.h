// link_message.h: the records of the message rings: SIP messages and what must be known of each, between workers and control.

#pragma once

#include <weir/endpoint.h>

#include <assert.h>

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

// Every size is the sum of the members: link.h says why.
static_assert(sizeof(struct link_up_message) == 40, "link_up_message");
static_assert(sizeof(struct link_down_message) == 64, "link_down_message");
