#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int error, const char *what)
{
	if (error == 0)
		return;
	fprintf(stderr, "lab: %s: %s\n", what, strerror(-error));
	abort();
}

struct endpoint lab_endpoint(const char *text)
{
	struct endpoint endpoint;

	if (!endpoint_parse(span_of(text, strlen(text)), &endpoint)) {
		fprintf(stderr, "lab: no endpoint: %s\n", text);
		abort();
	}
	return endpoint;
}

static void add(struct directory_builder *builder, uint16_t type, const void *record, size_t length)
{
	check(directory_builder_add(builder, type, span_of(record, length)), "directory record");
}

static void add_name(
	struct directory_builder *builder, uint8_t edge, const char *host, uint16_t port)
{
	struct link_name name = {.edge = edge, .host_length = (uint8_t)strlen(host), .port = port};

	memcpy(name.host, host, strlen(host));
	add(builder, LINK_NAME, &name, sizeof(name));
}

struct listener_plan {
	uint8_t id;
	uint8_t side;
	uint8_t transport;
	const char *address;
	const char *written;
};

static const struct listener_plan listeners[] = {
	{LAB_ACCESS, SIDE_ACCESS, TRANSPORT_UDP, "192.0.2.%u:5060", "edge%u.example.net"},
	{LAB_CORE, SIDE_CORE, TRANSPORT_UDP, "10.0.0.%u:5060", "edge%u-core.example.net"},
	{LAB_PEER, SIDE_PEER, TRANSPORT_UDP, "10.0.1.%u:7000", "10.0.1.%u:7000"},
	{LAB_ACCESS6, SIDE_ACCESS, TRANSPORT_UDP, "[2001:db8::%u]:5060", "edge%u.example.net"},
	{LAB_CORE6, SIDE_CORE, TRANSPORT_UDP, "[fd00::%u]:5060", "edge%u-core.example.net"},
	{LAB_TCP, SIDE_ACCESS, TRANSPORT_TCP, "192.0.2.%u:5060", "edge%u.example.net"},
	{LAB_TLS, SIDE_ACCESS, TRANSPORT_TLS, "192.0.2.%u:5061", "edge%u.example.net"},
	{LAB_WSS, SIDE_ACCESS, TRANSPORT_WSS, "192.0.2.%u:8443", "edge%u.example.net:8443"},
	{LAB_CORE_TCP, SIDE_CORE, TRANSPORT_TCP, "10.0.0.%u:5060", "edge%u-core.example.net"},
	{LAB_CORE_TLS, SIDE_CORE, TRANSPORT_TLS, "10.0.0.%u:5061", "edge%u-core.example.net"},
};

static const struct listener_plan taken = {
	LAB_TAKEN, SIDE_ACCESS, TRANSPORT_UDP, "192.0.2.%u:5060", "edge%u.example.net"};

enum transport lab_transport(uint8_t listener)
{
	if (listener == LAB_TAKEN)
		return TRANSPORT_UDP;
	for (unsigned i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++)
		if (listeners[i].id == listener)
			return (enum transport)listeners[i].transport;
	return TRANSPORT_NONE;
}

static void listener_fill(
	struct link_listener *listener, const struct listener_plan *plan, uint8_t edge)
{
	char text[64];

	snprintf(text, sizeof(text), plan->address, edge);
	*listener = (struct link_listener){.id = plan->id,
		.side = plan->side,
		.transport = plan->transport,
		.address = lab_endpoint(text)};
}

static void add_own_listener(struct directory_builder *builder, const struct listener_plan *plan,
	uint8_t edge, uint8_t owner)
{
	struct link_directory_listener listener = {.owner = owner};

	listener_fill(&listener.listener, plan, edge);
	listener.sent_by_length =
		(uint8_t)snprintf((char *)listener.sent_by, 64, plan->address, edge);
	listener.written_length =
		(uint8_t)snprintf((char *)listener.written, 64, plan->written, edge);
	add(builder, LINK_DIRECTORY_LISTENER, &listener, sizeof(listener));
}

