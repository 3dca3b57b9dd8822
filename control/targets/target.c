#include "../base/clock.h"
#include "target_private.h"

#include <errno.h>
#include <stdlib.h>

enum {
	RESOLVE_MIN_MS = 1000, // however short the time to live
	RESOLVE_MAX_MS = 60000,
	RESOLVE_RETRY_MS = 2000, // after silence or an unknown name
};

static struct timeval timeval_of(uint32_t ms)
{
	return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static struct name *name_find(struct target_set *set, const struct destination *destination)
{
	struct name *name;

	TAILQ_FOREACH(name, &set->names, entry)
	if (!name->forgotten && destination_equal(&name->destination, destination))
		return name;
	return NULL;
}

static void name_free(struct name *name)
{
	TAILQ_REMOVE(&name->set->names, name, entry);
	name->set->count--;
	if (name->resolve_timer != NULL)
		event_free(name->resolve_timer);
	free(name);
}

static bool address_judge(struct target_set *set, struct address *address)
{
	if (!address->target.alive || address->unanswered < set->options.down_after)
		return false;
	address->target.alive = false;
	return true;
}

static void probe_fired(evutil_socket_t socket, short what, void *argument)
{
	struct target_set *set = argument;
	struct name *name;
	bool news = false;

	TAILQ_FOREACH(name, &set->names, entry)
	{
		for (unsigned i = 0; i < name->count; i++) {
			news |= address_judge(set, &name->addresses[i]);
			address_probe(set, &name->addresses[i]);
		}
	}
	if (news)
		target_set_change(set);
}

struct target_set *target_set_new(const struct target_options *options)
{
	struct target_set *set = calloc(1, sizeof(*set));
	struct timeval every = timeval_of(options->probe_every_ms);

	if (set == NULL)
		return NULL;
	set->options = *options;
	TAILQ_INIT(&set->names);
	set->probe_timer = event_new(options->base, -1, EV_PERSIST, probe_fired, set);
	if (set->probe_timer == NULL || event_add(set->probe_timer, &every) != 0) {
		target_set_free(set);
		return NULL;
	}
	return set;
}

void target_set_free(struct target_set *set)
{
	while (!TAILQ_EMPTY(&set->names))
		name_free(TAILQ_FIRST(&set->names));
	if (set->probe_timer != NULL)
		event_free(set->probe_timer);
	free(set);
}

static void resolve_later(struct name *name, uint32_t ms)
{
	struct timeval wait = timeval_of(ms);

	evtimer_add(name->resolve_timer, &wait);
}

// What is known of an address that the name keeps outlives a new answer.
static struct address address_carry(const struct name *name, const struct resolved *resolved)
{
	struct address fresh = {.target = {.endpoint = resolved->endpoint,
					.host = name->destination.host,
					.transport = resolved->transport,
					.alive = true}};

