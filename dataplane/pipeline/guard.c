#include "guard.h"

#include "stage.h"

// 0.0.0.0/8, 224.0.0.0/4 and 240.0.0.0/4 with the broadcast address; ::, ff00::/8 (RFC 1122 section 3.2.1.3, RFC 4291).
bool guard_is_unicast(const struct endpoint *endpoint)
{
	static const uint8_t unspecified[16];

	if (endpoint->family == ENDPOINT_V4)
		return endpoint->address[0] != 0 && endpoint->address[0] < 224;
	return endpoint->family == ENDPOINT_V6 && endpoint->address[0] != 0xff
		&& memcmp(endpoint->address, unspecified, sizeof(unspecified)) != 0;
}

bool guard_is_loopback(const struct endpoint *endpoint)
{
	static const uint8_t loopback[16] = {[15] = 1};

	if (endpoint->family == ENDPOINT_V4)
		return endpoint->address[0] == 127;
	return memcmp(endpoint->address, loopback, sizeof(loopback)) == 0;
}

static bool access_allows(const struct directory *directory,
	const struct directory_listener *listener, const struct endpoint *destination)
{
	if (guard_is_loopback(destination) && !guard_is_loopback(&listener->listener.address))
		return false;
	return !directory_is_listener(directory, destination)
		&& !directory_prefix_listed(directory, LINK_PREFIX_INSIDE, 0, destination)
		&& directory_prefix_listed(
			directory, LINK_PREFIX_ACCESS_NETWORKS, listener->listener.id, destination);
}

static bool trusted_allows(const struct directory *directory,
	const struct directory_listener *listener, const struct endpoint *destination)
{
	if (directory_prefix_listed(
		    directory, LINK_PREFIX_ALLOW, listener->listener.id, destination))
		return true;
	return listener->listener.side == SIDE_CORE
		? directory_is_target(directory, destination)
		: directory_is_peer_relay(directory, destination);
}

bool guard_allows(const struct directory *directory, const struct directory_listener *listener,
	const struct endpoint *destination)
{
	struct endpoint folded = *destination;

	endpoint_fold_mapped(&folded);
	if (folded.family != listener->listener.address.family || folded.port == 0
		|| !guard_is_unicast(&folded))
		return false;
	return listener->listener.side == SIDE_ACCESS
		? access_allows(directory, listener, &folded)
		: trusted_allows(directory, listener, &folded);
}

bool guard_hears(const struct directory *directory, const struct directory_listener *listener,
	const struct endpoint *source)
{
	struct endpoint folded = *source;

	endpoint_fold_mapped(&folded);
	return directory_prefix_listed(directory, LINK_PREFIX_ALLOW, listener->listener.id, &folded)
		|| directory_is_target(directory, &folded);
}
