#include "../directory/directory.h"
#include "../keys/key_folder.h"
#include "../mesh/identity.h"
#include "edge_private.h"

#include <errno.h>
#include <stdlib.h>

// The mesh asks.

static const struct sync_hello *hello_give(void *context)
{
	struct edge *edge = context;
	uint64_t epoch = token_keys_epoch(edge->control->token_keys, clock_wall_ms() / 1000);

	unsigned left_out = directory_write_hello(
		edge->control->config, edge->incarnation, epoch, &edge->hello);
	if (left_out > 0)
		log_event(edge->control->log, LOG_LEVEL_WARNING, "names-not-told",
			LOG_NUMBER("told", edge->hello.name_count),
			LOG_NUMBER("left-out", left_out),
			LOG_TEXT("hint",
				"have fewer access and core listeners, or give peers the "
				"rest as cluster.peers[].advertise"));
	edge->hello.secrets = edge->secrets;
	return &edge->hello;
}

static bool flow_give(void *context, uint32_t slot, struct flow_record *record)
{
	struct edge *edge = context;

	return flow_book_next(edge->book, slot, record);
}

static uint32_t generation_give(void *context, uint8_t id)
{
	struct edge *edge = context;

	return peer_copies_newest_generation(edge->copies, id);
}

// The mesh tells.

// What a peer has said stays known while it is away, over our own restarts too.
static void hello_keep(struct edge_peer *peer, const struct sync_peer *told)
{
	struct sync_hello hello = told->connected ? told->hello : peer->sync.hello;

	peer->sync = *told;
	peer->sync.hello = hello;
}

static void peer_changed(void *context, const struct sync_peer *told)
{
	struct edge *edge = context;
	uint8_t id = told->hello.edge;
	struct edge_peer *peer = &edge->peers[id];
	bool names_changed = told->connected
		&& memcmp(&peer->sync.hello, &told->hello, sizeof(told->hello)) != 0;

	if (!told->connected && peer->sync.connected)
		peer->gone_ms = clock_ms();
	if (told->connected)
		peer->gone_ms = 0;
	peer->replaced &= !told->complete;
	peer->known |= told->connected;
	hello_keep(peer, told);
	if (told->connected)
		flow_book_note_generation(edge->book, told->newest_generation);
	edge_secrets_judge(edge);
	edge_ready_judge(edge);
	if (names_changed) {
		edge_note_peer(edge, id);
		edge_send_directory(edge);
	}
	edge_send_peer_state(edge, id);
}

static void snapshot_tell(struct edge *edge, uint16_t type, uint8_t id)
{
	const struct link_snapshot mark = {.edge = id};

	link_client_put(edge->control->link, type, span_of(&mark, sizeof(mark)));
}

static void snapshot_begin(void *context, uint8_t id)
{
	struct edge *edge = context;

	peer_copies_mark(edge->copies, id);
	snapshot_tell(edge, LINK_SNAPSHOT_BEGIN, id);
}

static void snapshot_end(void *context, uint8_t id)
{
	struct edge *edge = context;

	peer_copies_sweep(edge->copies, id);
	snapshot_tell(edge, LINK_SNAPSHOT_END, id);
}

static void heard(void *context, const struct flow_record *record)
{
	struct edge *edge = context;
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];

	int status = peer_copies_put(edge->copies, record);
	if (status != 0) {
		log_event(edge->control->log, LOG_LEVEL_WARNING, "peer-flow-refused",
			LOG_NUMBER("edge", record->id.edge), LOG_TEXT("error", strerror(-status)),
			LOG_TEXT("hint", "raise limits.peer-flows"));
		return;
	}
	flow_book_hear_peer(edge->book, record, edge_now());
	edge_hear_namesake(edge, record);
	link_client_put(edge->control->link, LINK_FLOW,
		span_of(octets, flow_record_encode(record, octets)));
	if (flow_book_has_changes(edge->book))
		edge_batch_soon(edge);
}

static void removed(void *context, const struct row_removal *removal)
{
	struct edge *edge = context;

	flow_book_hear_removal(edge->book, removal, edge_now());
	if (flow_book_has_changes(edge->book))
		edge_batch_soon(edge);
}

static void twin(void *context, uint8_t id, bool newer)
{
	struct edge *edge = context;

	log_event(edge->control->log, LOG_LEVEL_ERROR, "mesh-twin",
		LOG_NUMBER("edge", edge->control->config->node.id), LOG_NUMBER("told-by", id),
		LOG_TEXT("outcome",
			newer ? "a newer edge with this id has taken our place"
			      : "an older edge with this id was turned away"),
		LOG_TEXT("hint", "give each edge a node.id of its own"));
	edge->peers[id].replaced = newer;
	edge_ready_judge(edge);
}

