#include "edge_private.h"

#include <errno.h>
#include <stdlib.h>

static const struct config_listener *target_listener(
	const struct edge *edge, const struct target *target)
{
	return edge_core_listener(
		edge->control->config, target->transport, target->endpoint.family);
}

// Probes leave by the core listener that requests will leave by, the first of the family, or by the connection.
static void probe_send(void *context, const struct target *to, const struct upstream_connection *by,
	struct span octets)
{
	struct edge *edge = context;
	const struct config_listener *listener = target_listener(edge, to);
	struct link_client *link = edge->control->link;
	struct link_down_message head = {
		.length = (uint16_t)octets.length,
		.kind = LINK_DOWN_SEND,
		.peer = to->endpoint,
		.slot = by->slot,
		.generation = by->generation,
	};

	if (listener == NULL)
		return;
	head.listener = listener->id;
	// Not before the flow of a connection is in the tables.
	if (by->generation != 0 && edge->outlet_mark.session == link_client_session(link))
		head.after = edge->outlet_mark.after;
	// Without a dataplane it is silence, which is true.
	(void)link_client_send(link, 0, &head, octets);
}

static struct span probe_sent_by(void *context, const struct target *to)
{
	struct edge *edge = context;
	const struct config_listener *listener = target_listener(edge, to);

	return span_of(edge->sent_by,
		listener == NULL ? 0 : endpoint_format(&listener->address, edge->sent_by));
}

static void targets_changed(void *context)
{
	struct edge *edge = context;

	if (edge->control->upstream != NULL)
		edge_send_directory(edge);
}

// By which of them the core can be reached.
static unsigned transports_find(const struct config *config, uint8_t family)
{
	static const uint8_t transports[] = {TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS};
	unsigned found = 0;

	for (size_t i = 0; i < sizeof(transports); i++)
		if (edge_core_listener(config, transports[i], family) != NULL)
			found |= transport_bit(transports[i]);
	return found;
}

static int targets_collect(struct edge *edge)
{
	const struct config_upstream *config = &edge->control->config->upstream;

	edge->targets = calloc(config->targets.count, sizeof(*edge->targets));
	if (edge->targets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->targets.count; i++)
		edge->targets[i] = (struct destination){.host = config->targets.items[i].host,
			.port = config->targets.items[i].port,
			.transport = config->targets.items[i].transport,
			.secure = config->targets.items[i].secure};
	return 0;
}

int edge_upstream_open(struct edge *edge)
{
	struct control *control = edge->control;
	const struct config_upstream *config = &control->config->upstream;
	const struct upstream_options options = {
		.base = control->base,
		.resolver = control->resolver,
		.target_count = (unsigned)config->targets.count,
		.probe_every_ms = config->probe_every_ms,
		.down_after = config->probe_down_after,
		.transports = {[ENDPOINT_V4] = transports_find(control->config, ENDPOINT_V4),
			[ENDPOINT_V6] = transports_find(control->config, ENDPOINT_V6)},
		.connection = edge_outlet,
		.sent_by = probe_sent_by,
		.send = probe_send,
		.changed = targets_changed,
		.context = edge,
	};

	// An edge without a core: everything for it is answered 503.
	if ((options.transports[ENDPOINT_V4] | options.transports[ENDPOINT_V6]) == 0
		|| config->targets.count == 0)
		return 0;
	int status = targets_collect(edge);

	if (status != 0)
		return status;
	struct upstream_options whole = options;

	whole.targets = edge->targets;
	return upstream_open(&whole, &control->upstream);
}
