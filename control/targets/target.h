// target.h: names that messages are sent to: resolved again and again, each address probed with OPTIONS.
//
// The edge follows its upstream targets so, and the core role the hosts of Path and Route. A name keeps its last good answer
// when DNS is silent or loses it; an address counts as alive until probes went unanswered. Any final response proves life
// (RFC 3261 section 11).

#pragma once

#include "resolver.h"

#include <weir/endpoint.h>
#include <weir/message.h>

struct target_set;

enum {
	TARGET_NAMES_MAX = 1024, // names followed at once; the one unused for longest makes way
};

// One address of a name.
struct target {
	struct endpoint endpoint;
	struct span host; // that was asked for, the set's: whom TLS is to find there
	uint8_t transport; // enum transport: UDP, TCP or TLS
	uint16_t priority;
	uint16_t weight;
	bool alive;
	uint64_t alive_since_ms; // monotonic; 0: alive since it was learnt
};

struct target_options {
	struct event_base *base;
	struct resolver *resolver;
	unsigned transports; // transport_bit()s that can be sent by
	uint32_t probe_every_ms;
	uint32_t down_after; // probes in a row without an answer
	struct span sent_by; // of the probes' Via; kept by the caller
	// In place of sent_by, of the probes to one target; NULL: the same for all.
	struct span (*sent_by_of)(void *context, const struct target *to);
	// Whether anything can be sent there now: an address that cannot be asked is not taken for silent. NULL: always.
	bool (*can_ask)(void *context, const struct target *to);
	// Sends one message by the target's transport. Errors are silence.
	void (*send)(void *context, const struct target *to, struct span octets);
	// Addresses or their life have changed. May be NULL.
	void (*changed)(void *context);
	void *context;
};

// NULL: out of memory.
[[nodiscard]] struct target_set *target_set_new(const struct target_options *options);
void target_set_free(struct target_set *set);

// Follow a name from now on. pinned: never makes way for another. 0 or a negative errno.
[[nodiscard]] int target_set_follow(
	struct target_set *set, const struct destination *destination, bool pinned);
// Not any more, and nothing is known of it: what was pinned makes way at once.
void target_set_forget(struct target_set *set, const struct destination *destination);
// Another pace of probes, from now on.
void target_set_probe(struct target_set *set, uint32_t every_ms, uint32_t down_after);
// The name's addresses in order of preference, NULL and *count 0 while there are none. Asking keeps the name followed. The
// array is good until the loop runs again.
const struct target *target_set_find(
	struct target_set *set, const struct destination *destination, unsigned *count);
// The first living address, or the first one if none lives. NULL: not followed, or not resolved yet.
const struct target *target_set_pick(struct target_set *set, const struct destination *destination);
// A response to a probe of ours: true, and it is used up. False: somebody else's.
[[nodiscard]] bool target_set_hear(struct target_set *set, const struct message *response);
// It can be asked now, and could not before: it is, at once, and has not been silent so far.
void target_set_greet(struct target_set *set, uint8_t transport, const struct endpoint *endpoint);
// True if an address of some name is believed to be dead, and of none to live.
[[nodiscard]] bool target_set_is_dead(
	const struct target_set *set, uint8_t transport, const struct endpoint *endpoint);
// ICMP unreachable from there, or no connection to it: the next pick takes another address.
void target_set_refused(struct target_set *set, uint8_t transport, const struct endpoint *endpoint);
