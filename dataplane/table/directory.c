#include "directory_parts.h"

enum {
	DEFAULT_PORT = 5060, // RFC 3261 section 19.1.2
	DEFAULT_PORT_TLS = 5061,
};

const struct link_settings *directory_settings(const struct directory *directory)
{
	return &directory->settings;
}

bool directory_is_own(
	const struct directory *directory, struct span host, uint16_t port, uint16_t default_port)
{
	return name_set_find(&directory->names, host, port != 0 ? port : default_port) != NULL;
}

const struct directory_listener *directory_listener(const struct directory *directory, uint8_t id)
{
	if (id >= LISTENERS_MAX || directory->listeners[id] == NULL)
		return NULL;
	return &directory->listeners[id]->listener;
}

const struct directory_listener *directory_side_listener(
	const struct directory *directory, enum side side, enum transport transport, uint8_t family)
{
	if (family != ENDPOINT_V4 && family != ENDPOINT_V6)
		return NULL;
	return directory->side_listeners[side][transport][family_index(family)];
}

// A sent-by without a port has the default one of a transport that the Via's reader knows better than we do: either counts.
static const struct name_entry *edge_name_find(
	const struct directory *directory, struct span host, uint16_t port)
{
	if (port != 0)
		return name_set_find(&directory->names, host, port);
	const struct name_entry *entry = name_set_find(&directory->names, host, DEFAULT_PORT);

	return entry != NULL ? entry : name_set_find(&directory->names, host, DEFAULT_PORT_TLS);
}

bool directory_find_sent_by(const struct directory *directory, struct span host, uint16_t port,
	struct directory_via *found)
{
	const struct name_entry *own = name_set_find(&directory->sent_bys, host, port);

	if (own != NULL) {
		*found = (struct directory_via){
			.edge = directory->settings.edge, .listener = (uint8_t)own->value};
		return true;
	}
	const struct name_entry *name = edge_name_find(directory, host, port);
	if (name == NULL || name->value == 0)
		return false;
	*found = (struct directory_via){
		.edge = (uint8_t)name->value, .listener = DIRECTORY_NO_LISTENER};
	return true;
}

const struct directory_peer *directory_peer(const struct directory *directory, uint8_t edge)
{
	return directory->peers[edge] == NULL ? NULL : &directory->peers[edge]->peer;
}

enum transport directory_peer_transport(
	const struct directory *directory, uint8_t edge, uint8_t listener)
{
	return listener < LISTENERS_MAX ? directory->peer_transports[edge][listener]
					: TRANSPORT_NONE;
}

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
static const struct link_target *target_pick(
	const struct directory *directory, uint64_t call_id_hash, bool healthy)
{
	const struct link_target *heaviest = NULL;
	uint64_t most = 0;

	for (uint32_t i = 0; i < directory->target_count; i++) {
		const struct link_target *target = &directory->targets[i];
		if (!target->balanced || (healthy && !target->healthy))
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
	const struct link_target *target = target_pick(directory, call_id_hash, true);

	return target != NULL ? target : target_pick(directory, call_id_hash, false);
}

bool directory_prefix_listed(const struct directory *directory, enum link_prefix_list list,
	uint8_t listener, const struct endpoint *endpoint)
{
	if (listener >= LISTENERS_MAX)
		return false;
	unsigned key = prefix_key(list, listener);

	for (unsigned i = directory->prefix_begin[key]; i < directory->prefix_begin[key + 1]; i++)
		if (prefix_contains(&directory->prefixes[i].prefix, endpoint))
			return true;
	return false;
}

bool directory_is_listener(const struct directory *directory, const struct endpoint *endpoint)
{
	return endpoint_set_holds(&directory->endpoints, endpoint, ENDPOINT_IS_LISTENER);
}

bool directory_is_peer_relay(const struct directory *directory, const struct endpoint *endpoint)
{
	return endpoint_set_holds(&directory->endpoints, endpoint, ENDPOINT_IS_RELAY);
}

bool directory_is_target(const struct directory *directory, const struct endpoint *endpoint)
{
	return endpoint_set_holds(&directory->endpoints, endpoint, ENDPOINT_IS_TARGET);
}
