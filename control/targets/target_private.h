// target_private.h: what target.c (names and their addresses) and target_life.c (which of them live) share.

#pragma once

#include "target.h"

#include <sys/queue.h>

// An address of a name, and the probes that are out to it.
struct address {
	struct target target;
	uint64_t probe_id; // of its latest probe
	uint32_t probes; // sent so far
	uint32_t unanswered; // in a row
};

struct name {
	TAILQ_ENTRY(name) entry; // the one asked for last comes first
	struct target_set *set;
	struct event *resolve_timer;
	struct destination destination; // its host is `host`
	bool pinned;
	bool asking;
	bool forgotten; // it goes as soon as its answer has come
	uint8_t host[DNS_NAME_MAX];
	unsigned count;
	struct address addresses[RESOLVED_MAX];
	struct target view[RESOLVED_MAX]; // what target_set_find() hands out
};

struct target_set {
	struct target_options options;
	struct event *probe_timer;
	unsigned count;
	TAILQ_HEAD(name_list, name) names;
};

static inline void target_set_change(struct target_set *set)
{
	if (set->options.changed != NULL)
		set->options.changed(set->options.context);
}

static inline bool target_is_at(
	const struct target *target, uint8_t transport, const struct endpoint *endpoint)
{
	return target->transport == transport && endpoint_equal(&target->endpoint, endpoint);
}

// target_life.c: ask it whether it lives.
void address_probe(struct target_set *set, struct address *address);
