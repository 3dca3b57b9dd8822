// check_takeover.c: addresses that move between edges.

#include "reader.h"

static bool peer_is_there(const struct config *config, uint8_t id)
{
	for (size_t i = 0; i < config->cluster.peers.count; i++)
		if (config->cluster.peers.items[i].id == id)
			return true;
	return false;
}

static void check_owner(struct config_reader *reader, const struct config_listener *listener)
{
	if (reader->config->cluster.takeover != TAKEOVER_ADDRESS)
		config_fault(reader, CONFIG_ERROR, &listener->owner,
			"set 'cluster.takeover: address', or take 'owner' out",
			"another edge's address is served only where addresses move");
	if (listener->owner == reader->config->node.id)
		config_fault(reader, CONFIG_ERROR, &listener->owner,
			"this edge's own listeners have no 'owner'", "edge %u is this edge itself",
			listener->owner);
	else if (!peer_is_there(reader->config, listener->owner))
		config_fault(reader, CONFIG_ERROR, &listener->owner,
			"'owner' is the id of an entry under 'cluster.peers'",
			"there is no peer %u", listener->owner);
}

static void check_kind(struct config_reader *reader, const struct config_listener *listener)
{
	if (listener->transport > TRANSPORT_UDP)
		config_fault(reader, CONFIG_ERROR, &listener->transport,
			"phones on connections come back by themselves: take this listener out",
			"connections end with their edge, only UDP goes on from its address");
	if (listener->side == SIDE_CORE || listener->side == SIDE_PEER)
		config_fault(reader, CONFIG_ERROR, &listener->side,
			"the core and the other edges reach this edge by its own addresses",
			"only an access listener can be another edge's");
}

void config_check_takeover(struct config_reader *reader)
{
	const struct config *config = reader->config;

	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];

		if (listener->owner == 0)
			continue;
		check_owner(reader, listener);
		check_kind(reader, listener);
	}
}
