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

static bool is_stream(uint8_t transport)
{
	return transport != TRANSPORT_UDP;
}

static struct upstream_connection connection_of(
	const struct upstream *upstream, const struct target *target)
{
	const struct upstream_options *options = &upstream->options;

	if (!is_stream(target->transport) || options->connection == NULL)
		return (struct upstream_connection){.generation = 0};
	return options->connection(options->context, target);
}

static void target_write(struct link_target *out, const struct destination *configured,
	const struct target *target, const struct upstream_connection *connection)
{
	*out = (struct link_target){
		.endpoint = target->endpoint,
		.port = configured->port,
		.transport = target->transport,
		.healthy = target->alive,
		.alias = connection->generation != 0 && connection->alias
			&& target->transport == TRANSPORT_TLS,
		.identity = endpoint_identity(&target->endpoint)
			^ (is_stream(target->transport) ? target->transport : 0u),
		.slot = connection->slot,
		.generation = connection->generation,
	};
	out->host_length = (uint8_t)host_normalize(configured->host, out->host);
}

// What it is for requests: without a connection dead, and again alive only since there is one.
static struct target target_judge(
	const struct target *target, const struct upstream_connection *connection)
{
	struct target judged = *target;

	if (!is_stream(target->transport))
		return judged;
	judged.alive = target->alive && connection->generation != 0;
	if (connection->since_ms > judged.alive_since_ms)
		judged.alive_since_ms = connection->since_ms;
	return judged;
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

// The targets while they are listed.
struct listing {
	const struct target *targets;
	const bool *shares; // it is a default, or an address of one
	struct link_target *out;
	unsigned count;
	uint64_t now_ms;
	bool (*fits)(const struct target *, uint64_t);
};

static bool is_same_server(const struct link_target *a, const struct link_target *b)
{
	return a->endpoint.family == b->endpoint.family
		&& memcmp(a->endpoint.address, b->endpoint.address, sizeof(a->endpoint.address))
		== 0
		&& a->host_length == b->host_length
		&& memcmp(a->host, b->host, a->host_length) == 0;
}

// A connection beside datagrams to the same server has no share of its own: it takes what is too large for them.
static bool is_beside(const struct listing *listing, unsigned index)
{
	const struct link_target *out = &listing->out[index];

	for (unsigned i = 0; is_stream(out->transport) && i < listing->count; i++)
		if (!is_stream(listing->out[i].transport) && listing->shares[i]
			&& is_same_server(out, &listing->out[i])
			&& listing->fits(&listing->targets[i], listing->now_ms))
			return true;
	return false;
}

static bool is_fit(const struct listing *listing, unsigned index)
{
	const struct link_target *out = &listing->out[index];

	return listing->shares[index] && (!is_stream(out->transport) || out->generation != 0)
		&& listing->fits(&listing->targets[index], listing->now_ms)
		&& !is_beside(listing, index);
}

// Balance over the targets of the best priority among those that `fits` takes. False: it takes none.
static bool balance(struct listing listing, bool (*fits)(const struct target *, uint64_t))
{
	uint16_t best = UINT16_MAX;
	bool found = false;

	listing.fits = fits;
	for (unsigned i = 0; i < listing.count; i++) {
		if (is_fit(&listing, i) && listing.targets[i].priority <= best) {
			best = listing.targets[i].priority;
			found = true;
		}
	}
	for (unsigned i = 0; i < listing.count; i++)
		listing.out[i].balanced =
			found && is_fit(&listing, i) && listing.targets[i].priority == best;
	return found;
}

// Of one configured target.
static unsigned addresses_list(struct upstream *upstream, const struct destination *configured,
	struct target *targets, struct link_target *out, unsigned room)
{
	unsigned found;
	unsigned count = 0;
	const struct target *list = target_set_find(upstream->targets, configured, &found);

	for (unsigned i = 0; i < found && count < room; i++) {
		if (!(upstream->options.transports[list[i].endpoint.family]
			    & transport_bit(list[i].transport)))
			continue;
		const struct upstream_connection connection = connection_of(upstream, &list[i]);

		targets[count] = target_judge(&list[i], &connection);
		target_write(&out[count], configured, &targets[count], &connection);
		count++;
	}
	return count;
}

static bool is_among(
	const struct destination *wanted, const struct destination *destinations, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (destination_equal(&destinations[i], wanted))
			return true;
	return false;
}

unsigned upstream_list(struct upstream *upstream, struct link_target *out)
{
	const struct upstream_options *options = &upstream->options;
	struct target targets[UPSTREAM_TARGETS_MAX];
	bool shares[UPSTREAM_TARGETS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < options->target_count; i++) {
		const struct destination *target = &options->targets[i];
		unsigned found = addresses_list(upstream, target, targets + count, out + count,
			UPSTREAM_TARGETS_MAX - count);
		bool share = is_among(target, options->defaults, options->default_count);

		for (unsigned j = 0; j < found; j++)
			shares[count + j] = share;
		count += found;
	}
	const struct listing listing = {targets, shares, out, count, clock_ms(), NULL};

	// Someone must be asked: a target that has just come back is better than none, a silent one better than nobody.
	if (!balance(listing, has_settled) && !balance(listing, is_alive))
		(void)balance(listing, is_any);
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

static bool probe_can(void *context, const struct target *to)
{
	return !is_stream(to->transport) || connection_of(context, to).generation != 0;
}

static struct span probe_sent_by(void *context, const struct target *to)
{
	const struct upstream *upstream = context;

	return upstream->options.sent_by(upstream->options.context, to);
}

static void probe_send(void *context, const struct target *to, struct span octets)
{
	struct upstream *upstream = context;
	const struct upstream_connection connection = connection_of(upstream, to);

	upstream->options.send(upstream->options.context, to, &connection, octets);
}

static unsigned transports_of(const struct upstream_options *options)
{
	unsigned transports = 0;

	for (unsigned i = 0; i < UPSTREAM_FAMILIES; i++)
		transports |= options->transports[i];
	return transports;
}

static int targets_open(struct upstream *upstream)
{
	const struct upstream_options *options = &upstream->options;
	const struct target_options target_options = {
		.base = options->base,
		.resolver = options->resolver,
		.transports = transports_of(options),
		.probe_every_ms = options->probe_every_ms,
		.down_after = options->down_after,
		.sent_by_of = probe_sent_by,
		.can_ask = probe_can,
		.send = probe_send,
		.changed = targets_changed,
		.context = upstream,
	};
	int status = 0;

	upstream->targets = target_set_new(&target_options);
	if (upstream->targets == NULL)
		return -ENOMEM;
	for (unsigned i = 0; status == 0 && i < options->target_count; i++)
		status = target_set_follow(upstream->targets, &options->targets[i], true);
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

int upstream_change(struct upstream *upstream, const struct upstream_options *options)
{
	struct upstream_options *own = &upstream->options;
	int status = 0;

	for (unsigned i = 0; i < own->target_count; i++)
		if (!is_among(&own->targets[i], options->targets, options->target_count))
			target_set_forget(upstream->targets, &own->targets[i]);
	own->targets = options->targets;
	own->target_count = options->target_count;
	own->defaults = options->defaults;
	own->default_count = options->default_count;
	target_set_probe(upstream->targets, options->probe_every_ms, options->down_after);
	for (unsigned i = 0; i < own->target_count; i++) {
		int failed = target_set_follow(upstream->targets, &own->targets[i], true);

		status = failed != 0 ? failed : status;
	}
	review(upstream);
	return status;
}

bool upstream_hear(struct upstream *upstream, const struct message *response)
{
	return target_set_hear(upstream->targets, response);
}

void upstream_look(struct upstream *upstream)
{
	review(upstream);
}

void upstream_greet(struct upstream *upstream, uint8_t transport, const struct endpoint *endpoint)
{
	target_set_greet(upstream->targets, transport, endpoint);
}
