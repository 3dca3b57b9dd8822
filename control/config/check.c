// check.c: what no single value can tell.
//
// Runs on whatever could be read, so that a file's faults come all at once: zeroed members are those that were refused already.

#include "reader.h"

#include <weir/link.h>

static bool span_is_set(struct span span)
{
	return span.length > 0;
}

static const char *text_of(struct span span)
{
	return span.length > 0 ? (const char *)span.octets : "";
}

static bool endpoint_is_unspecified(const struct endpoint *endpoint)
{
	static const uint8_t zero[16];

	return endpoint->family != ENDPOINT_NONE
		&& memcmp(endpoint->address, zero, sizeof(zero)) == 0;
}

// Two prefixes share addresses exactly if the shorter one holds the other's first.
static bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	const struct prefix *wide = a->length <= b->length ? a : b;
	const struct prefix *narrow = wide == a ? b : a;
	struct endpoint first = {.family = narrow->family};

	memcpy(first.address, narrow->address, sizeof(first.address));
	return a->family != ENDPOINT_NONE && prefix_contains(wide, &first);
}

static bool is_stream(const struct config_listener *listener)
{
	return listener->transport > TRANSPORT_UDP;
}

static void check_listener_pair(struct config_reader *reader, const struct config_listener *first,
	const struct config_listener *second)
{
	if (span_is_set(first->name) && span_equal(first->name, second->name))
		config_fault(reader, CONFIG_ERROR, &second->name, NULL,
			"two listeners are named '%s'", text_of(second->name));
	if (first->id == second->id)
		config_fault(reader, CONFIG_ERROR, &second->name,
			"without a key 'id' it is the position in the list",
			"listeners '%s' and '%s' both have the id %u", text_of(first->name),
			text_of(second->name), second->id);
	if (first->address.family != ENDPOINT_NONE && is_stream(first) == is_stream(second)
		&& endpoint_equal(&first->address, &second->address))
		config_fault(reader, CONFIG_ERROR, &second->address,
			"each side needs a socket of its own; two ports of one address will do",
			"listener '%s' has this address already", text_of(first->name));
}

static void check_listener(struct config_reader *reader, const struct config_listener *listener)
{
	const struct config *config = reader->config;

	if (endpoint_is_unspecified(&listener->address))
		config_fault(reader, CONFIG_ERROR, &listener->address,
			"name the address that phones or servers send to; one listener an address",
			"a listener needs one address of this host, not all of them");
	if (listener->side == SIDE_ACCESS && listener->allow.count > 0)
		config_fault(reader, CONFIG_ERROR, &listener->allow,
			"'access-networks' limits where it may send",
			"'allow' is for core and peer listeners");
	if (listener->side != SIDE_ACCESS && listener->side != SIDE_NONE
		&& listener->access_networks.count > 0)
		config_fault(reader, CONFIG_ERROR, &listener->access_networks,
			"'allow' limits whom it hears and where it sends",
			"'access-networks' is for access listeners");
	if (config->role == ROLE_CORE && listener->side != SIDE_CORE && listener->side != SIDE_NONE)
		config_fault(reader, CONFIG_ERROR, &listener->side, NULL,
			"'role: core' has core listeners only");
}

static bool tls_is_there(const struct config *config, struct span name)
{
	for (size_t i = 0; i < config->tls.count; i++)
		if (span_equal(name, config->tls.items[i].name))
			return true;
	return false;
}

static void check_listener_tls(struct config_reader *reader, const struct config_listener *listener)
{
	bool secure = listener->transport == TRANSPORT_TLS || listener->transport == TRANSPORT_WSS;

	if (secure && !span_is_set(listener->tls))
		config_fault(reader, CONFIG_ERROR, &listener->transport,
			"give 'tls', the name of an entry under 'tls'",
			"a secure listener needs a certificate");
	if (!secure && span_is_set(listener->tls))
		config_fault(reader, CONFIG_ERROR, &listener->tls, NULL,
			"'tls' is for the transports tls and wss");
	if (secure && span_is_set(listener->tls) && !tls_is_there(reader->config, listener->tls))
		config_fault(reader, CONFIG_ERROR, &listener->tls,
			"names refer to the 'name' of an entry under 'tls'",
			"there is no tls entry named '%s'", text_of(listener->tls));
}

