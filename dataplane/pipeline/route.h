// route.h: the Routes on top of a request that name this cluster, with what their user parts redeem to.

#pragma once

#include <weir/message.h>
#include <weir/token.h>
#include <weir/uri.h>

enum {
	// Own Routes of one message that are walked: four of double Record-Route at both ends, and as many again for a proxy behind
	// the edge. A request with more of them is refused.
	ROUTES_MAX = 16,
};

struct hop {
	struct slice value; // the whole Route value
	struct uri uri;
	struct slice text; // what stands between the angle brackets
	bool has_token; // there is a user part
	uint8_t verdict; // enum token_verdict, if has_token
	struct token token; // if verdict is TOKEN_OK
};

struct routes {
	uint8_t count; // of own Routes from the top; from another edge, the relay Route is the first whatever its host
	bool crowded; // there are more than ROUTES_MAX of them
	bool has_next; // a Route of somebody else follows
	bool next_is_strict; // it has no `lr` (RFC 3261 section 16.6, step 6)
	bool next_is_secure; // it is a sips URI
	struct slice next;
	struct uri next_uri; // scheme URI_OTHER: none that we know
	struct hop hop[ROUTES_MAX];
};
