// request.h: one request while it is decided on: what the steps of ROUTING section 5 have found so far.
//
// Every step says VERDICT_NONE when the next one is to go on, or the verdict that ends the matter.

#pragma once

#include "stage.h"

struct request {
	const struct world *world;
	struct burst *burst;
	unsigned index;
	uint8_t side; // enum side
	const struct packet *packet;
	const struct directory_listener *in;
	const struct message *message;
	const struct routes *routes;
	struct decision *decision;
	struct uri target; // the request-URI
	const struct flow *source; // the phone's flow, or NULL
	const struct token *relay; // of a request from another edge
	bool first_hop; // one Via
	// after walk_routes()
	const struct hop *incoming; // the incoming token's Route, or NULL
	bool outgoing; // an outgoing token was popped
	bool moved; // its phone's address has changed
	uint32_t is_outgoing; // bit n: hop n is an outgoing token
};
static_assert(ROUTES_MAX <= 32, "one bit a hop");

static inline struct span request_span(const struct request *request, struct slice slice)
{
	return message_span(request->message, slice);
}

static inline bool request_is(const struct request *request, enum method method)
{
	return request->message->method == method;
}

static inline bool request_has_to_tag(const struct request *request)
{
	return request->message->to_tag.length != 0;
}

// Every request but these gets a Record-Route (ROUTING section 8).
static inline bool request_is_recorded(const struct request *request)
{
	switch (request->message->method) {
	case METHOD_REGISTER:
	case METHOD_ACK:
	case METHOD_CANCEL:
	case METHOD_BYE:
	case METHOD_PRACK:
		return false;
	default:
		return true;
	}
}
