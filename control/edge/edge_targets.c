#include "edge_private.h"

#include <errno.h>
#include <stdlib.h>

// Of UDP: upstream targets are asked and sent to by no other transport.
static const struct config_listener *core_listener_find(const struct config *config, uint8_t family)
{
	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		if (listener->side == SIDE_CORE && listener->transport == TRANSPORT_UDP
			&& (family == ENDPOINT_NONE || listener->address.family == family))
			return listener;
	}
	return NULL;
}

// Probes leave by the core listener that requests will leave by, the first of the family: what answers there answers them.
static void probe_send(void *context, const struct endpoint *to, struct span octets)
{
	struct edge *edge = context;
	const struct config_listener *listener =
		core_listener_find(edge->control->config, to->family);
	struct link_down_message head = {
		.length = (uint16_t)octets.length,
		.kind = LINK_DOWN_SEND,
		.peer = *to,
	};

	if (listener == NULL)
		return;
	head.listener = listener->id;
	// Without a dataplane it is silence, which is true.
	(void)link_client_send(edge->control->link, 0, &head, octets);
}

static void targets_changed(void *context)
{
	struct edge *edge = context;

	if (edge->control->upstream != NULL)
		edge_send_directory(edge);
}

int edge_upstream_open(struct edge *edge)
{
	struct control *control = edge->control;
	const struct config_upstream *config = &control->config->upstream;

	const struct config_listener *listener = core_listener_find(control->config, ENDPOINT_NONE);
	if (listener == NULL || config->targets.count == 0)
		return 0; // an edge without a core: everything for it is answered 503
	edge->targets = calloc(config->targets.count, sizeof(*edge->targets));
	if (edge->targets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < config->targets.count; i++)
		edge->targets[i] = (struct upstream_target){
			config->targets.items[i].host, config->targets.items[i].port};
	size_t length = endpoint_format(&listener->address, edge->sent_by);
	const struct upstream_options options = {
		.base = control->base,
		.resolver = control->resolver,
		.targets = edge->targets,
		.target_count = (unsigned)config->targets.count,
		.probe_every_ms = config->probe_every_ms,
		.down_after = config->probe_down_after,
		.sent_by = span_of(edge->sent_by, length),
		.families = {[ENDPOINT_V4] =
				     core_listener_find(control->config, ENDPOINT_V4) != NULL,
			[ENDPOINT_V6] = core_listener_find(control->config, ENDPOINT_V6) != NULL},
		.send = probe_send,
		.changed = targets_changed,
		.context = edge,
	};
	return upstream_open(&options, &control->upstream);
}
