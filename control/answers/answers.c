#include "answers.h"

#include "../frame/source.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
	const char *method;
	command_handler *handler;
} handlers[] = {
	{"config.check", answer_config_check},
	{"config.schema", answer_config_schema},
	{"config.show", answer_config_show},
	{"drops.show", answer_drops_show},
	{"flows.show", answer_flows_show},
	{"help", answer_help},
	{"log.level", answer_log_level},
	{"log.show", answer_log_show},
	{"peers.show", answer_peers_show},
	{"ports.queues", answer_ports_queues},
	{"ports.show", answer_ports_show},
	{"reload", answer_reload},
	{"status", answer_status},
	{"token.explain", answer_token_explain},
	{"upstream.show", answer_upstream_show},
};

enum {
	HANDLERS = sizeof(handlers) / sizeof(handlers[0]),
};

int answers_open(struct control *control)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (answers == NULL)
		return -ENOMEM;
	answers->control = control;
	answers->log_timer = evtimer_new(control->base, answer_log_revert, answers);
	if (answers->log_timer == NULL) {
		free(answers);
		return -ENOMEM;
	}
	for (size_t i = 0; i < HANDLERS; i++)
		commands_register(
			control->commands, handlers[i].method, handlers[i].handler, answers);
	control->answers = answers;
	return 0;
}

void answers_close(struct control *control)
{
	for (size_t i = 0; i < HANDLERS; i++)
		commands_register(control->commands, handlers[i].method, NULL, NULL);
	event_free(control->answers->log_timer);
	free(control->answers);
	control->answers = NULL;
}

void answer_put_span(json_t *object, const char *key, struct span text)
{
	json_t *value = json_stringn((const char *)text.octets, text.length);

	if (value != NULL)
		json_object_set_new(object, key, value);
}

void answer_put_endpoint(json_t *object, const char *key, const struct endpoint *endpoint)
{
	uint8_t text[ENDPOINT_TEXT_MAX];

	if (endpoint->family != ENDPOINT_NONE)
		answer_put_span(object, key, span_of(text, endpoint_format(endpoint, text)));
}

const char *answer_transport(uint8_t transport)
{
	static const char *const names[] = {
		[TRANSPORT_NONE] = "none",
		[TRANSPORT_UDP] = "udp",
		[TRANSPORT_TCP] = "tcp",
		[TRANSPORT_TLS] = "tls",
		[TRANSPORT_WS] = "ws",
		[TRANSPORT_WSS] = "wss",
	};

	return transport < sizeof(names) / sizeof(names[0]) ? names[transport] : "unknown";
}

const char *answer_liveness(uint8_t liveness)
{
	static const char *const names[] = {"dead", "suspect", "up"};

	return liveness < sizeof(names) / sizeof(names[0]) ? names[liveness] : "unknown";
}

static struct span configured_name(const struct config *config, uint8_t edge)
{
	if (edge == config->node.id)
		return config->node.name;
	for (size_t i = 0; i < config->cluster.peers.count; i++)
		if (config->cluster.peers.items[i].id == edge)
			return config->cluster.peers.items[i].name;
	return span_of(NULL, 0);
}

struct span answer_edge_name(const struct control *control, uint8_t edge)
{
	struct span name = configured_name(control->config, edge);
	struct source_peer peer;

	if (name.length > 0 || control->source == NULL
		|| !control->source->peer(control->source->context, edge, &peer))
		return name;
	return peer.name;
}
