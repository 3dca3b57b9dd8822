#include "core.h"

#include "../base/clock.h"
#include "core_private.h"
#include "maddr.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <errno.h>
#include <stdlib.h>

uint64_t core_now_s(void)
{
	return clock_ms() / 1000;
}

// --- What the proxy asks of the network ---

static void network_send(void *context, const struct hop *to, struct span octets)
{
	core_send(context, &to->peer, octets);
}

static bool network_is_dead(void *context, const struct endpoint *endpoint)
{
	const struct core *core = context;

	return target_set_is_dead(core->targets, TRANSPORT_UDP, endpoint);
}

struct destination core_destination(struct span host, uint16_t port)
{
	return (struct destination){.host = host, .port = port, .transport = TRANSPORT_UDP};
}

static bool is_tried(
	const struct endpoint *tried, unsigned tried_count, const struct endpoint *endpoint)
{
	for (unsigned i = 0; i < tried_count; i++)
		if (endpoint_equal(&tried[i], endpoint))
			return true;
	return false;
}

// The first living address that was not tried; if none lives, the first one, once.
static enum proxy_way target_choose(const struct target *targets, unsigned count,
	const struct endpoint *tried, unsigned tried_count, struct hop *hop, bool *lives)
{
	*lives = false;
	for (unsigned i = 0; i < count; i++) {
		if (!targets[i].alive || is_tried(tried, tried_count, &targets[i].endpoint))
			continue;
		*lives = true;
		hop->peer = targets[i].endpoint;
		return PROXY_WAY_FOUND;
	}
	if (tried_count > 0)
		return PROXY_WAY_NONE;
	hop->peer = targets[0].endpoint;
	return PROXY_WAY_FOUND;
}

static enum proxy_way network_resolve(void *context, const uint8_t *base, const struct uri *uri,
	const struct endpoint *tried, unsigned tried_count, struct hop *hop, bool *lives)
{
	struct core *core = context;
	struct span host = maddr_host(base, uri);
	unsigned count;

	*hop = (struct hop){.transport = TRANSPORT_UDP};
	if (endpoint_parse_address(host, &hop->peer)) {
		hop->peer.port = uri_port(uri);
		*lives = true;
		return tried_count == 0 ? PROXY_WAY_FOUND : PROXY_WAY_NONE;
	}
	const struct destination destination = core_destination(host, uri->port);
	if (target_set_follow(core->targets, &destination, false) != 0)
		return PROXY_WAY_NONE;
	const struct target *targets = target_set_find(core->targets, &destination, &count);
	if (targets == NULL)
		return PROXY_WAY_PENDING;
	return target_choose(targets, count, tried, tried_count, hop, lives);
}

// --- The clock ---

void core_arm(struct core *core)
{
	uint64_t due_ms = proxy_due(core->proxy);
	uint64_t now_ms = clock_ms();
	uint64_t wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
	struct timeval wait = {(time_t)(wait_ms / 1000), (suseconds_t)(wait_ms % 1000 * 1000)};

	if (core->look_again)
		wait = (struct timeval){0};
	if (due_ms == TIMERS_NEVER && !core->look_again)
		evtimer_del(core->timer);
	else
		evtimer_add(core->timer, &wait);
}

static void timer_ready(evutil_socket_t fd, short what, void *argument)
{
	struct core *core = argument;

	if (core->look_again) {
		core->look_again = false;
		proxy_look_again(core->proxy, clock_ms());
	}
	proxy_run(core->proxy, clock_ms());
	core_arm(core);
}

// May come while the proxy asks for a name: it looks when it has finished.
static void targets_changed(void *context)
{
	struct core *core = context;

	core->look_again = true;
	if (core->proxy != NULL)
		core_arm(core);
}

static void probe_send(void *context, const struct target *to, struct span octets)
{
	core_send(context, &to->endpoint, octets);
}

static int targets_open(struct core *core)
{
	const struct target_options options = {
		.base = core->options.base,
		.resolver = core->options.resolver,
		.transports = transport_bit(TRANSPORT_UDP),
		.probe_every_ms = core->options.probe_every_ms,
		.down_after = core->options.probe_down_after,
		.sent_by = core->options.sent_by,
		.send = probe_send,
		.changed = targets_changed,
		.context = core,
	};

	core->targets = target_set_new(&options);
	return core->targets != NULL ? 0 : -ENOMEM;
}

static int proxy_open(struct core *core)
{
	const struct proxy_options options = {
		.hashes = &core->hashes,
		.own = core->own,
		.sent_by = core->options.sent_by,
		.record_route = core->options.record_route,
		.location = core->registrar.location,
		.gruu_key = &core->gruu_key,
		.transactions_max = core->options.transactions_max,
		.forks_max = core->options.forks_max,
		.timer_c_ms = core->options.timer_c_ms,
		.resolve = network_resolve,
		.is_dead = network_is_dead,
		.send = network_send,
		.context = core,
	};

	core->timer = evtimer_new(core->options.base, timer_ready, core);
	core->proxy = proxy_new(&options);
	return core->proxy != NULL && core->timer != NULL ? 0 : -ENOMEM;
}

static int keys_draw(struct core *core)
{
	if (digest_key_draw(&core->registrar.key) != 0 || gruu_key_draw(&core->gruu_key) != 0
		|| RAND_bytes((unsigned char *)&core->hashes, sizeof(core->hashes)) != 1)
		return -EIO;
	return 0;
}

static void options_keep(struct core *core, const struct core_options *options)
{
	core->options = *options;
	core->own = (struct own_names){
		.listeners = options->listeners,
		.listener_count = options->listener_count,
		.name = options->name,
		.domains = options->registrar.domains,
		.domain_count = options->registrar.domain_count,
	};
	core->registrar.options = options->registrar;
	core->registrar.gruu_key = &core->gruu_key;
}

int core_open(const struct core_options *options, struct core **out, int *failed)
{
	struct core *core = calloc(1, sizeof(*core));
	int status;

	*failed = -1;
	if (core == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < CORE_LISTENERS_MAX; i++)
		core->sockets[i].fd = -1;
	options_keep(core, options);
	core->registrar.location = location_new();
	status = core->registrar.location == NULL ? -ENOMEM : keys_draw(core);
	if (status == 0)
		status = targets_open(core);
	if (status == 0)
		status = proxy_open(core);
	for (unsigned i = 0; status == 0 && i < options->listener_count; i++) {
		status = core_socket_open(core, i);
		*failed = status == 0 ? -1 : (int)i;
	}
	if (status != 0) {
		core_close(core);
		return status;
	}
	*out = core;
	return 0;
}

void core_close(struct core *core)
{
	for (unsigned i = 0; i < CORE_LISTENERS_MAX; i++)
		core_socket_close(&core->sockets[i]);
	if (core->targets != NULL)
		target_set_free(core->targets);
	proxy_free(core->proxy);
	if (core->timer != NULL)
		event_free(core->timer);
	location_free(core->registrar.location);
	OPENSSL_cleanse(&core->registrar.key, sizeof(core->registrar.key));
	OPENSSL_cleanse(&core->gruu_key, sizeof(core->gruu_key));
	free(core);
}

const struct core_counters *core_count(const struct core *core)
{
	return &core->counters;
}

const struct proxy *core_proxy(const struct core *core)
{
	return core->proxy;
}

struct location *core_location(struct core *core)
{
	return core->registrar.location;
}
