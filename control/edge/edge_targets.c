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

	if (edge->control->upstream == NULL)
		return;
	edge_send_directory(edge);
	edge_ready_judge(edge);
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

// NULL: out of memory.
static struct destination *destinations_of(const struct config_uri *uris, size_t count)
{
	struct destination *destinations = calloc(count + 1, sizeof(*destinations));

	for (size_t i = 0; destinations != NULL && i < count; i++)
		destinations[i] = (struct destination){.host = uris[i].host,
			.port = uris[i].port,
			.transport = uris[i].transport,
			.secure = uris[i].secure};
	return destinations;
}

// Of what a reload changes. 0 or -ENOMEM.
static int options_fill(const struct config_upstream *config, struct upstream_options *options)
{
	struct destination *targets = destinations_of(config->targets.items, config->targets.count);
	struct destination *defaults =
		destinations_of(config->defaults.items, config->defaults.count);

	if (targets == NULL || defaults == NULL) {
		free(targets);
		free(defaults);
		return -ENOMEM;
	}
	options->targets = targets;
	options->target_count = (unsigned)config->targets.count;
	options->defaults = defaults;
	options->default_count = (unsigned)config->defaults.count;
	options->probe_every_ms = config->probe_every_ms;
	options->down_after = config->probe_down_after;
	return 0;
}

static void destinations_keep(struct edge *edge, const struct upstream_options *options)
{
	free((void *)edge->targets);
	free((void *)edge->defaults);
	edge->targets = options->targets;
	edge->defaults = options->defaults;
}

int edge_upstream_open(struct edge *edge)
{
	struct control *control = edge->control;
	const struct config_upstream *config = &control->config->upstream;
	struct upstream_options options = {
		.base = control->base,
		.resolver = control->resolver,
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
	int status = options_fill(config, &options);

	if (status != 0)
		return status;
	destinations_keep(edge, &options);
	return upstream_open(&options, &control->upstream);
}

void edge_upstream_reload(struct edge *edge)
{
	struct control *control = edge->control;
	struct upstream_options options = {0};

	if (control->upstream == NULL)
		return;
	int status = options_fill(&control->config->upstream, &options);

	if (status == 0) {
		status = upstream_change(control->upstream, &options);
		destinations_keep(edge, &options);
		edge_outlets_reload(edge);
	}
	if (status != 0)
		log_event(control->log, LOG_LEVEL_ERROR, "targets-not-followed",
			LOG_TEXT("error", strerror(-status)));
}

void edge_upstream_close(struct edge *edge)
{
	if (edge->control->upstream != NULL)
		upstream_close(edge->control->upstream);
	edge->control->upstream = NULL;
	destinations_keep(edge, &(struct upstream_options){0});
}
