// decision.h: what decide_burst() wants done with one message, in the words of rewrite_burst().

#pragma once

#include "../table/directory.h"
#include "route.h"

#include <weir/flow.h>
#include <weir/via.h>

enum decision_kind {
	DECISION_NOTHING, // not sent
	DECISION_FORWARD, // a request, with our Via on top
	DECISION_RETURN, // a response, without our Via
	DECISION_UNCHANGED, // sent as it is, but for what strip_identity takes
	DECISION_STUN, // the answer to a Binding Request
	DECISION_ANSWER, // a response of our own, in place of the request
};

enum record_kind {
	RECORD_RECEIVED, // a popped Route as it was
	RECORD_NAME, // one of our names
	RECORD_TOKEN, // one of our names with a token
};

enum {
	MINT_NONE = 0xffff,
	RETRY_AFTER_NOW = 0xffff,
	// every popped Route, and the halves that an initial request gets
	RECORDS_MAX = ROUTES_MAX + 3,
};

// One Record-Route value.
struct record_route {
	uint8_t kind; // enum record_kind
	uint8_t hop; // RECEIVED: index into routes.hop
	uint16_t mint; // TOKEN: index into burst.mint
	const struct directory_listener *name; // NAME, TOKEN
};

struct decision {
	uint8_t kind; // enum decision_kind
	const struct directory_listener *out;
	struct endpoint destination;
	struct flow_id carrier; // of a stream `out`: the connection
	// DECISION_ANSWER
	uint16_t status;
	uint16_t retry_after_s; // 0: none; RETRY_AFTER_NOW: 0 seconds
	// DECISION_FORWARD
	uint8_t popped; // Routes taken off the top
	bool strip_path; // the first hop's Path is nobody's (RFC 5626 section 5.1)
	bool strip_maddr; // the request-URI's is ours (RFC 3261 section 16.4)
	bool strict_next; // the next Route is a strict router's (RFC 3261 section 16.6, step 6)
	bool outbound; // our Path carries `ob`
	bool alias; // our Via says that requests may come by `carrier` (RFC 5923)
	uint16_t relay_mint;
	uint16_t path_mint;
	struct flow_id source; // what `w` in our Via names; slot and generation 0: none
	uint8_t record_count;
	struct record_route record[RECORDS_MAX]; // in the order in which they are prepended
	// DECISION_RETURN
	struct via next; // the Via under ours
	uint16_t flow_timer_s; // 0: none
	uint16_t keep_s; // for the `keep` of `next` (RFC 6223); 0: none
	// DECISION_FORWARD, DECISION_RETURN and DECISION_UNCHANGED
	bool strip_identity; // P-Asserted-Identity and P-Associated-URI from outside the trust domain (RFC 3325)
};