static void add_peer_listener(struct directory_builder *builder, const struct listener_plan *plan,
	uint8_t edge, uint8_t owner)
{
	struct link_peer_listener listener = {.edge = edge};

	listener_fill(&listener.listener, plan, owner);
	add(builder, LINK_PEER_LISTENER, &listener, sizeof(listener));
}

static void add_taken_listener(struct lab *lab, struct directory_builder *builder, uint8_t edge)
{
	if (!lab->takeover || edge == 1)
		return;
	if (edge == lab->edge)
		add_own_listener(builder, &taken, 1, 1);
	else
		add_peer_listener(builder, &taken, edge, 1);
}

// As the keeper does with a new directory.
static void namesakes_index(struct lab *lab)
{
	for (uint8_t id = 0; id < LISTENERS_MAX; id++) {
		const struct directory_listener *own = directory_listener(lab->directory, id);

		for (unsigned i = 0; own != NULL && i < own->namesake_count; i++)
			check(flow_table_index_sources(lab->flows, own->namesakes[i].edge,
				      own->namesakes[i].listener),
				"sources");
	}
}

static void add_peer(struct directory_builder *builder, uint8_t edge)
{
	struct link_peer peer = {.edge = edge};
	char text[64];

	peer.name_length = (uint8_t)snprintf((char *)peer.name, 64, "edge%u.example.net", edge);
	snprintf(text, sizeof(text), "10.0.1.%u:7000", edge);
	peer.relay = lab_endpoint(text);
	add(builder, LINK_PEER, &peer, sizeof(peer));
}

static void add_names(struct directory_builder *builder, uint8_t edge)
{
	static const char *const names[] = {"edge%u.example.net", "edge%u-core.example.net",
		"192.0.2.%u", "10.0.0.%u", "2001:db8::%u", "fd00::%u"};
	char text[64];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text), names[i], edge);
		add_name(builder, edge, text, 5060);
		add_name(builder, edge, text, 5061);
		add_name(builder, edge, text, 8443);
	}
}

static void add_target(struct directory_builder *builder, const char *host, const char *address,
	bool balanced, uint32_t identity)
{
	struct link_target target = {.endpoint = lab_endpoint(address),
		.transport = TRANSPORT_UDP,
		.healthy = 1,
		.balanced = balanced,
		.host_length = (uint8_t)strlen(host),
		.identity = identity};

	memcpy(target.host, host, strlen(host));
	add(builder, LINK_TARGET, &target, sizeof(target));
}

static void add_targets(struct directory_builder *builder, const struct lab *lab)
{
	if (lab->target_count == 0) {
		add_target(builder, "core.example.net", "10.0.9.1:5060", true, 1);
		add_target(builder, "core6.example.net", "[fd00:9::1]:5060", false, 2);
	}
	for (unsigned i = 0; i < lab->target_count; i++)
		add(builder, LINK_TARGET, &lab->targets[i], sizeof(lab->targets[i]));
}

static void add_prefix(struct directory_builder *builder, enum link_prefix_list list,
	uint8_t listener, const char *text)
{
	struct link_prefix prefix = {.list = (uint8_t)list, .listener = listener};

	if (!prefix_parse(span_of(text, strlen(text)), &prefix.prefix))
		check(-22, text);
	add(builder, LINK_PREFIX, &prefix, sizeof(prefix));
}

static void add_prefixes(struct directory_builder *builder)
{
	add_prefix(builder, LINK_PREFIX_ACCESS_NETWORKS, LAB_ACCESS, "198.51.100.0/24");
	add_prefix(builder, LINK_PREFIX_ACCESS_NETWORKS, LAB_ACCESS, "203.0.113.0/24");
	add_prefix(builder, LINK_PREFIX_ACCESS_NETWORKS, LAB_TAKEN, "198.51.100.0/24");
	add_prefix(builder, LINK_PREFIX_ACCESS_NETWORKS, LAB_ACCESS, "192.0.2.0/24");
	add_prefix(builder, LINK_PREFIX_ACCESS_NETWORKS, LAB_ACCESS, "10.0.5.0/24");
	add_prefix(builder, LINK_PREFIX_ACCESS_NETWORKS, LAB_ACCESS6, "2001:db8:f::/48");
	for (uint8_t stream = LAB_TCP; stream <= LAB_WSS; stream++)
		add_prefix(builder, LINK_PREFIX_ACCESS_NETWORKS, stream, "198.51.100.0/24");
	add_prefix(builder, LINK_PREFIX_ALLOW, LAB_CORE, "10.0.9.0/24");
	add_prefix(builder, LINK_PREFIX_ALLOW, LAB_CORE_TCP, "10.0.9.0/24");
	add_prefix(builder, LINK_PREFIX_ALLOW, LAB_CORE_TLS, "10.0.9.0/24");
	add_prefix(builder, LINK_PREFIX_ALLOW, LAB_CORE6, "fd00:9::/64");
	add_prefix(builder, LINK_PREFIX_INSIDE, 0, "10.0.0.0/8");
	add_prefix(builder, LINK_PREFIX_SHARED_FLOWS, 0, "203.0.113.128/25");
	add_prefix(builder, LINK_PREFIX_FORCE_TOKEN, 0, "203.0.113.64/26");
}

