// forward.h: how the core role turns a request into the one it sends on (RFC 3261 section 16.6).
//
// Written as edits of the received message: unknown headers, order and body stay as they are.

#pragma once

#include <weir/edit.h>
#include <weir/endpoint.h>
#include <weir/keyhash.h>
#include <weir/message.h>
#include <weir/side.h>
#include <weir/uri.h>

enum {
	FORWARD_BRANCH_TEXT = 22, // 128 bits
};

// Everything that the plan needs beyond the message.
struct forward {
	const struct hash_keys *hashes; // of this process: for the branch
	struct span branch; // behind the cookie; length 0: by hash of the request (section 16.11)
	struct span sent_by; // of our Via
	uint8_t transport; // enum transport; likewise
	bool alias; // likewise: requests for sent-by may come by this connection (RFC 5923)
	struct span record_route; // our values, or length 0
	struct endpoint source;
	struct span target; // new request-URI, or length 0
	struct span path; // Route values to put in front, or length 0
	unsigned own_routes; // Route values popped from the top
	uint32_t breadth; // Max-Breadth (RFC 5393 section 5.3); 0: as it is
};

// Note all edits. False: they do not fit.
[[nodiscard]] bool forward_plan(
	const struct forward *forward, const struct message *request, struct edit_plan *plan);
// Note the edits of a response: our Via goes. False: there is none below it.
[[nodiscard]] bool forward_plan_response(const struct message *response, struct edit_plan *plan);
// The branch that a request gets which is forwarded without state, behind the cookie; `via` is the top one that is not ours.
void forward_write_branch(const struct hash_keys *hashes, const struct message *message,
	const struct via *via, uint8_t out[FORWARD_BRANCH_TEXT]);
// The Via below the top one. False: none, or it does not parse.
[[nodiscard]] bool forward_next_via(const struct message *message, struct via *via);
