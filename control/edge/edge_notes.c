// edge_notes.c: what the store keeps beside the flows.

#include "../mesh/hello.h"
#include "edge_private.h"

void edge_note_peer(struct edge *edge, uint8_t id)
{
	const struct mesh_hello hello = {.hello = edge->peers[id].sync.hello};
	uint8_t octets[HELLO_OCTETS_MAX];

	if (edge->control->store == NULL)
		return;
	size_t length = hello_encode(&hello, octets);
	if (length > 0)
		store_put_note(edge->control->store, STORE_NOTE_PEER + id, span_of(octets, length));
}

static bool peer_is_configured(const struct edge *edge, uint8_t id)
{
	const struct config_cluster *cluster = &edge->control->config->cluster;

	for (size_t i = 0; i < cluster->peers.count; i++)
		if (cluster->peers.items[i].id == id)
			return true;
	return false;
}

// A HELLO of another version is as good as none: the peer says it again when it is back.
static void peer_restore(struct edge *edge, uint8_t id, struct span octets)
{
	struct mesh_hello hello;
	unsigned version;

	if (!hello_decode(octets, &hello, &version) || hello.hello.edge != id
		|| !peer_is_configured(edge, id))
		return;
	edge->peers[id].sync.hello = hello.hello;
	edge->peers[id].known = true;
}

static void note_restore(void *context, uint32_t key, struct span octets)
{
	if (key > STORE_NOTE_PEER && key <= STORE_NOTE_PEER + UINT8_MAX)
		peer_restore(context, (uint8_t)(key - STORE_NOTE_PEER), octets);
}

void edge_notes_restore(struct edge *edge)
{
	if (edge->control->store != NULL)
		store_read_notes(edge->control->store, note_restore, edge);
}
