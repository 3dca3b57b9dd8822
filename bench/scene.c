#include "scene.h"

#include <errno.h>
#include <stdlib.h>

enum {
	EPOCH = 2900,
	WEEK_S = 604800,
	NOW_S = 1753920000,
	GENERATION = 1000,
	PHONE_PORT = 5060,
	UNTIRED = 100000000, // a second: the scene's clock stands still, and no limit may be met
	BATCH = 4096, // rows are given back once a batch
};

static struct endpoint endpoint_of(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct endpoint){
		.address = {a, b, c, d}, .port = PHONE_PORT, .family = ENDPOINT_V4};
}

// 100.64.0.0/10 has room for four million phones.
static struct endpoint phone_of(uint32_t slot)
{
	return endpoint_of(100, (uint8_t)(64 + (slot >> 16)), (uint8_t)(slot >> 8), (uint8_t)slot);
}

static uint64_t uak_of(uint32_t slot)
{
	return 0x9e3779b97f4a7c15 * (slot + 1);
}

// An odd factor modulo a power of two: no slot twice, and far from one to the next.
static uint32_t slot_of(const struct scene *scene, uint32_t call)
{
	return ((call * 0x6c078965 + 12345) & (scene->flow_count - 1)) + 1;
}

static int listener_add(struct directory_builder *builder, uint8_t id, enum side side,
	struct endpoint address, struct span sent_by, struct span written)
{
	struct link_directory_listener listener = {
		.listener = {.id = id,
			.side = (uint8_t)side,
			.transport = TRANSPORT_UDP,
			.address = address},
		.sent_by_length = (uint8_t)sent_by.length,
		.written_length = (uint8_t)written.length,
	};

	memcpy(listener.sent_by, sent_by.octets, sent_by.length);
	memcpy(listener.written, written.octets, written.length);
	return directory_builder_add(
		builder, LINK_DIRECTORY_LISTENER, span_of(&listener, sizeof(listener)));
}

static int name_add(struct directory_builder *builder, struct span host)
{
	struct link_name name = {
		.edge = SCENE_EDGE, .host_length = (uint8_t)host.length, .port = PHONE_PORT};

	memcpy(name.host, host.octets, host.length);
	return directory_builder_add(builder, LINK_NAME, span_of(&name, sizeof(name)));
}

static int prefix_add(struct directory_builder *builder, enum link_prefix_list list,
	uint8_t listener, struct span text)
{
	struct link_prefix prefix = {.list = (uint8_t)list, .listener = listener};

	if (!prefix_parse(text, &prefix.prefix))
		return -EINVAL;
	return directory_builder_add(builder, LINK_PREFIX, span_of(&prefix, sizeof(prefix)));
}

static int target_add(struct directory_builder *builder, struct span host)
{
	struct link_target target = {.endpoint = endpoint_of(10, 0, 9, 1),
		.transport = TRANSPORT_UDP,
		.healthy = 1,
		.balanced = 1,
		.host_length = (uint8_t)host.length,
		.identity = 1};

	memcpy(target.host, host.octets, host.length);
	return directory_builder_add(builder, LINK_TARGET, span_of(&target, sizeof(target)));
}

static int directory_fill(struct directory_builder *builder)
{
	const struct link_settings settings = {.park_ms = 20000,
		.not_ready_ms = 20000,
		.heartbeat_ms = 100,
		.suspect_after_ms = 300,
		.dead_after_ms = 3000,
		.flow_timer_udp_s = 28,
		.source_per_s = UNTIRED,
		.source_burst = UNTIRED,
		.phone_per_s = UNTIRED,
		.phone_burst = UNTIRED,
		.strangers_per_s = UNTIRED,
		.edge = SCENE_EDGE};
	int error =
		directory_builder_add(builder, LINK_SETTINGS, span_of(&settings, sizeof(settings)));

	if (error == 0)
		error = listener_add(builder, SCENE_ACCESS, SIDE_ACCESS, endpoint_of(192, 0, 2, 2),
			SPAN("192.0.2.2:5060"), SPAN("edge2.example.net"));
	if (error == 0)
		error = listener_add(builder, SCENE_CORE, SIDE_CORE, endpoint_of(10, 0, 0, 2),
			SPAN("10.0.0.2:5060"), SPAN("edge2-core.example.net"));
	if (error == 0)
		error = name_add(builder, SPAN("edge2.example.net"));
	if (error == 0)
		error = name_add(builder, SPAN("edge2-core.example.net"));
	if (error == 0)
		error = prefix_add(
			builder, LINK_PREFIX_ACCESS_NETWORKS, SCENE_ACCESS, SPAN("100.64.0.0/10"));
	if (error == 0)
		error = prefix_add(builder, LINK_PREFIX_ALLOW, SCENE_CORE, SPAN("10.0.9.0/24"));
	return error == 0 ? target_add(builder, SPAN("core.example.net")) : error;
}

static int directory_open(struct scene *scene)
{
	struct directory_builder *builder = directory_builder_new();
	int error;

	if (builder == NULL)
		return -ENOMEM;
	error = directory_fill(builder);
	if (error != 0) {
		directory_builder_free(builder);
		return error;
	}
	scene->directory = directory_builder_finish(builder);
	return scene->directory == NULL ? -ENOMEM : 0;
}

