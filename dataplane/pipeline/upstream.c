#include "upstream.h"

#include "own.h"

// CANCEL and ACK have the Call-ID of their INVITE and so follow it; the key only spreads.
static uint64_t call_id_hash(const struct world *world, const struct message *message)
{
	struct keyhash hash;

	keyhash_begin(&hash, world->hashes, HASH_BRANCH);
	keyhash_field(&hash, message_span(message, message->call_id));
	return keyhash_end(&hash);
}

static const struct link_target *target_by_uri(
	const struct directory *directory, const struct message *message, const struct uri *uri)
{
	uint8_t buffer[ENDPOINT_TEXT_MAX];

	if (uri->scheme == URI_OTHER)
		return NULL;
	return directory_find_target(directory,
		own_host_text(message_span(message, uri->host), buffer), uri->port, uri_port(uri));
}

const struct link_target *upstream_find(const struct world *world, const struct message *message,
	const struct uri *target, const struct routes *routes)
{
	const struct link_target *found = NULL;
	struct name_address address;
	struct uri uri;

	if (!routes->has_next)
		found = target_by_uri(world->directory, message, target);
	else if (name_address_parse(message->octets, routes->next, &address)
		&& uri_parse(message->octets, address.uri, &uri))
		found = target_by_uri(world->directory, message, &uri);
	return found != NULL
		? found
		: directory_pick_target(world->directory, call_id_hash(world, message));
}
