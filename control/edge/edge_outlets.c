// edge_outlets.c: connections to the core: whose they are, and what is told when they come and go.

#include "edge_private.h"

#include <errno.h>

enum {
	RUN_EVERY_MS = 100,
};

// The first of its kind, as workers take it.
const struct config_listener *edge_core_listener(
	const struct config *config, uint8_t transport, uint8_t family)
{
	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		if (listener->side == SIDE_CORE && listener->owner == 0
			&& listener->transport == transport && listener->address.family == family)
			return listener;
	}
	return NULL;
}

static int outlet_dial(void *context, const struct stream_dial *dial)
{
	const struct edge *edge = context;

	return edge->streams == NULL ? -ENOTCONN : streams_dial(edge->streams, dial);
}

// For want of memory it stays, and is closed when it has been silent.
static void outlet_hang_up(void *context, uint8_t thread, uint32_t slot, uint32_t generation)
{
	const struct edge *edge = context;

	(void)streams_hang_up(edge->streams, thread, slot, generation);
}

static void outlets_changed(void *context)
{
	const struct edge *edge = context;

	if (edge->control->upstream != NULL)
		upstream_look(edge->control->upstream);
}

struct upstream_connection edge_outlet(void *context, const struct target *target)
{
	struct edge *edge = context;
	const struct config_listener *listener = edge_core_listener(
		edge->control->config, target->transport, target->endpoint.family);
	struct span host = target->host;

	if (listener == NULL)
		return (struct upstream_connection){.generation = 0};
	if (host.length > 2 && host.octets[0] == '[')
		host = span_of(host.octets + 1, host.length - 2);
	if (target->transport != TRANSPORT_TLS)
		host.length = 0;
	const struct outlet_state state = outlets_ask(edge->outlets,
		&(struct outlet_target){listener->id, target->endpoint, host}, clock_ms());

	return (struct upstream_connection){
		state.slot, state.generation, state.mutual, state.since_ms};
}

static void outlets_tick(evutil_socket_t socket, short what, void *context)
{
	const struct edge *edge = context;

	outlets_run(edge->outlets, clock_ms());
}

// A probe and its answer for each that may be lost.
static uint32_t silence_of(const struct config_upstream *upstream)
{
	return upstream->probe_every_ms * (upstream->probe_down_after + 1);
}

int edge_outlets_open(struct edge *edge)
{
	const struct timeval every = {.tv_usec = RUN_EVERY_MS * 1000};
	const struct outlets_options options = {
		.silent_ms = silence_of(&edge->control->config->upstream),
		.dial = outlet_dial,
		.hang_up = outlet_hang_up,
		.changed = outlets_changed,
		.context = edge,
	};

	edge->outlets = outlets_new(&options);
	edge->outlets_timer = event_new(edge->control->base, -1, EV_PERSIST, outlets_tick, edge);
	return edge->outlets != NULL && edge->outlets_timer != NULL
			&& event_add(edge->outlets_timer, &every) == 0
		? 0
		: -ENOMEM;
}

void edge_outlets_reload(struct edge *edge)
{
	outlets_set_silence(edge->outlets, silence_of(&edge->control->config->upstream));
}

void edge_outlets_close(struct edge *edge)
{
	if (edge->outlets_timer != NULL)
		event_free(edge->outlets_timer);
	if (edge->outlets != NULL)
		outlets_free(edge->outlets);
	edge->outlets = NULL;
}

void edge_outlet_opened(struct edge *edge, const struct stream_mail *mail)
{
	edge->outlet_mark = mail->mark;
	outlets_opened(edge->outlets, mail, clock_ms());
	log_event(edge->control->log, LOG_LEVEL_NOTICE, "core-connected",
		LOG_ENDPOINT("target", mail->peer),
		LOG_TEXT("transport", mail->transport == TRANSPORT_TLS ? "tls" : "tcp"));
	if (edge->control->upstream != NULL)
		upstream_greet(edge->control->upstream, mail->transport, &mail->peer);
}

// What goes on failing in the same way is said once.
void edge_outlet_closed(struct edge *edge, const struct stream_mail *mail)
{
	bool news = outlets_closed(edge->outlets, mail, clock_ms());

	if (news)
		log_event(edge->control->log, LOG_LEVEL_WARNING,
			mail->generation != 0 ? "core-connection-lost" : "core-not-reached",
			LOG_ENDPOINT("target", mail->peer),
			LOG_TEXT("end", stream_end_words[mail->end]));
}
