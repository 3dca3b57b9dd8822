#include "upstream.h"

#include "own.h"

// What stands in a Route or request-URI, for looking it up.
struct named {
	struct span host;
	uint16_t port;
	uint16_t default_port;
	uint8_t transport; // TRANSPORT_NONE: not said
	uint8_t buffer[ENDPOINT_TEXT_MAX]; // host may point here
};

// Which targets a request may take.
struct wish {
	struct target_filter filter; // first
	const struct world *world;
	uint8_t transport; // TRANSPORT_NONE: any
	bool open; // only those that can be sent to now
};

// CANCEL and ACK have the Call-ID of their INVITE and so follow it; the key only spreads.
static uint64_t call_id_hash(const struct world *world, const struct message *message)
{
	struct keyhash hash;

	keyhash_begin(&hash, world->hashes, HASH_BRANCH);
	keyhash_field(&hash, message_span(message, message->call_id));
	return keyhash_end(&hash);
}

static bool named_read(const struct message *message, const struct uri *uri, struct named *named)
{
	if (uri->scheme == URI_OTHER)
		return false;
	named->host = own_host_text(message_span(message, uri->host), named->buffer);
	named->port = uri->port;
	named->default_port = uri_port(uri);
	named->transport = uri->scheme == URI_SIPS ? TRANSPORT_TLS : uri->transport;
	return true;
}

const struct flow *upstream_carrier(const struct world *world, const struct link_target *target)
{
	struct flow_id id = world_flow(world, target->slot, target->generation);

	if (target->generation == 0 || flow_check(world->flows, id) != FLOW_LIVE)
		return NULL;
	return flow_find(world->flows, id);
}

static bool wish_takes(const struct target_filter *filter, const struct link_target *target)
{
	const struct wish *wish = (const struct wish *)filter;

	if (wish->transport != TRANSPORT_NONE && target->transport != wish->transport)
		return false;
	return !wish->open || target->transport == TRANSPORT_UDP
		|| upstream_carrier(wish->world, target) != NULL;
}

static struct wish wish_of(const struct world *world, uint8_t transport, bool open)
{
	return (struct wish){{wish_takes}, world, transport, open};
}

static const struct link_target *named_find(
	const struct world *world, const struct named *named, struct wish wish)
{
	return directory_find_target_among(
		world->directory, named->host, named->port, named->default_port, &wish.filter);
}

// By the transport that was asked for, else by any to the same host. *known: there is such a target, though it may not be open.
static const struct link_target *named_choose(
	const struct world *world, const struct named *named, bool *known)
{
	const struct link_target *found =
		named_find(world, named, wish_of(world, named->transport, true));

	if (found == NULL)
		found = named_find(world, named, wish_of(world, TRANSPORT_NONE, true));
	*known = found != NULL
		|| named_find(world, named, wish_of(world, TRANSPORT_NONE, false)) != NULL;
	return found;
}

// RFC 3261 section 26.2.2: a sips request goes by TLS where there is a target that takes it.
static const struct link_target *default_choose(
	const struct world *world, const struct message *message, bool secure)
{
	uint64_t hash = call_id_hash(world, message);
	struct wish wish = wish_of(world, secure ? TRANSPORT_TLS : TRANSPORT_NONE, true);
	const struct link_target *found =
		directory_pick_target_among(world->directory, hash, &wish.filter);

	if (found != NULL || !secure)
		return found;
	wish.transport = TRANSPORT_NONE;
	return directory_pick_target_among(world->directory, hash, &wish.filter);
}

// Where there are connections: a target that is named and not open has no stand-in. Out of the way of where there are none.
static __attribute__((noinline, cold)) const struct link_target *mixed_find(
	const struct world *world, const struct message *message, const struct uri *target,
	const struct routes *routes)
{
	struct named named;
	bool known = false;
	const struct link_target *found = NULL;

	if (named_read(message, routes->has_next ? &routes->next_uri : target, &named))
		found = named_choose(world, &named, &known);

	return known ? found : default_choose(world, message, target->scheme == URI_SIPS);
}

const struct link_target *upstream_find(const struct world *world, const struct message *message,
	const struct uri *target, const struct routes *routes)
{
	const struct directory *directory = world->directory;
	const struct link_target *found = NULL;
	struct named named;

	if (directory_has_stream_targets(directory))
		return mixed_find(world, message, target, routes);
	// The next hop by the message's own words.
	if (named_read(message, routes->has_next ? &routes->next_uri : target, &named))
		found = directory_find_target(
			directory, named.host, named.port, named.default_port);
	return found != NULL ? found
			     : directory_pick_target(directory, call_id_hash(world, message));
}

struct twin {
	struct target_filter filter; // first
	const struct world *world;
	const struct link_target *target;
};

static bool twin_takes(const struct target_filter *filter, const struct link_target *other)
{
	const struct twin *twin = (const struct twin *)filter;
	const struct link_target *target = twin->target;

	return other->transport != TRANSPORT_UDP && other->healthy
		&& other->endpoint.family == target->endpoint.family
		&& memcmp(other->endpoint.address, target->endpoint.address,
			   sizeof(target->endpoint.address))
		== 0
		&& other->host_length == target->host_length
		&& memcmp(other->host, target->host, target->host_length) == 0
		&& upstream_carrier(twin->world, other) != NULL;
}

const struct link_target *upstream_find_stream(
	const struct world *world, const struct link_target *target)
{
	const struct twin twin = {{twin_takes}, world, target};

	return directory_first_target(world->directory, &twin.filter);
}