void lab_rebuild(struct lab *lab)
{
	struct directory_builder *builder = directory_builder_new();

	add(builder, LINK_SETTINGS, &lab->settings, sizeof(lab->settings));
	add_name(builder, 0, "sip.example.net", 5060);
	for (uint8_t edge = 1; edge <= LAB_EDGES; edge++) {
		add_names(builder, edge);
		for (unsigned i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++)
			if (edge == lab->edge)
				add_own_listener(builder, &listeners[i], edge, 0);
			else
				add_peer_listener(builder, &listeners[i], edge, edge);
		add_taken_listener(lab, builder, edge);
		if (edge != lab->edge)
			add_peer(builder, edge);
	}
	add_targets(builder, lab);
	add_prefixes(builder);
	directory_free(lab->directory);
	lab->directory = directory_builder_finish(builder);
	lab->world.directory = lab->directory;
	namesakes_index(lab);
}

static void keys_derive(struct lab *lab)
{
	static const uint8_t secret[TOKEN_SECRET_OCTETS] = "the token secret of the labs";
	static const uint8_t index_secret[INDEX_SECRET_OCTETS] = "the index secret of the labs";
	struct key_material material = {.first_epoch = LAB_EPOCH - KEYRING_PAST,
		.rotate_every_s = 604800,
		.held = 1,
		.minting = 0};

	check(key_material_derive(&material, 0, secret, SPAN("lab"), 604800, LAB_EPOCH), "keys");
	check(hash_keys_derive(&lab->hashes, index_secret, SPAN("lab")), "hash keys");
	lab->world.keys = keyring_new(&material, LAB_EPOCH);
	lab->world.hashes = &lab->hashes;
}

struct lab *lab_new(uint8_t edge)
{
	static const struct flow_limits limits = {.own_flows = 64, .peer_flows = 128, .rows = 1024};
	struct lab *lab = calloc(1, sizeof(*lab));

	lab->edge = edge;
	lab->burst = calloc(1, sizeof(*lab->burst));
	lab->flows = flow_table_new(edge, &limits);
	lab->settings = (struct link_settings){.park_ms = 20000,
		.not_ready_ms = 20000,
		.heartbeat_ms = 100,
		.suspect_after_ms = 300,
		.dead_after_ms = 3000,
		.flow_timer_udp_s = 28,
		.flow_timer_stream_s = 120,
		.moved_per_s = 2,
		.edge = edge};
	lab->world.flows = lab->flows;
	lab->world.peers = &lab->peers;
	lab->world.addresses = &lab->addresses;
	lab->world.now_ms = LAB_NOW_MS;
	lab->world.now_s = LAB_NOW_S;
	lab->world.moved = &lab->moved;
	atomic_store(&lab->peers.own_complete, true);
	atomic_store(&lab->peers.started_ms, 1);
	for (uint8_t peer = 1; peer <= LAB_EDGES; peer++) {
		lab_set_peer(lab, peer, PEER_UP, 0);
		atomic_store(&lab->peers.edge[peer].complete, 1);
	}
	keys_derive(lab);
	lab_rebuild(lab);
	return lab;
}

