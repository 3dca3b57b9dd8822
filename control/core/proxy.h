// proxy.h: the stateful proxy of the core role (RFC 3261 section 16, RFC 5626 section 7).
//
// A request becomes a context with a server transaction and a branch for each instance that it is to reach; the branches' answers
// become one. Works on messages, with time and network as arguments, so that a test is its network. Whatever is not proxying (REGISTER,
// OPTIONS to ourselves) is core.h's.

#pragma once

#include "../transaction/transaction.h"
#include "gruu.h"
#include "location.h"
#include "own_names.h"

struct proxy;

enum proxy_way {
	PROXY_WAY_FOUND,
	PROXY_WAY_PENDING, // its name is being looked up: proxy_look_again() will be called
	PROXY_WAY_NONE, // no address is left to try
};

struct proxy_options {
	const struct hash_keys *hashes; // of this process
	struct own_names own;
	bool record_route;
	struct location *location;
	const struct gruu_key *gruu_key;
	uint32_t transactions_max;
	uint32_t forks_max; // instances that one request is sent to
	uint32_t timer_c_ms;
	// The best address of a URI's host among those not tried (RFC 3263 section 4.3), and whether it is believed to live.
	enum proxy_way (*resolve)(void *context, const uint8_t *base, const struct uri *uri,
		const struct hop *tried, unsigned tried_count, struct hop *hop, bool *lives);
	// The hop of a connection. False: it has closed.
	bool (*find_flow)(void *context, uint64_t connection, struct hop *hop);
	// Give a hop of a stream its connection, to whom `name` says. False: there is no way there.
	bool (*reach)(void *context, struct span name, struct hop *hop);
	// True if a next hop that is sent to by UDP may be tried by TCP.
	bool (*has_tcp)(void *context, const struct endpoint *peer);
	// True if a next hop is known to have died.
	bool (*is_dead)(void *context, const struct hop *hop);
	// What cannot be sent is lost; that a connection has ended is told by proxy_fail().
	void (*send)(void *context, const struct hop *to, struct span octets);
	void *context;
};

struct proxy_counters {
	uint64_t contexts; // requests that were answered with state
	uint64_t refused; // answered by us with anything but 2xx
	uint64_t overloaded; // 503, since the table was full
	uint64_t forked; // requests to more than one instance
	uint64_t next_flows; // another flow of an instance was tried
	uint64_t next_addresses; // another address of a next hop was tried
	uint64_t flows_failed; // bindings whose flow was found dead
	uint64_t timer_c;
	uint64_t loops; // 482
	uint64_t strays; // responses and CANCELs that belong to nothing
	uint64_t large; // requests that went by TCP for their size
	uint64_t dropped; // nowhere to send to, or not to be written
};

// Everything the options point to outlives the proxy. NULL: out of memory.
[[nodiscard]] struct proxy *proxy_new(const struct proxy_options *options);
void proxy_free(struct proxy *proxy);

// A message that was received, parsed.
void proxy_take(struct proxy *proxy, const struct message *message, const struct hop *source,
	uint64_t now_ms);
// Timers that are due.
void proxy_run(struct proxy *proxy, uint64_t now_ms);
// When proxy_run() is to be called next; TIMERS_NEVER: no timer is set.
uint64_t proxy_due(const struct proxy *proxy);
// The transport could not deliver by that connection, or without one to that address.
void proxy_fail(struct proxy *proxy, const struct hop *gone, uint64_t now_ms);
// Names have been resolved, or addresses have died.
void proxy_look_again(struct proxy *proxy, uint64_t now_ms);

const struct proxy_counters *proxy_count(const struct proxy *proxy);
const struct transactions_counters *proxy_count_transactions(const struct proxy *proxy);
// Transactions and contexts there are now.
void proxy_measure(const struct proxy *proxy, uint32_t *transactions, uint32_t *contexts);
