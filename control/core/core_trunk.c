#include "../base/clock.h"
#include "core_private.h"

static struct hop hop_of(const struct trunk_party *party)
{
	return (struct hop){
		.peer = party->peer, .transport = party->transport, .connection = party->id};
}

static void message_came(void *context, const struct trunk_party *from, struct span octets)
{
	struct core *core = context;
	struct hop source = hop_of(from);

	core->counters.received++;
	memcpy(core->in, octets.octets, octets.length);
	core_handle(core, &from->listener, &source, octets.length);
	core_arm(core);
}

static void message_refuse(void *context, const struct trunk_party *from,
	const struct message *message, unsigned status)
{
	struct core *core = context;
	struct hop source = hop_of(from);

	core->message = *message;
	core_refuse(core, &source, status);
}

// RFC 5626 section 6: a flow that is a connection ends with it, for whomever it was registered.
static void connection_closed(void *context, const struct trunk_party *from, enum trunk_end end)
{
	struct core *core = context;
	struct hop gone = hop_of(from);

	if (from->opened && (end == TRUNK_END_REFUSED || end == TRUNK_END_STRANGER)) {
		if (from->transport == TRANSPORT_TCP)
			core_note_tcpless(core, &from->peer);
		target_set_refused(core->targets, from->transport, &from->peer);
	}
	core->counters.flows_closed += location_close_flow(core->registrar.location, from->id);
	proxy_fail(core->proxy, &gone, clock_ms());
	core_arm(core);
}

int core_trunk_open(struct core *core, int *failed)
{
	const struct core_options *options = &core->options;
	unsigned index;
	const struct trunks_options trunks = {
		.base = options->base,
		.listeners = options->listeners,
		.listener_count = options->listener_count,
		.limits = options->limits,
		.tls = options->tls,
		.client_tls = options->client_tls,
		.message = message_came,
		.refuse = message_refuse,
		.closed = connection_closed,
		.context = core,
	};
	int status = trunks_open(&trunks, &core->trunks, &index);

	core->options.tls = NULL; // theirs now
	if (status != 0 && index < options->listener_count)
		*failed = (int)index;
	return status;
}

void core_set_tls(struct core *core, struct tls_set *set)
{
	trunks_set_tls(core->trunks, set);
}

const struct trunks_counts *core_count_connections(const struct core *core)
{
	return trunks_count(core->trunks);
}