void lab_free(struct lab *lab)
{
	for (unsigned i = 0; i < BURST_MAX; i++)
		free(lab->buffer[i]);
	free(lab->limits.sources);
	flow_table_free(lab->flows);
	directory_free(lab->directory);
	keyring_free(lab->world.keys);
	free(lab->burst);
	free(lab);
}

void lab_limit(struct lab *lab)
{
	lab->limits.sources = calloc(1, sizeof(*lab->limits.sources));
	lab->limits.sources->seed[0] = 0x0123456789abcdef;
	lab->limits.sources->seed[1] = 0xfedcba9876543210;
	lab->world.limits = &lab->limits;
	lab_rebuild(lab);
}

void lab_put(struct lab *lab, const struct flow_record *record)
{
	check(flow_table_put(lab->flows, record, lab->world.now_ms), "flow record");
	flow_table_reclaim(lab->flows);
}

void lab_set_peer(struct lab *lab, uint8_t edge, enum peer_liveness liveness, uint64_t lost_at_ms)
{
	atomic_store(&lab->peers.edge[edge].liveness, (uint8_t)liveness);
	atomic_store(&lab->peers.edge[edge].lost_at_ms, lost_at_ms);
}

void lab_set_address(struct lab *lab, uint8_t listener, bool here, uint64_t for_ms)
{
	struct address_state *state = &lab->addresses.listener[listener];

	atomic_store(&state->away, !here);
	atomic_store(&state->since_ms, for_ms == 0 ? 0 : LAB_NOW_MS - for_ms);
}

void lab_begin(struct lab *lab)
{
	lab->burst->count = 0;
}

unsigned lab_add_packet(struct lab *lab, struct packet *packet, enum origin origin)
{
	unsigned i = lab->burst->count++;

	lab->burst->packet[i] = packet;
	lab->burst->origin[i] = (uint8_t)origin;
	return i;
}

unsigned lab_add(struct lab *lab, uint8_t listener, const struct endpoint *source, struct span text,
	enum origin origin)
{
	unsigned i = lab->burst->count;
	struct packet *packet = &lab->packet[i];

	if (lab->buffer[i] == NULL)
		lab->buffer[i] = malloc(LAB_CAPACITY);
	*packet = (struct packet){.octets = lab->buffer[i] + PACKET_HEAD_ROOM,
		.length = (uint32_t)text.length,
		.capacity = LAB_CAPACITY,
		.buffer = lab->buffer[i],
		.peer = *source,
		.listener = listener};
	memcpy(packet->octets, text.octets, text.length);
	return lab_add_packet(lab, packet, origin);
}

void lab_run(struct lab *lab)
{
	parse_burst(&lab->world, lab->burst);
	redeem_burst(&lab->world, lab->burst);
	decide_burst(&lab->world, lab->burst);
	rewrite_burst(&lab->world, lab->burst);
}

static uint64_t uri_hash(struct lab *lab, const char *text,
	uint64_t (*hash)(const struct hash_keys *, const uint8_t *, const struct uri *))
{
	struct uri uri;

	if (!uri_parse((const uint8_t *)text, (struct slice){0, (uint16_t)strlen(text)}, &uri))
		check(-22, text);
	return hash(&lab->hashes, (const uint8_t *)text, &uri);
}

uint64_t lab_aor(struct lab *lab, const char *name)
{
	char uri[128];

	snprintf(uri, sizeof(uri), "sip:%.*s@example.net", (int)strcspn(name, "/"), name);
	return uri_hash(lab, uri, identity_hash_aor);
}

uint64_t lab_instance(struct lab *lab, const char *name)
{
	const char *slash = strchr(name, '/');
	const char *instance = slash == NULL ? name : slash + 1;

	return identity_hash_instance(&lab->hashes, span_of(instance, strlen(instance)));
}

uint64_t lab_uak(struct lab *lab, const char *name)
{
	return identity_hash_uak(&lab->hashes, lab_aor(lab, name), lab_instance(lab, name));
}

uint64_t lab_contact(struct lab *lab, const char *uri)
{
	return uri_hash(lab, uri, identity_hash_contact);
}

#define WORD(NAME, word, class, text) word,
const char *lab_word(enum verdict verdict)
{
	static const char *const words[] = { VERDICTS(WORD) };

	return verdict < VERDICT_COUNT ? words[verdict] : "none";
}
