#include "upstream.h"

#include "../base/clock.h"
#include "../base/host.h"
#include "target.h"

#include <weir/side.h>

#include <errno.h>
#include <stdlib.h>

enum {
	REVIEW_EVERY_S = 1, // how late a returned target may join
};

struct upstream {
	struct upstream_options options;
	struct target_set *targets;
	struct event *review;
	unsigned told_count; // what the last `changed` was about
	struct link_target told[UPSTREAM_TARGETS_MAX];
};

// What the rendezvous hash mixes in: the same address is the same target on every edge and after every change. FNV-1a.
static uint32_t endpoint_identity(const struct endpoint *endpoint)
{
	const uint8_t *octets = (const uint8_t *)endpoint;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < sizeof(*endpoint); i++)
		hash = (hash ^ octets[i]) * 16777619u;
	return hash;
}

// UDP is what the dataplane sends by.
static struct destination destination_of(const struct upstream_target *configured)
{
	return (struct destination){
		.host = configured->host, .port = configured->port, .transport = TRANSPORT_UDP};
}

static void target_write(struct link_target *out, const struct upstream_target *configured,
	const struct target *target)
{
	*out = (struct link_target){
		.endpoint = target->endpoint,
		.port = configured->port,
		.transport = target->transport,
		.healthy = target->alive,
		.identity = endpoint_identity(&target->endpoint),
	};
	out->host_length = (uint8_t)host_normalize(configured->host, out->host);
}

static bool has_settled(const struct target *target, uint64_t now_ms)
{
	return target->alive
		&& (target->alive_since_ms == 0
			|| now_ms - target->alive_since_ms >= UPSTREAM_REJOIN_MS);
}

static bool is_alive(const struct target *target, uint64_t now_ms)
{
	return target->alive;
}

static bool is_any(const struct target *target, uint64_t now_ms)
{
	return true;
}

// Balance over the targets of the best priority among those that `fits` takes. False: it takes none.
static bool balance(const struct target *targets, unsigned count, uint64_t now_ms,
	bool (*fits)(const struct target *, uint64_t), struct link_target *out)
{
	uint16_t best = UINT16_MAX;
	bool found = false;

	for (unsigned i = 0; i < count; i++) {
		if (fits(&targets[i], now_ms) && targets[i].priority <= best) {
			best = targets[i].priority;
			found = true;
		}
	}
	for (unsigned i = 0; i < count; i++)
		out[i].balanced = found && fits(&targets[i], now_ms) && targets[i].priority == best;
	return found;
}

unsigned upstream_list(struct upstream *upstream, struct link_target *out)
{
	struct target targets[UPSTREAM_TARGETS_MAX];
	uint64_t now_ms = clock_ms();
	unsigned count = 0;

	for (unsigned i = 0; i < upstream->options.target_count; i++) {
		const struct upstream_target *configured = &upstream->options.targets[i];
		unsigned found;
		const struct destination destination = destination_of(configured);
		const struct target *list =
			target_set_find(upstream->targets, &destination, &found);
		for (unsigned j = 0; j < found && count < UPSTREAM_TARGETS_MAX; j++) {
			if (!upstream->options.families[list[j].endpoint.family])
				continue;
			targets[count] = list[j];
			target_write(&out[count++], configured, &list[j]);
		}
	}
	// Someone must be asked: a target that has just come back is better than none, a silent one better than nobody.
	if (!balance(targets, count, now_ms, has_settled, out)
		&& !balance(targets, count, now_ms, is_alive, out))
		(void)balance(targets, count, now_ms, is_any, out);
	return count;
}

static void review(struct upstream *upstream)
{
	struct link_target list[UPSTREAM_TARGETS_MAX];
	unsigned count = upstream_list(upstream, list);

	if (count == upstream->told_count
		&& memcmp(list, upstream->told, count * sizeof(list[0])) == 0)
		return;
	upstream->told_count = count;
	memcpy(upstream->told, list, count * sizeof(list[0]));
	upstream->options.changed(upstream->options.context);
}

static void review_fired(evutil_socket_t socket, short what, void *argument)
{
	review(argument);
}

static void targets_changed(void *context)
{
	struct upstream *upstream = context;

	if (upstream->targets != NULL) // not while they are being set up
		review(upstream);
}

static void probe_send(void *context, const struct target *to, struct span octets)
{
	struct upstream *upstream = context;

	upstream->options.send(upstream->options.context, &to->endpoint, octets);
}

static int targets_open(struct upstream *upstream)
{
	const struct upstream_options *options = &upstream->options;
	const struct target_options target_options = {
		.base = options->base,
		.resolver = options->resolver,
		.transports = transport_bit(TRANSPORT_UDP),
		.probe_every_ms = options->probe_every_ms,
		.down_after = options->down_after,
		.sent_by = options->sent_by,
		.send = probe_send,
		.changed = targets_changed,
		.context = upstream,
	};
	int status = 0;

	upstream->targets = target_set_new(&target_options);
	if (upstream->targets == NULL)
		return -ENOMEM;
	for (unsigned i = 0; status == 0 && i < options->target_count; i++) {
		const struct destination destination = destination_of(&options->targets[i]);
		status = target_set_follow(upstream->targets, &destination, true);
	}
	return status;
}

int upstream_open(const struct upstream_options *options, struct upstream **out)
{
	struct timeval every = {.tv_sec = REVIEW_EVERY_S};
	struct upstream *upstream = calloc(1, sizeof(*upstream));
	int status;

	if (upstream == NULL)
		return -ENOMEM;
	upstream->options = *options;
	status = targets_open(upstream);
	if (status == 0) {
		upstream->review = event_new(options->base, -1, EV_PERSIST, review_fired, upstream);
		if (upstream->review == NULL || event_add(upstream->review, &every) != 0)
			status = -ENOMEM;
	}
	if (status != 0) {
		upstream_close(upstream);
		return status;
	}
	*out = upstream;
	return 0;
}

void upstream_close(struct upstream *upstream)
{
	if (upstream->review != NULL)
		event_free(upstream->review);
	if (upstream->targets != NULL)
		target_set_free(upstream->targets);
	free(upstream);
}

bool upstream_hear(struct upstream *upstream, const struct message *response)
{
	return target_set_hear(upstream->targets, response);
}
