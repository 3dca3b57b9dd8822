// edge_notes.c: what the store keeps beside the flows.

#include "../mesh/hello.h"
#include "edge_private.h"

// As it stands in the note.
struct listener_place {
	struct endpoint address;
	uint8_t transport; // enum transport; TRANSPORT_NONE: not known
	uint8_t reserved[3];
};
static_assert(sizeof(struct listener_place) == sizeof(struct endpoint) + 4, "no padding is stored");

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

static struct listener_place place_of(const struct config_listener *listener)
{
	return (struct listener_place){
		.address = listener->address, .transport = listener->transport};
}

static bool place_equal(const struct listener_place *one, const struct listener_place *other)
{
	return one->transport == other->transport && endpoint_equal(&one->address, &other->address);
}

// A flow is (listener, peer): the number of a listener that stands for another address now would make it another flow. Where the
// store does not say what the number stood for, it must at least stand for something.
static void places_compare(struct edge *edge, const struct listener_place *before)
{
	const struct config *config = edge->control->config;

	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		struct listener_place place = place_of(listener);
		bool known = before[listener->id].transport != TRANSPORT_NONE;

		bool same = place_equal(&place, &before[listener->id]);

		edge->listener_stands[listener->id] =
			listener->side == SIDE_ACCESS && (same || !known);
		if (!same)
			store_put_note(edge->control->store, STORE_NOTE_LISTENER + listener->id,
				span_of(&place, sizeof(place)));
	}
}

struct notes_read {
	struct edge *edge;
	struct listener_place before[LISTENERS_MAX + 1]; // by id
};

static void note_restore(void *context, uint32_t key, struct span octets)
{
	struct notes_read *read = context;

	if (key > STORE_NOTE_PEER && key <= STORE_NOTE_PEER + UINT8_MAX)
		peer_restore(read->edge, (uint8_t)(key - STORE_NOTE_PEER), octets);
	else if (key > STORE_NOTE_LISTENER && key <= STORE_NOTE_LISTENER + LISTENERS_MAX
		&& octets.length == sizeof(struct listener_place))
		memcpy(&read->before[key - STORE_NOTE_LISTENER], octets.octets, octets.length);
}

void edge_notes_restore(struct edge *edge)
{
	struct notes_read read = {.edge = edge};

	if (edge->control->store == NULL)
		return;
	store_read_notes(edge->control->store, note_restore, &read);
	places_compare(edge, read.before);
}
