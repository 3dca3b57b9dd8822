// upstream.h: the core targets of an edge: resolved, probed, and balanced for the dataplane.
//
// Names become addresses by DNS here; the dataplane gets addresses only (struct link_target). A target that stops answering
// leaves the balance at once; one that comes back joins after UPSTREAM_REJOIN_MS, so that CANCEL and ACK follow their INVITE (RFC
// 3263 section 4.4 on stateless proxies).

#pragma once

#include "target.h"

#include <weir/link.h>
#include <weir/message.h>

struct upstream;

enum {
	UPSTREAM_REJOIN_MS = 180000,
	UPSTREAM_FAMILIES = ENDPOINT_V6 + 1,
	UPSTREAM_TARGETS_MAX = 64, // addresses of all configured targets together
};

// The connection to a target of a stream transport.
struct upstream_connection {
	uint32_t slot; // its flow; generation 0: none is open
	uint32_t generation;
	bool alias; // the target may use it, too (RFC 5923)
	uint64_t since_ms; // open again since then, monotonic; 0: it was never lost
};

struct upstream_options {
	struct event_base *base;
	struct resolver *resolver;
	const struct destination
		*targets; // the caller's, until others are given by upstream_change()
	unsigned target_count;
	const struct destination *defaults; // of those, who share what names none of them; likewise
	unsigned default_count;
	uint32_t probe_every_ms;
	uint32_t down_after;
	// By enum endpoint_family: transport_bit()s by which such addresses can be sent to; others are passed over.
	unsigned transports[UPSTREAM_FAMILIES];
	// Of a target of a stream transport: it is opened if there is none. NULL: there are none.
	struct upstream_connection (*connection)(void *context, const struct target *target);
	struct span (*sent_by)(void *context, const struct target *to); // of the probes' Via
	void (*send)(void *context, const struct target *to, const struct upstream_connection *by,
		struct span octets);
	// What upstream_list() gives has changed: the directory is to be sent anew.
	void (*changed)(void *context);
	void *context;
};

// 0 or a negative errno.
[[nodiscard]] int upstream_open(const struct upstream_options *options, struct upstream **upstream);
void upstream_close(struct upstream *upstream);
// From now on these targets and defaults, and this pace of probes; of `options` nothing else counts. What is known of a target that stays is
// kept. 0 or a negative errno: then some of them are not followed.
[[nodiscard]] int upstream_change(
	struct upstream *upstream, const struct upstream_options *options);
// The targets as the dataplane is to see them now. out holds UPSTREAM_TARGETS_MAX. Returns how many.
unsigned upstream_list(struct upstream *upstream, struct link_target *out);
// A connection has been opened or lost.
void upstream_look(struct upstream *upstream);
// One is open to this address: it is probed at once.
void upstream_greet(struct upstream *upstream, uint8_t transport, const struct endpoint *endpoint);
// A response with control's own branch: true if it answered a probe of ours.
[[nodiscard]] bool upstream_hear(struct upstream *upstream, const struct message *response);
