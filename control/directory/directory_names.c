#include "../base/host.h"
#include "directory_private.h"

#include <weir/side.h>

struct names {
	struct link_name *items;
	unsigned count;
	unsigned capacity;
	unsigned left_out;
};

static void name_add(struct names *names, uint8_t edge, struct span host, uint16_t port)
{
	struct link_name name = {.edge = edge, .port = port};

	if (host.length == 0)
		return;
	name.host_length = (uint8_t)host_normalize(host, name.host);
	for (unsigned i = 0; i < names->count; i++)
		if (memcmp(&names->items[i], &name, sizeof(name)) == 0)
			return;
	if (names->count == names->capacity)
		names->left_out++;
	else
		names->items[names->count++] = name;
}

static void name_add_address(struct names *names, uint8_t edge, const struct endpoint *address)
{
	uint8_t text[ENDPOINT_TEXT_MAX];
	size_t length = endpoint_format_host(address, text);

	name_add(names, edge, span_of(text, length), address->port);
}

// The names of one listener: its address:port, and what it advertises (RFC 3261 section 16.4: any name we put into a Record-Route).
static void names_add_listener(
	struct names *names, const struct config *config, const struct config_listener *listener)
{
	uint16_t advertised = listener->advertise.port;

	if (listener->side == SIDE_PEER || listener->owner != 0)
		return;
	name_add_address(names, config->node.id, &listener->address);
	name_add(names, config->node.id, config->node.name, listener->address.port);
	name_add(names, config->node.id, listener->advertise.host,
		advertised != 0 ? advertised : default_port(listener->transport));
}

static void names_add_own(struct names *names, const struct config *config)
{
	name_add(names, config->node.id, config->node.name, SIP_PORT);
	for (size_t i = 0; i < config->listeners.count; i++)
		names_add_listener(names, config, &config->listeners.items[i]);
}

static void names_add_peer(struct names *names, const struct config_peer *peer)
{
	name_add(names, peer->id, peer->name, SIP_PORT);
	for (size_t i = 0; i < peer->advertise.count; i++) {
		const struct config_host *host = &peer->advertise.items[i];
		name_add(names, peer->id, host->host, host->port != 0 ? host->port : SIP_PORT);
	}
}

// Also before its owner has said HELLO.
static void names_add_foreign(struct names *names, const struct config_listener *listener)
{
	uint16_t advertised = listener->advertise.port;

	if (listener->owner == 0)
		return;
	name_add_address(names, listener->owner, &listener->address);
	name_add(names, listener->owner, listener->advertise.host,
		advertised != 0 ? advertised : default_port(listener->transport));
}

void names_write(struct writer *writer)
{
	static struct link_name items[SYNC_NAMES_MAX * 257]; // control has one thread
	struct names names = {.items = items, .capacity = sizeof(items) / sizeof(items[0])};
	const struct config *config = writer->input->config;

	names_add_own(&names, config);
	name_add(&names, 0, config->cluster.name, SIP_PORT);
	name_add(&names, 0, config->cluster.name, SIPS_PORT);
	for (size_t i = 0; i < config->cluster.peers.count; i++) {
		const struct config_peer *peer = &config->cluster.peers.items[i];
		const struct sync_hello *hello = writer->input->hellos[peer->id];
		names_add_peer(&names, peer);
		for (unsigned j = 0; hello != NULL && j < hello->name_count; j++)
			name_add(&names, peer->id,
				span_of(hello->names[j].host, hello->names[j].host_length),
				hello->names[j].port);
	}
	for (size_t i = 0; i < config->listeners.count; i++)
		names_add_foreign(&names, &config->listeners.items[i]);
	for (unsigned i = 0; i < names.count; i++)
		record_put(writer, LINK_NAME, &items[i], sizeof(items[i]));
}

unsigned names_write_hello(const struct config *config, struct sync_hello *hello)
{
	struct names names = {.items = hello->names, .capacity = SYNC_NAMES_MAX};

	hello->name_length = (uint8_t)host_normalize(config->node.name, hello->name);
	names_add_own(&names, config);
	hello->name_count = (uint8_t)names.count;
	return names.left_out;
}