static void check_stream(struct config_reader *reader, const struct config_listener *listener)
{
	if (reader->config->role == ROLE_CORE && listener->transport > TRANSPORT_TLS)
		config_fault(reader, CONFIG_ERROR, &listener->transport,
			"phones come by WebSocket to an edge",
			"'role: core' speaks SIP over UDP, TCP and TLS only");
	else if (listener->side == SIDE_PEER)
		config_fault(reader, CONFIG_ERROR, &listener->transport, NULL,
			"edges speak SIP to each other over UDP only");
	if (listener->driver != LINK_DRIVER_SOCKET)
		config_fault(reader, CONFIG_ERROR, &listener->driver, NULL,
			"connections are the kernel's: 'driver: socket'");
}

static void check_listeners(struct config_reader *reader)
{
	const struct config *config = reader->config;

	for (size_t i = 0; i < config->listeners.count; i++) {
		check_listener(reader, &config->listeners.items[i]);
		check_listener_tls(reader, &config->listeners.items[i]);
		if (is_stream(&config->listeners.items[i]))
			check_stream(reader, &config->listeners.items[i]);
		for (size_t j = 0; j < i; j++)
			check_listener_pair(
				reader, &config->listeners.items[j], &config->listeners.items[i]);
	}
}

static void check_side(struct config_reader *reader, enum side side, const char *message)
{
	const struct config *config = reader->config;

	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.items[i].side == side
			&& config->listeners.items[i].owner == 0)
			return;
	config_fault(reader, CONFIG_ERROR, &config->listeners, NULL, "%s", message);
}

static void check_sides(struct config_reader *reader)
{
	check_side(reader, SIDE_ACCESS, "there is no access listener for phones");
	check_side(reader, SIDE_CORE, "there is no core listener for the registrar and proxies");
	if (reader->config->cluster.peers.count > 0)
		check_side(reader, SIDE_PEER, "there are peers, but no peer listener for them");
}

static void check_peer(struct config_reader *reader, size_t index)
{
	const struct config *config = reader->config;
	const struct config_peer *peer = &config->cluster.peers.items[index];

	if (peer->id != 0 && peer->id == config->node.id)
		config_fault(reader, CONFIG_ERROR, &peer->id, "list the other edges only",
			"peer %u is this edge itself", peer->id);
	for (size_t i = 0; i < index; i++)
		if (peer->id != 0 && config->cluster.peers.items[i].id == peer->id)
			config_fault(reader, CONFIG_ERROR, &peer->id, NULL,
				"two peers have the id %u", peer->id);
}

static void check_heartbeat(struct config_reader *reader)
{
	const struct config_cluster *cluster = &reader->config->cluster;
	bool given = config_line(reader->config, &cluster->suspect_after_ms) != 0;

	if (cluster->suspect_after_ms == 0
		|| cluster->suspect_after_ms >= 2 * cluster->heartbeat_ms)
		return;
	config_fault(reader, CONFIG_ERROR,
		given ? &cluster->suspect_after_ms : &cluster->heartbeat_ms,
		"let 'suspect-after' be three times 'heartbeat'",
		"an edge would be suspect after one lost heartbeat");
}

static void check_rotation(struct config_reader *reader)
{
	uint32_t every_s = reader->config->keys.rotate_every_s;

	if (every_s != 0 && every_s < 3600)
		config_fault(reader, CONFIG_WARNING, &reader->config->keys.rotate_every_s,
			"tokens are good for 13 more of these: a call that lasts longer is lost",
			"token keys rotate very often");
}

static void check_cluster(struct config_reader *reader)
{
	const struct config_cluster *cluster = &reader->config->cluster;

	for (size_t i = 0; i < cluster->peers.count; i++)
		check_peer(reader, i);
	if (cluster->peers.count > 0 && cluster->listen.family == ENDPOINT_NONE)
		config_fault(reader, CONFIG_ERROR, &cluster->peers,
			"set it to an address:port of this host, for TCP",
			"there are peers, but 'cluster.listen' is missing");
	if (endpoint_is_unspecified(&cluster->listen))
		config_fault(reader, CONFIG_ERROR, &cluster->listen, NULL,
			"'cluster.listen' needs one address of this host, not all of them");
	check_heartbeat(reader);
	check_rotation(reader);
}

