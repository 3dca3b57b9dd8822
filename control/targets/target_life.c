// target_life.c: whether an address is believed to live.

#include "../base/clock.h"
#include "target_private.h"
#include "target_probe.h"

#include <openssl/rand.h>

void address_probe(struct target_set *set, struct address *address)
{
	uint8_t octets[PROBE_OCTETS_MAX];
	uint64_t id = 0;
	const struct target *target = &address->target;
	const struct target_options *options = &set->options;

	if (options->can_ask != NULL && !options->can_ask(options->context, target))
		return;
	// Ids are drawn, never counted: a stranger who could guess them could keep a dead address alive.
	if (RAND_bytes((unsigned char *)&id, sizeof(id)) != 1 || id == 0)
		return;
	struct span sent_by = options->sent_by_of == NULL
		? options->sent_by
		: options->sent_by_of(options->context, target);
	size_t length = probe_write(
		octets, target->transport, sent_by, &target->endpoint, id, ++address->probes);
	if (length == 0)
		return;
	address->probe_id = id;
	address->unanswered++;
	options->send(options->context, target, span_of(octets, length));
}

static void address_hear(struct target_set *set, struct address *address)
{
	address->unanswered = 0;
	if (address->target.alive)
		return;
	address->target.alive = true;
	address->target.alive_since_ms = clock_ms();
	target_set_change(set);
}

static struct address *address_find_probe(struct target_set *set, uint64_t id)
{
	struct name *name;

	TAILQ_FOREACH(name, &set->names, entry)
	for (unsigned i = 0; i < name->count; i++)
		if (name->addresses[i].probe_id == id)
			return &name->addresses[i];
	return NULL;
}

bool target_set_hear(struct target_set *set, const struct message *response)
{
	uint64_t id = probe_read(response);

	if (id == 0)
		return false;
	struct address *address = address_find_probe(set, id);
	if (address != NULL && response->status >= 200)
		address_hear(set, address);
	return true; // ours by its branch, even if too late to count
}

void target_set_refused(struct target_set *set, uint8_t transport, const struct endpoint *endpoint)
{
	struct name *name;
	bool news = false;

	TAILQ_FOREACH(name, &set->names, entry)
	{
		for (unsigned i = 0; i < name->count; i++) {
			struct target *target = &name->addresses[i].target;
			if (target->alive && target_is_at(target, transport, endpoint)) {
				target->alive = false;
				news = true;
			}
		}
	}
	if (news)
		target_set_change(set);
}

void target_set_greet(struct target_set *set, uint8_t transport, const struct endpoint *endpoint)
{
	struct name *name;

	TAILQ_FOREACH(name, &set->names, entry)
	{
		for (unsigned i = 0; i < name->count; i++) {
			struct address *address = &name->addresses[i];

			if (!target_is_at(&address->target, transport, endpoint))
				continue;
			address->unanswered = 0;
			address_probe(set, address);
		}
	}
}

bool target_set_is_dead(
	const struct target_set *set, uint8_t transport, const struct endpoint *endpoint)
{
	const struct name *name;
	bool dead = false;

	TAILQ_FOREACH(name, &set->names, entry)
	{
		for (unsigned i = 0; i < name->count; i++) {
			const struct target *target = &name->addresses[i].target;
			if (!target_is_at(target, transport, endpoint))
				continue;
			if (target->alive)
				return false;
			dead = true;
		}
	}
	return dead;
}
