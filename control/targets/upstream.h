// upstream.h: the core targets of an edge: resolved, probed, and balanced for the dataplane.
//
// Names become addresses by DNS here; the dataplane gets addresses only (struct link_target). A target that stops answering
// leaves the balance at once; one that comes back joins after UPSTREAM_REJOIN_MS, so that CANCEL and ACK follow their INVITE (RFC
// 3263 section 4.4 on stateless proxies).

#pragma once

#include "resolver.h"

#include <weir/link.h>
#include <weir/message.h>

struct upstream;

enum {
	UPSTREAM_REJOIN_MS = 180000,
	UPSTREAM_FAMILIES = ENDPOINT_V6 + 1,
	UPSTREAM_TARGETS_MAX = 64, // addresses of all configured targets together
};

// One configured target: host and port of a SIP URI; port 0: by SRV.
struct upstream_target {
	struct span host;
	uint16_t port;
};

struct upstream_options {
	struct event_base *base;
	struct resolver *resolver;
	const struct upstream_target *targets; // the caller's, as long as the upstream lives
	unsigned target_count;
	uint32_t probe_every_ms;
	uint32_t down_after;
	struct span sent_by; // of the probes' Via
	bool families
		[UPSTREAM_FAMILIES]; // by enum endpoint_family: those that can be sent to; other addresses are passed over
	void (*send)(void *context, const struct endpoint *to, struct span octets);
	// What upstream_list() gives has changed: the directory is to be sent anew.
	void (*changed)(void *context);
	void *context;
};

// 0 or a negative errno.
[[nodiscard]] int upstream_open(const struct upstream_options *options, struct upstream **upstream);
void upstream_close(struct upstream *upstream);
// The targets as the dataplane is to see them now. out holds UPSTREAM_TARGETS_MAX. Returns how many.
unsigned upstream_list(struct upstream *upstream, struct link_target *out);
// A response with control's own branch: true if it answered a probe of ours.
[[nodiscard]] bool upstream_hear(struct upstream *upstream, const struct message *response);
