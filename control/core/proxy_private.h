// proxy_private.h: what the parts of the proxy share: proxy.c (messages in), proxy_route.c (where to), context.c (a request),
// branch.c (one instance that it is sent to), branch_attempt.c (one address of it), proxy_stateless.c (what needs no state).

#pragma once

#include "best.h"
#include "breadth.h"
#include "flow_set.h"
#include "forward.h"
#include "proxy.h"

#include <sys/queue.h>

enum {
	PROXY_HEAD_ROOM = 8192, // of the copy that is edited: what we add to a message
	PROXY_URI_MAX = 1024, // of our Record-Route
	// RFC 3261 section 18.1.1: a larger request goes by TCP where it can.
	PROXY_DATAGRAM_MAX = 1300,
	PROXY_TRIED_MAX = 8, // addresses of one next hop
	PROXY_NAME_PATIENCE_MS = 4000, // for a name that is being looked up
	// RFC 4320 section 4.1: when a client's timer E has reached T2.
	PROXY_TRYING_MS = 3500,
	PROXY_OVERLOADED = 503, // the one status that is answered without state
};

enum branch_state {
	BRANCH_RESOLVING,
	BRANCH_ASKING, // sent, nothing heard
	BRANCH_HEARD, // a provisional response
	BRANCH_OVER,
};

struct context;

// Where a request is to go.
struct route {
	struct uri uri; // that leads to the next hop
	unsigned own_routes; // above it
	bool is_aor; // it is the request-URI, one of ours, and nothing is routed past it
	struct hop flow; // the connection that a Route of ours names; connection 0: none does
};

// One instance that a request is sent to: over one flow after another, each at one address after another.
struct branch {
	TAILQ_ENTRY(branch) entry; // of the context
	TAILQ_ENTRY(branch) unheard; // of the proxy, in the states RESOLVING and ASKING
	struct context *context;
	struct transaction *client; // of the attempt under way, or NULL
	uint8_t state; // enum branch_state
	uint8_t flow; // the one in use, into the context's flows
	uint8_t flow_end; // behind the instance's last one
	bool cancelled;
	bool large; // the attempt goes by TCP for its size alone
	uint32_t breadth;
	struct timer timer; // RESOLVING: patience; else timer C
	struct hop hop; // of the attempt under way
	unsigned tried_count;
	struct hop tried[PROXY_TRIED_MAX];
};

TAILQ_HEAD(branch_list, branch);

// One request: what came, where it goes, what came back (the response context of RFC 3261 section 16).
struct context {
	TAILQ_ENTRY(context) entry;
	struct proxy *proxy;
	struct transaction *server; // NULL: it has ended
	unsigned transactions; // that name this context or a branch of it
	struct hop source;
	struct hop back; // where responses go
	uint8_t method; // enum method
	bool registered; // the targets are bindings of ours
	bool in_dialog; // it has a To-tag
	bool forms_dialog; // by its method
	bool from_flow; // it came straight from a phone by a connection
	bool cancelled;
	bool final; // a final response has gone upstream
	bool decided; // a 2xx or 6xx came: nothing new is tried
	unsigned own_routes;
	uint32_t breadth;
	uint64_t began_ms;
	uint8_t loop[LOOP_TEXT];
	struct timer timer; // 100 to a request other than INVITE
	struct best best;
	struct flow_set flows;
	unsigned open; // branches that are not over
	struct branch_list branches;
	size_t length;
	uint8_t request[]; // as received
};

struct proxy {
	struct proxy_options options;
	struct proxy_counters counters;
	struct timers *timers;
	struct transactions *transactions;
	uint32_t context_count;
	uint64_t branch_count; // so that each branch is another
	TAILQ_HEAD(, context) contexts;
	struct branch_list unheard;
	struct message message; // a kept message, read again
	struct edit_plan plan;
	uint8_t record_route[PROXY_URI_MAX];
	uint8_t out[PROXY_HEAD_ROOM + UINT16_MAX + 1];
};

// --- context.c ---

// A request with its server transaction. NULL: no room.
[[nodiscard]] struct context *context_new(struct proxy *proxy, const struct message *request,
	const struct hop *source, uint64_t now_ms);
// Answer it ourselves. `headers` are whole lines.
void context_answer(struct context *context, unsigned status, struct span headers, uint64_t now_ms);
// Send it to context->flows, all instances at once.
void context_start(struct context *context, uint64_t now_ms);
void context_cancel(struct context *context, uint64_t now_ms);
// A provisional response or a 2xx of a branch goes upstream.
void context_pass(struct context *context, const struct message *response, uint64_t now_ms);
// A branch got its 2xx or 6xx: the others are cancelled, and nothing new is tried.
void context_decide(struct context *context, const struct branch *winner, uint64_t now_ms);
// A branch is over with this status; the last one brings the answer.
void context_close_branch(
	struct context *context, unsigned status, const struct message *response, uint64_t now_ms);
// One transaction less; the last one takes the context with it.
void context_release(struct context *context);
// The request, read again into proxy->message.
[[nodiscard]] bool context_read(struct context *context);
void context_free(struct context *context);

// --- branch.c ---

// NULL: out of memory.
[[nodiscard]] struct branch *branch_new(
	struct context *context, const struct instance *instance, uint32_t breadth);
void branch_start(struct branch *branch, uint64_t now_ms);
void branch_cancel(struct branch *branch, uint64_t now_ms);
// Names or lives have changed while it is not heard.
void branch_look_again(struct branch *branch, uint64_t now_ms);
void branch_free(struct branch *branch);
void branch_enter(struct branch *branch, enum branch_state state);
// Timer C begins anew.
void branch_timer_restart(struct branch *branch, uint64_t now_ms);
// What the client transaction of an attempt tells.
extern const struct transaction_user BRANCH_USER;

// --- branch_attempt.c ---

// Try the next address of the flow. False: there is none.
[[nodiscard]] bool branch_try(struct branch *branch, uint64_t now_ms);
// TCP was tried for the size alone, and there is none: by UDP then. False: it was not, and the attempt has failed.
[[nodiscard]] bool branch_send_small(struct branch *branch, uint64_t now_ms);

// --- proxy_route.c ---

// Fill context->flows. 0, or the status to refuse with.
[[nodiscard]] unsigned proxy_route(
	struct context *context, const struct message *request, uint64_t now_ms);
// Where a request goes that came from `source`. 0, or the status to refuse with.
[[nodiscard]] unsigned proxy_route_find(const struct proxy *proxy, const struct message *request,
	const struct hop *source, struct route *route);

// --- proxy_stateless.c ---

// RFC 3261 section 16.11: an ACK to a 2xx, and a CANCEL of nothing that we know.
void proxy_pass_request(
	struct proxy *proxy, const struct message *request, const struct hop *source);
// A response to what proxy_pass_request() sent, by its branch; any other belongs to nothing (RFC 6026 section 7.3).
void proxy_pass_response(struct proxy *proxy, const struct message *response);
// Refuse without state, with PROXY_OVERLOADED. `headers` are whole lines.
void proxy_refuse(struct proxy *proxy, const struct message *request, const struct hop *source,
	struct span headers);
