// core.h: `role: core`: a registrar and proxy for the domains of a small network, standing where a registrar stands behind edges.
//
// A SIP server over UDP, TCP and TLS on a libevent loop. Registrations bring Path (RFC 3327); requests to an AOR are forked to its instances, each over
// one flow after another (RFC 5626 section 7), to the living target that its SRV records prefer: proxy.h.

#pragma once

#include "../targets/resolver.h"
#include "../trunks/trunks.h"
#include "proxy.h"
#include "registrar.h"

enum {
	CORE_LISTENERS_MAX = 16,
};

struct core_options {
	struct event_base *base;
	struct resolver *resolver;
	const struct trunk_listener *listeners;
	unsigned listener_count;
	struct own_name names[TRANSPORT_TLS + 1]; // by enum transport: where there is a listener
	struct trunk_limits limits;
	struct tls_set *tls; // taken over; NULL: no TLS
	struct span client_tls; // entry that next hops are shown
	bool record_route;
	uint32_t probe_every_ms;
	uint32_t probe_down_after;
	uint32_t transactions_max;
	uint32_t forks_max;
	uint32_t timer_c_ms;
	struct registrar_options registrar;
};

struct core_counters {
	uint64_t received;
	uint64_t sent;
	uint64_t registered; // REGISTERs answered 200
	uint64_t
		refused; // requests answered by the registrar, or for their form, with anything but 2xx
	uint64_t flows_closed; // bindings that ended with the connection they were registered by
	uint64_t dropped; // unreadable, or a Path whose host cannot be followed
};

struct core;

// Everything the options point to stays the caller's and outlives the core. 0 or a negative errno; *failed is the listener that
// could not be opened, or -1.
[[nodiscard]] int core_open(const struct core_options *options, struct core **core, int *failed);
void core_close(struct core *core);
// Connections from now on are shown these certificates. Taken over.
void core_set_tls(struct core *core, struct tls_set *set);
const struct trunks_counts *core_count_connections(const struct core *core);
const struct core_counters *core_count(const struct core *core);
const struct proxy *core_proxy(const struct core *core);
struct location *core_location(struct core *core);
