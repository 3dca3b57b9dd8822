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

enum side directory_peer_side(const struct directory *directory, uint8_t edge, uint8_t listener)
{
	return listener < LISTENERS_MAX ? directory->peer_sides[edge][listener] : SIDE_NONE;
}

const struct directory_listener *directory_own_namesake(
	const struct directory *directory, uint8_t edge, uint8_t listener)
{
	if (listener >= LISTENERS_MAX || directory->shared[edge][listener].own == 0)
		return NULL;
	return directory_listener(directory, directory->shared[edge][listener].own - 1);
}

uint8_t directory_claimant(const struct directory *directory, uint8_t edge, uint8_t listener)
{
	return listener < LISTENERS_MAX ? directory->shared[edge][listener].claimant : 0;
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
