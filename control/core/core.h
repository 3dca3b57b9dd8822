// core.h: `role: core`: a registrar and proxy for the domains of a small network, standing where a registrar stands behind edges.
//
// A SIP server over UDP on a libevent loop. Registrations bring Path (RFC 3327); requests to an AOR follow it, to the living
// target that its SRV records prefer. Stateless proxying (RFC 3261 section 16.11), one binding a request.

#pragma once

#include "../targets/resolver.h"
#include "registrar.h"

#include <weir/endpoint.h>

enum {
	CORE_LISTENERS_MAX = 16,
};

struct core_options {
	struct event_base *base;
	struct resolver *resolver;
	const struct endpoint *listeners;
	unsigned listener_count;
	struct span sent_by; // of our Via: "host" or "host:port"
	struct span name; // "host" or "host:port" of our Record-Route
	bool record_route;
	uint32_t probe_every_ms;
	uint32_t probe_down_after;
	struct registrar_options registrar;
};

struct core_counters {
	uint64_t received;
	uint64_t sent;
	uint64_t registered; // REGISTERs answered 200
	uint64_t refused; // requests answered by us with anything but 2xx
	uint64_t dropped; // unreadable, or with nowhere to go yet
};

struct core;

// Everything the options point to stays the caller's and outlives the core. 0 or a negative errno; *failed is the listener that
// could not be opened, or -1.
[[nodiscard]] int core_open(const struct core_options *options, struct core **core, int *failed);
void core_close(struct core *core);
const struct core_counters *core_count(const struct core *core);
struct location *core_location(struct core *core);