static int flows_open(struct scene *scene)
{
	const struct flow_limits limits = {
		.own_flows = scene->flow_count, .peer_flows = 1, .rows = scene->flow_count};
	static struct flow_record record = {.state = FLOW_LIVE,
		.listener = SCENE_ACCESS,
		.transport = TRANSPORT_UDP,
		.row_count = 1};
	int error = 0;

	scene->flows = flow_table_new(SCENE_EDGE, &limits);
	if (scene->flows == NULL)
		return -ENOMEM;
	for (uint32_t slot = 1; slot <= scene->flow_count && error == 0; slot++) {
		record.id = (struct flow_id){SCENE_EDGE, slot, GENERATION};
		record.peer = phone_of(slot);
		record.rows[0] = (struct row){.uak = uak_of(slot),
			.aor = uak_of(slot) ^ 1,
			.instance = uak_of(slot) ^ 2,
			.contact = uak_of(slot) ^ 3,
			.committed_at_ms = 1,
			.expires_at_s = NOW_S + WEEK_S};
		error = flow_table_put(scene->flows, &record, 1);
		if (slot % BATCH == 0)
			flow_table_reclaim(scene->flows);
	}
	flow_table_reclaim(scene->flows);
	return error;
}

static int keys_open(struct scene *scene)
{
	static const uint8_t secret[TOKEN_SECRET_OCTETS] = {1};
	static const uint8_t index_secret[INDEX_SECRET_OCTETS] = {2};
	struct key_material material = {.minting = 0};
	int error = hash_keys_derive(&scene->hashes, index_secret, SPAN("edge.example.net"));

	if (error == 0)
		error = key_material_derive(
			&material, 0, secret, SPAN("edge.example.net"), WEEK_S, EPOCH);
	if (error != 0)
		return error;
	scene->world.keys = keyring_new(&material, EPOCH);
	return scene->world.keys == NULL ? -ENOMEM : 0;
}

// The core's caller sends the BYE, and our phone received the call.
static int tokens_open(struct scene *scene)
{
	struct message message;
	struct token token = {
		.kind = TOKEN_ROUTE, .role = TOKEN_RECEIVER, .listener = SCENE_ACCESS};

	scene->token = calloc(scene->call_count, sizeof(*scene->token));
	if (scene->token == NULL)
		return -ENOMEM;
	if (message_parse(&message, bye, BYE_OCTETS) != MESSAGE_OK)
		return -EBADMSG;
	token.bind = identity_hash_bind(&scene->hashes, message_span(&message, message.call_id),
		message_span(&message, message.from_tag));
	for (uint32_t call = 0; call < scene->call_count; call++) {
		uint8_t text[TOKEN_LENGTH_V6];
		uint32_t slot = slot_of(scene, call);

		token.flow = (struct flow_id){SCENE_EDGE, slot, GENERATION};
		token.peer = phone_of(slot);
		token.uak = uak_of(slot);
		memcpy(scene->token[call].text, text, token_mint(scene->world.keys, &token, text));
	}
	return 0;
}

static void world_open(struct scene *scene)
{
	atomic_store(&scene->peers.own_complete, true);
	atomic_store(&scene->peers.started_ms, 1);
	scene->world.flows = scene->flows;
	scene->world.directory = scene->directory;
	scene->world.peers = &scene->peers;
	scene->world.hashes = &scene->hashes;
	scene->world.moved = &scene->moved;
	scene->world.limits = &scene->limits;
	scene->world.now_ms = 1000000;
	scene->world.now_s = NOW_S;
}

struct scene *scene_new(uint32_t flow_count, uint32_t call_count)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	int error = -ENOMEM;

	if (scene == NULL)
		return NULL;
	scene->flow_count = flow_count;
	scene->call_count = call_count;
	scene->burst = calloc(1, sizeof(*scene->burst));
	if (scene->burst != NULL)
		error = keys_open(scene);
	if (error == 0)
		error = directory_open(scene);
	if (error == 0)
		error = flows_open(scene);
	if (error == 0)
		error = tokens_open(scene);
	if (error != 0) {
		scene_free(scene);
		errno = -error;
		return NULL;
	}
	world_open(scene);
	return scene;
}

void scene_free(struct scene *scene)
{
	if (scene->flows != NULL)
		flow_table_free(scene->flows);
	if (scene->directory != NULL)
		directory_free(scene->directory);
	if (scene->world.keys != NULL)
		keyring_free(scene->world.keys);
	free(scene->token);
	free(scene->burst);
	free(scene);
}

struct scene *scene_view_new(const struct scene *scene)
{
	struct scene *view = calloc(1, sizeof(*view));
	int error;

	if (view == NULL)
		return NULL;
	view->flows = scene->flows;
	view->directory = scene->directory;
	view->token = scene->token;
	view->flow_count = scene->flow_count;
	view->call_count = scene->call_count;
	view->at = scene->call_count / 2;
	view->burst = calloc(1, sizeof(*view->burst));
	error = view->burst == NULL ? -ENOMEM : keys_open(view);
	if (error != 0) {
		scene_view_free(view);
		errno = -error;
		return NULL;
	}
	world_open(view);
	return view;
}

void scene_view_free(struct scene *view)
{
	if (view->world.keys != NULL)
		keyring_free(view->world.keys);
	free(view->burst);
	free(view);
}
