#include "core.h"

#include "../base/clock.h"
#include "core_private.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <errno.h>
#include <stdlib.h>

uint64_t core_now_s(void)
{
	return clock_ms() / 1000;
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

static int targets_open(struct core *core)
{
	uint8_t transport = TRANSPORT_UDP;
	const struct target_options options = {
		.base = core->options.base,
		.resolver = core->options.resolver,
		.transports = core_transports(core),
		.probe_every_ms = core->options.probe_every_ms,
		.down_after = core->options.probe_down_after,
		.sent_by = own_names_by(&core->own, &transport)->sent_by,
		.send = core_send_probe,
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
		.record_route = core->options.record_route,
		.location = core->registrar.location,
		.gruu_key = &core->gruu_key,
		.transactions_max = core->options.transactions_max,
		.forks_max = core->options.forks_max,
		.timer_c_ms = core->options.timer_c_ms,
		.resolve = core_resolve,
		.find_flow = core_find_flow,
		.reach = core_reach,
		.has_tcp = core_has_tcp,
		.is_dead = core_is_dead,
		.send = core_send,
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
	for (unsigned i = 0; i < options->listener_count; i++)
		core->addresses[i] = options->listeners[i].address;
	core->own = (struct own_names){
		.listeners = core->addresses,
		.listener_count = options->listener_count,
		.domains = options->registrar.domains,
		.domain_count = options->registrar.domain_count,
	};
	memcpy(core->own.by, options->names, sizeof(core->own.by));
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
	if (status == 0)
		status = core_trunk_open(core, failed);
	for (unsigned i = 0; status == 0 && i < options->listener_count; i++) {
		if (options->listeners[i].transport != TRANSPORT_UDP)
			continue;
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
	trunks_close(core->trunks);
	tls_set_release(core->options.tls);
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