static void check_tls(struct config_reader *reader)
{
	const struct config *config = reader->config;
	struct span wanted = config->cluster.tls;
	bool found = false;

	for (size_t i = 0; i < config->tls.count; i++) {
		const struct config_tls *tls = &config->tls.items[i];

		found |= span_is_set(wanted) && span_equal(wanted, tls->name);
		for (size_t j = 0; j < i; j++)
			if (span_is_set(tls->name)
				&& span_equal(tls->name, config->tls.items[j].name))
				config_fault(reader, CONFIG_ERROR, &tls->name, NULL,
					"two tls entries are named '%s'", text_of(tls->name));
	}
	if (span_is_set(wanted) && !found)
		config_fault(reader, CONFIG_ERROR, &config->cluster.tls,
			"names refer to the 'name' of an entry under 'tls'",
			"there is no tls entry named '%s'", text_of(wanted));
}

// A phone that could be sent into the inside is what the egress guard exists against.
static void check_networks(
	struct config_reader *reader, const struct config_listener *listener, size_t network)
{
	const struct config *config = reader->config;
	const struct prefix *access = &listener->access_networks.items[network];

	for (size_t i = 0; i < config->inside.count; i++) {
		if (!prefix_overlaps(access, &config->inside.items[i]))
			continue;
		config_fault(reader, CONFIG_WARNING, access,
			"'inside' wins: nothing is sent to what stands in both",
			"this network overlaps with one of 'inside'");
		return;
	}
}

static void check_egress(struct config_reader *reader)
{
	const struct config *config = reader->config;

	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];

		for (size_t j = 0;
			listener->side == SIDE_ACCESS && j < listener->access_networks.count; j++)
			check_networks(reader, listener, j);
	}
}

static void check_edge(struct config_reader *reader)
{
	// What is missing is not told from what was refused.
	if (reader->report->errors == 0)
		check_sides(reader);
	check_cluster(reader);
	config_check_upstream(reader);
	check_egress(reader);
}

static void check_users(struct config_reader *reader)
{
	const struct config_registrar *registrar = &reader->config->registrar;

	if (registrar->users.count > 0 && registrar->users_file != NULL)
		config_fault(reader, CONFIG_ERROR, &registrar->users_file, NULL,
			"there are users already: give 'users' or 'users-file'");
	if (reader->report->errors == 0 && registrar->users.count == 0
		&& registrar->users_file == NULL)
		config_fault(reader, CONFIG_WARNING, &registrar->domains,
			"fine for a trial; give 'users' or 'users-file'",
			"without users every REGISTER is believed");
	for (size_t i = 0; i < registrar->users.count; i++)
		for (size_t j = 0; j < i; j++)
			if (span_is_set(registrar->users.items[i].user)
				&& span_equal(registrar->users.items[i].user,
					registrar->users.items[j].user))
				config_fault(reader, CONFIG_ERROR, &registrar->users.items[i].user,
					NULL, "this user stands here twice");
}

static void check_core(struct config_reader *reader)
{
	const struct config_registrar *registrar = &reader->config->registrar;

	if (registrar->min_expires_s > registrar->default_expires_s)
		config_fault(reader, CONFIG_ERROR, &registrar->default_expires_s, NULL,
			"'default-expires' is shorter than 'min-expires'");
	if (registrar->default_expires_s > registrar->max_expires_s)
		config_fault(reader, CONFIG_ERROR, &registrar->max_expires_s, NULL,
			"'max-expires' is shorter than 'default-expires'");
	check_users(reader);
}

void config_check(struct config_reader *reader)
{
	check_listeners(reader);
	config_check_devices(reader);
	config_check_takeover(reader);
	check_tls(reader);
	if (reader->config->role == ROLE_EDGE)
		check_edge(reader);
	else
		check_core(reader);
}