	for (unsigned i = 0; i < name->count; i++)
		if (target_is_at(
			    &name->addresses[i].target, resolved->transport, &resolved->endpoint))
			fresh = name->addresses[i];
	fresh.target.priority = resolved->priority;
	fresh.target.weight = resolved->weight;
	return fresh;
}

static bool name_update(struct name *name, const struct resolved *resolved, unsigned count)
{
	struct address addresses[RESOLVED_MAX] = {0};
	bool same = count == name->count;

	for (unsigned i = 0; i < count; i++) {
		addresses[i] = address_carry(name, &resolved[i]);
		same = same
			&& target_is_at(&name->addresses[i].target, resolved[i].transport,
				&resolved[i].endpoint);
	}
	memcpy(name->addresses, addresses, sizeof(addresses));
	name->count = count;
	return !same;
}

static void probe_new_addresses(struct name *name)
{
	for (unsigned i = 0; i < name->count; i++)
		if (name->addresses[i].probes == 0)
			address_probe(name->set, &name->addresses[i]);
}

static void resolved_came(
	void *context, int status, const struct resolved *resolved, unsigned count, uint32_t ttl_s)
{
	struct name *name = context;

	name->asking = false;
	if (name->forgotten) {
		name_free(name);
		return;
	}
	if (status != 0) {
		resolve_later(name, RESOLVE_RETRY_MS);
		return;
	}
	bool news = name_update(name, resolved, count);
	uint32_t wait_ms = ttl_s > RESOLVE_MAX_MS / 1000 ? RESOLVE_MAX_MS : ttl_s * 1000;
	resolve_later(name, wait_ms < RESOLVE_MIN_MS ? RESOLVE_MIN_MS : wait_ms);
	probe_new_addresses(name);
	if (news)
		target_set_change(name->set);
}

static void resolve_fired(evutil_socket_t socket, short what, void *argument)
{
	struct name *name = argument;

	name->asking = true;
	if (resolver_ask(name->set->options.resolver, &name->destination,
		    name->set->options.transports, resolved_came, name)
		!= 0) {
		name->asking = false;
		resolve_later(name, RESOLVE_RETRY_MS);
	}
}

// The name unused for longest makes way; one with a question out has a pointer abroad and stays.
static bool name_evict(struct target_set *set)
{
	struct name *name;

	TAILQ_FOREACH_REVERSE(name, &set->names, name_list, entry)
	{
		if (!name->pinned && !name->asking) {
			name_free(name);
			return true;
		}
	}
	return false;
}

static struct name *name_new(struct target_set *set, const struct destination *destination)
{
	struct name *name = calloc(1, sizeof(*name));

	if (name == NULL)
		return NULL;
	name->set = set;
	name->destination = *destination;
	name->destination.host = span_of(name->host, destination->host.length);
	memcpy(name->host, destination->host.octets, destination->host.length);
	TAILQ_INSERT_HEAD(&set->names, name, entry);
	set->count++;
	name->resolve_timer = evtimer_new(set->options.base, resolve_fired, name);
	if (name->resolve_timer != NULL)
		return name;
	name_free(name);
	return NULL;
}

int target_set_follow(struct target_set *set, const struct destination *destination, bool pinned)
{
	struct name *name = name_find(set, destination);

	if (name != NULL) {
		name->pinned |= pinned;
		return 0;
	}
	if (destination->host.length == 0 || destination->host.length > DNS_NAME_MAX)
		return -EINVAL;
	if (set->count == TARGET_NAMES_MAX && !name_evict(set))
		return -ENOSPC;
	name = name_new(set, destination);
	if (name == NULL)
		return -ENOMEM;
	name->pinned = pinned;
	resolve_fired(-1, 0, name);
	return 0;
}

// One with a question out has a pointer abroad: it is emptied, and goes with the answer.
void target_set_forget(struct target_set *set, const struct destination *destination)
{
	struct name *name = name_find(set, destination);

	if (name == NULL)
		return;
	if (!name->asking) {
		name_free(name);
		return;
	}
	name->forgotten = true;
	name->pinned = false;
	name->count = 0;
}

void target_set_probe(struct target_set *set, uint32_t every_ms, uint32_t down_after)
{
	struct timeval every = timeval_of(every_ms);

	set->options.down_after = down_after;
	if (every_ms == set->options.probe_every_ms)
		return;
	set->options.probe_every_ms = every_ms;
	event_add(set->probe_timer, &every);
}

const struct target *target_set_find(
	struct target_set *set, const struct destination *destination, unsigned *count)
{
	struct name *name = name_find(set, destination);

	*count = name == NULL ? 0 : name->count;
	if (*count == 0)
		return NULL;
	TAILQ_REMOVE(&set->names, name, entry);
	TAILQ_INSERT_HEAD(&set->names, name, entry);
	for (unsigned i = 0; i < name->count; i++)
		name->view[i] = name->addresses[i].target;
	return name->view;
}

const struct target *target_set_pick(struct target_set *set, const struct destination *destination)
{
	unsigned count;
	const struct target *targets = target_set_find(set, destination, &count);

	for (unsigned i = 0; i < count; i++)
		if (targets[i].alive)
			return &targets[i];
	return count > 0 ? &targets[0] : NULL;
}
