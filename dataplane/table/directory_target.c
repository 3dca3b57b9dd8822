// directory_target.c: upstream targets: found by name, or picked by the hash of a Call-ID.

#include "directory_parts.h"

const struct link_target *directory_find_target(
	const struct directory *directory, struct span host, uint16_t port, uint16_t default_port)
{
	const struct name_entry *entry = name_set_find(&directory->target_names, host, port);

	if (entry == NULL && port == 0)
		entry = name_set_find(&directory->target_names, host, default_port);
	else if (entry == NULL && port == default_port)
		entry = name_set_find(&directory->target_names, host, 0);
	return entry == NULL ? NULL : &directory->targets[entry->value];
}

// The finalizer of splitmix64 (Steele, Lea and Flood, 2014): every bit in turns half of the bits out.
static uint64_t rendezvous_weigh(uint64_t call_id_hash, uint32_t identity)
{
	uint64_t mixed = call_id_hash ^ (identity + 1) * 0x9e3779b97f4a7c15u;

	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
	return mixed ^ mixed >> 31;
}

// Thaler and Ravishankar, 1998: the heaviest wins, so a target that leaves takes only its own calls along.
static const struct link_target *target_pick(const struct directory *directory,
	uint64_t call_id_hash, bool healthy, const struct target_filter *filter)
{
	const struct link_target *heaviest = NULL;
	uint64_t most = 0;

	for (uint32_t i = 0; i < directory->target_count; i++) {
		const struct link_target *target = &directory->targets[i];
		if (!target->balanced || (healthy && !target->healthy)
			|| (filter != NULL && !filter->takes(filter, target)))
			continue;
		uint64_t weight = rendezvous_weigh(call_id_hash, target->identity);
		if (heaviest == NULL || weight > most) {
			heaviest = target;
			most = weight;
		}
	}
	return heaviest;
}

const struct link_target *directory_pick_target(
	const struct directory *directory, uint64_t call_id_hash)
{
	return directory_pick_target_among(directory, call_id_hash, NULL);
}

const struct link_target *directory_pick_target_among(const struct directory *directory,
	uint64_t call_id_hash, const struct target_filter *filter)
{
	const struct link_target *target = target_pick(directory, call_id_hash, true, filter);

	return target != NULL ? target : target_pick(directory, call_id_hash, false, filter);
}

bool directory_has_stream_targets(const struct directory *directory)
{
	return directory->has_stream_targets;
}

const struct link_target *directory_first_target(
	const struct directory *directory, const struct target_filter *filter)
{
	const struct link_target *first = NULL;

	for (uint32_t i = 0; i < directory->target_count; i++) {
		const struct link_target *target = &directory->targets[i];

		if (!filter->takes(filter, target))
			continue;
		if (target->healthy)
			return target;
		if (first == NULL)
			first = target;
	}
	return first;
}

struct name_filter {
	struct target_filter filter; // first
	const struct target_filter *also;
	struct span host;
	uint16_t port;
	uint16_t default_port;
	bool exact;
};

// With or without the port that is the default: one counts as the other where nothing is named exactly.
static bool port_takes(const struct name_filter *name, uint16_t port)
{
	if (port == name->port)
		return true;
	return !name->exact
		&& ((name->port == 0 && port == name->default_port)
			|| (name->port == name->default_port && port == 0));
}

static bool name_takes(const struct target_filter *filter, const struct link_target *target)
{
	const struct name_filter *name = (const struct name_filter *)filter;

	return port_takes(name, target->port)
		&& span_equal_nocase(span_of(target->host, target->host_length), name->host)
		&& name->also->takes(name->also, target);
}

const struct link_target *directory_find_target_among(const struct directory *directory,
	struct span host, uint16_t port, uint16_t default_port, const struct target_filter *filter)
{
	struct name_filter name = {.filter = {name_takes},
		.also = filter,
		.host = name_set_unwrap(host),
		.port = port,
		.default_port = default_port,
		.exact = true};
	const struct link_target *found = directory_first_target(directory, &name.filter);

	name.exact = false;
	return found != NULL ? found : directory_first_target(directory, &name.filter);
}