// A dead edge's records are kept an hour: as long as phones may need to come back.
void edge_peers_tick(struct edge *edge)
{
	uint64_t now_ms = clock_ms();

	for (unsigned id = 1; id < 256; id++) {
		struct edge_peer *peer = &edge->peers[id];
		if (peer->gone_ms == 0 || now_ms - peer->gone_ms < PEER_COPY_KEEP_MS)
			continue;
		peer->gone_ms = 0;
		peer_copies_clear(edge->copies, (uint8_t)id);
		snapshot_tell(edge, LINK_SNAPSHOT_BEGIN, (uint8_t)id);
		snapshot_tell(edge, LINK_SNAPSHOT_END, (uint8_t)id);
		log_event(edge->control->log, LOG_LEVEL_NOTICE, "peer-forgotten",
			LOG_NUMBER("edge", id));
	}
}

static const struct config_tls *tls_find(const struct config *config, struct span name)
{
	for (size_t i = 0; i < config->tls.count; i++)
		if (span_equal(config->tls.items[i].name, name))
			return &config->tls.items[i];
	return NULL;
}

// By the tls entry that cluster.tls names, else from the keys directory.
static SSL_CTX *identity_load(struct edge *edge)
{
	const struct config *config = edge->control->config;
	const struct config_tls *tls = tls_find(config, config->cluster.tls);
	char certificate[KEY_PATH_MAX], key[KEY_PATH_MAX], ca[KEY_PATH_MAX], unused[KEY_PATH_MAX];
	char why[256] = "path too long";
	SSL_CTX *context = NULL;

	if (tls != NULL)
		context = identity_open(tls->certificate, tls->key, tls->ca, why, sizeof(why));
	else if (key_folder_edge(config->keys.directory, config->node.id, certificate, key)
		&& key_folder_authority(config->keys.directory, ca, unused))
		context = identity_open(certificate, key, ca, why, sizeof(why));
	if (context == NULL)
		control_fault(edge->control, "E-CLUSTER-TLS",
			"`weirctl keys init` makes the cluster's certificates",
			"cannot use the certificate %s for the mesh: %s",
			tls != NULL ? tls->certificate : certificate, why);
	return context;
}

static int mesh_start(struct edge *edge, unsigned count)
{
	struct control *control = edge->control;
	const struct config_cluster *cluster = &control->config->cluster;
	char place[128];
	uint8_t address[ENDPOINT_TEXT_MAX];
	const struct mesh_options options = {
		.base = control->base,
		.tls = edge->tls,
		.listen = cluster->listen,
		.peers = edge->mesh_peers,
		.peer_count = count,
		.cluster = cluster->name,
		.subscriber = &edge->subscriber,
		.log = control->log,
	};
	int status = mesh_open(&options, &control->mesh);

	if (status != 0) {
		size_t length = endpoint_format(&cluster->listen, address);
		control_fault(control, "E-BIND",
			"is another process there, or is it no address of this host?",
			"cannot listen on %.*s/tcp (cluster.listen, %s): %s", (int)length,
			(char *)address,
			control_place(control, &cluster->listen, place, sizeof(place)),
			strerror(-status));
	}
	return status;
}

int edge_mesh_open(struct edge *edge)
{
	const struct config_cluster *cluster = &edge->control->config->cluster;
	unsigned count = (unsigned)cluster->peers.count;

	edge->subscriber = (struct sync_subscriber){
		.context = edge,
		.hello = hello_give,
		.next = flow_give,
		.newest_generation = generation_give,
		.peer_changed = peer_changed,
		.snapshot_begin = snapshot_begin,
		.snapshot_end = snapshot_end,
		.heard = heard,
		.twin = twin,
		.removed = removed,
	};
	if (cluster->listen.family == ENDPOINT_NONE)
		return 0; // alone
	edge->mesh_peers = calloc(count + 1, sizeof(*edge->mesh_peers));
	if (edge->mesh_peers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		edge->mesh_peers[i] = (struct mesh_peer_options){
			cluster->peers.items[i].id, cluster->peers.items[i].address};
		edge->peers[cluster->peers.items[i].id].sync.hello.edge =
			cluster->peers.items[i].id;
	}
	edge->tls = identity_load(edge);
	return edge->tls == NULL ? -EINVAL : mesh_start(edge, count);
}
