#include "../base/clock.h"
#include "core_private.h"

enum {
	TCPLESS_MS = 60000,
};

unsigned core_transports(const struct core *core)
{
	unsigned transports = transport_bit(TRANSPORT_UDP) | transport_bit(TRANSPORT_TCP);

	if (core->options.client_tls.length > 0)
		transports |= transport_bit(TRANSPORT_TLS);
	return transports;
}

static bool is_tried(const struct hop *tried, unsigned tried_count, const struct target *target)
{
	const struct hop hop = {.peer = target->endpoint, .transport = target->transport};

	for (unsigned i = 0; i < tried_count; i++)
		if (hop_is_same(&tried[i], &hop))
			return true;
	return false;
}

// The first living address that was not tried; if none lives, the first one, once.
static enum proxy_way target_choose(const struct target *targets, unsigned count,
	const struct hop *tried, unsigned tried_count, struct hop *hop, bool *lives)
{
	const struct target *chosen = &targets[0];

	*lives = false;
	for (unsigned i = 0; i < count && !*lives; i++) {
		if (!targets[i].alive || is_tried(tried, tried_count, &targets[i]))
			continue;
		*lives = true;
		chosen = &targets[i];
	}
	if (!*lives && tried_count > 0)
		return PROXY_WAY_NONE;
	hop->peer = chosen->endpoint;
	hop->transport = chosen->transport;
	return PROXY_WAY_FOUND;
}

enum proxy_way core_resolve(void *context, const uint8_t *base, const struct uri *uri,
	const struct hop *tried, unsigned tried_count, struct hop *hop, bool *lives)
{
	struct core *core = context;
	struct destination destination = destination_of_uri(base, uri);
	unsigned count;

	*hop = (struct hop){.transport = destination_transport(&destination)};
	if (endpoint_parse_address(destination.host, &hop->peer)) {
		hop->peer.port = destination.port != 0 ? destination.port
						       : destination_default_port(hop->transport);
		*lives = true;
		return tried_count == 0 && core_transports(core) & transport_bit(hop->transport)
			? PROXY_WAY_FOUND
			: PROXY_WAY_NONE;
	}
	if (target_set_follow(core->targets, &destination, false) != 0)
		return PROXY_WAY_NONE;
	const struct target *targets = target_set_find(core->targets, &destination, &count);
	if (targets == NULL)
		return PROXY_WAY_PENDING;
	return target_choose(targets, count, tried, tried_count, hop, lives);
}

bool core_find_flow(void *context, uint64_t connection, struct hop *hop)
{
	const struct core *core = context;
	struct trunk_party party;

	if (!trunks_find(core->trunks, connection, &party))
		return false;
	*hop = (struct hop){.peer = party.peer,
		.transport = party.transport,
		.flow = true,
		.connection = connection};
	return true;
}

bool core_reach(void *context, struct span name, struct hop *hop)
{
	struct core *core = context;

	if (!hop_is_reliable(hop))
		return true;
	if (hop->flow)
		return trunks_have(core->trunks, hop->connection);
	hop->connection = trunks_reach(core->trunks, &hop->peer, hop->transport, name);
	return hop->connection != 0;
}

static struct core_tcpless *tcpless_slot(struct core *core, const struct endpoint *endpoint)
{
	const uint8_t *octets = endpoint->address;
	unsigned last = endpoint->family == ENDPOINT_V6 ? 15 : 3;

	return &core->tcpless[(octets[last] + octets[last - 1] * 7u + endpoint->port)
		% CORE_TCPLESS];
}

bool core_has_tcp(void *context, const struct endpoint *peer)
{
	const struct core_tcpless *slot = tcpless_slot(context, peer);

	return !endpoint_equal(&slot->endpoint, peer) || clock_ms() >= slot->until_ms;
}

void core_note_tcpless(struct core *core, const struct endpoint *peer)
{
	*tcpless_slot(core, peer) = (struct core_tcpless){*peer, clock_ms() + TCPLESS_MS};
}

bool core_is_dead(void *context, const struct hop *hop)
{
	const struct core *core = context;

	return !hop->flow && target_set_is_dead(core->targets, hop->transport, &hop->peer);
}

// The connection that it was to go by has closed: a response goes to where its Via says (RFC 3261 section 18.2.2), and an ACK or a CANCEL
// where its request went, unless that was a flow. Of TLS a request has no name any more that could be proven.
static bool send_anew(struct core *core, struct hop to, struct span octets)
{
	struct message *message = &core->sent;

	return !to.flow && message_parse(message, octets.octets, octets.length) == MESSAGE_OK
		&& (!message->request || to.transport == TRANSPORT_TCP)
		&& core_reach(core, message_span(message, message->via.host), &to)
		&& trunks_send(core->trunks, to.connection, octets);
}

void core_send(void *context, const struct hop *to, struct span octets)
{
	struct core *core = context;

	if (!hop_is_reliable(to)) {
		core_socket_send(core, &to->peer, octets);
		return;
	}
	if (trunks_send(core->trunks, to->connection, octets) || send_anew(core, *to, octets))
		core->counters.sent++;
	else
		core->counters.dropped++;
}

void core_send_probe(void *context, const struct target *to, struct span octets)
{
	struct hop hop = {.peer = to->endpoint, .transport = to->transport};

	if (core_reach(context, to->host, &hop))
		core_send(context, &hop, octets);
}
