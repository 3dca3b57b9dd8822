#include "directory_parts.h"
#include "directory_record.h"

#include <errno.h>
#include <stdlib.h>

enum {
	KINDS = LINK_DIRECTORY_LISTENER - LINK_SETTINGS + 1,
};

// Belongs to the keeper until it is finished.
struct directory_builder {
	struct directory *directory;
	uint32_t records[KINDS]; // added, of each kind
};

struct directory_builder *directory_builder_new(void)
{
	struct directory_builder *builder = calloc(1, sizeof(*builder));

	if (builder == NULL)
		return NULL;
	builder->directory = calloc(1, sizeof(*builder->directory));
	if (builder->directory == NULL) {
		free(builder);
		return NULL;
	}
	return builder;
}

// Room for one more element; room doubles.
static void *array_grow(void *array, uint32_t count, uint32_t *room, size_t size)
{
	if (count < *room)
		return array;
	uint32_t wanted = *room == 0 ? 16 : *room * 2;
	void *grown = reallocarray(array, wanted, size);

	if (grown != NULL)
		*room = wanted;
	return grown;
}

static int settings_add(struct directory *directory, const union directory_record *record)
{
	if (directory->settings.edge != 0)
		return -EINVAL;
	directory->settings = record->settings;
	return 0;
}

static int name_add(struct directory *directory, const union directory_record *record)
{
	const struct link_name *name = &record->name;

	return name_set_add(
		&directory->names, span_of(name->host, name->host_length), name->port, name->edge);
}

static int place_add(
	struct directory *directory, uint8_t edge, const struct link_listener *listener)
{
	struct listener_place *places = array_grow(
		directory->places, directory->place_count, &directory->place_room, sizeof(*places));
	if (places == NULL)
		return -ENOMEM;
	directory->places = places;
	if (listener->transport == TRANSPORT_UDP)
		places[directory->place_count++] =
			(struct listener_place){listener->address, edge, listener->id};
	return 0;
}

static struct own_listener *own_listener_new(const struct link_directory_listener *record)
{
	struct own_listener *own = malloc(sizeof(*own));

	if (own == NULL)
		return NULL;
	own->record = *record;
	own->listener = (struct directory_listener){
		.listener = record->listener,
		.written = span_of(own->record.written, record->written_length),
		.sent_by = span_of(own->record.sent_by, record->sent_by_length),
		.owner = record->owner,
	};
	return own;
}

// The first listener of its side, transport and family is the one that is sent from; another edge's address is for its flows alone.
static void side_listener_add(
	struct directory *directory, const struct directory_listener *listener)
{
	const struct link_listener *what = &listener->listener;
	unsigned family = family_index(what->address.family);
	const struct directory_listener **first =
		&directory->side_listeners[what->side][what->transport][family];

	if (*first == NULL && listener->owner == 0)
		*first = listener;
}

static int own_listener_add(struct directory *directory, const union directory_record *record)
{
	const struct link_listener *listener = &record->listener.listener;
	struct span sent_by = span_of(record->listener.sent_by, record->listener.sent_by_length);
	struct span host;
	uint16_t port;

	if (directory->listeners[listener->id] != NULL
		|| !directory_record_split(sent_by, &host, &port))
		return -EINVAL;
	struct own_listener *own = own_listener_new(&record->listener);
	if (own == NULL)
		return -ENOMEM;
	directory->listeners[listener->id] = own;
	side_listener_add(directory, &own->listener);
	int status = name_set_add(&directory->sent_bys, host, port, listener->id);
	if (status == 0)
		status = place_add(directory, 0, listener);
	return status != 0
		? status
		: endpoint_set_add(&directory->endpoints, &listener->address, ENDPOINT_IS_LISTENER);
}

static int peer_add(struct directory *directory, const union directory_record *record)
{
	uint8_t edge = record->peer.edge;

	if (directory->peers[edge] != NULL)
		return -EINVAL;
	struct peer_edge *peer = malloc(sizeof(*peer));
	if (peer == NULL)
		return -ENOMEM;
	peer->record = record->peer;
	peer->peer = (struct directory_peer){
		.edge = edge,
		.secure = peer->record.secure != 0,
		.relay = peer->record.relay,
		.name = span_of(peer->record.name, peer->record.name_length),
	};
	directory->peers[edge] = peer;
	int status =
		endpoint_set_add(&directory->endpoints, &peer->record.relay, ENDPOINT_IS_LISTENER);
	return status != 0
		? status
		: endpoint_set_add(&directory->endpoints, &peer->record.relay, ENDPOINT_IS_RELAY);
}

static int peer_listener_add(struct directory *directory, const union directory_record *record)
{
	const struct link_listener *listener = &record->peer_listener.listener;

	uint8_t *transport = &directory->peer_transports[record->peer_listener.edge][listener->id];
	if (*transport != TRANSPORT_NONE)
		return -EINVAL;
	*transport = listener->transport;
	directory->peer_sides[record->peer_listener.edge][listener->id] = listener->side;
	int status = place_add(directory, record->peer_listener.edge, listener);
	if (status != 0)
		return status;
	return endpoint_set_add(&directory->endpoints, &listener->address, ENDPOINT_IS_LISTENER);
}

static int target_add(struct directory *directory, const union directory_record *record)
{
	struct link_target *targets = array_grow(directory->targets, directory->target_count,
		&directory->target_room, sizeof(*targets));
	if (targets == NULL)
		return -ENOMEM;
	directory->targets = targets;
	targets[directory->target_count++] = record->target;
	directory->has_stream_targets |= record->target.transport != TRANSPORT_UDP;
	return endpoint_set_add(
		&directory->endpoints, &record->target.endpoint, ENDPOINT_IS_TARGET);
}

static int prefix_add(struct directory *directory, const union directory_record *record)
{
	struct link_prefix *prefixes = array_grow(directory->prefixes, directory->prefix_count,
		&directory->prefix_room, sizeof(*prefixes));
	if (prefixes == NULL)
		return -ENOMEM;
	directory->prefixes = prefixes;
	prefixes[directory->prefix_count++] = record->prefix;
	return 0;
}

static int (*const ADDERS[KINDS])(
	struct directory *directory, const union directory_record *record) = {
	[LINK_SETTINGS - LINK_SETTINGS] = settings_add,
	[LINK_NAME - LINK_SETTINGS] = name_add,
	[LINK_PEER - LINK_SETTINGS] = peer_add,
	[LINK_PEER_LISTENER - LINK_SETTINGS] = peer_listener_add,
	[LINK_TARGET - LINK_SETTINGS] = target_add,
	[LINK_PREFIX - LINK_SETTINGS] = prefix_add,
	[LINK_DIRECTORY_LISTENER - LINK_SETTINGS] = own_listener_add,
};

int directory_builder_add(struct directory_builder *builder, uint16_t type, struct span octets)
{
	union directory_record record;

	if (!directory_record_read(type, octets, &record))
		return -EINVAL;
	unsigned kind = (unsigned)type - LINK_SETTINGS;
	if (builder->records[kind] == DIRECTORY_RECORDS_MAX)
		return -ENOSPC;
	int status = ADDERS[kind](builder->directory, &record);

	if (status == 0)
		builder->records[kind]++;
	return status;
}

static int prefix_compare(const void *a, const void *b)
{
	const struct link_prefix *one = a, *other = b;
	unsigned key = prefix_key(one->list, one->listener);
	unsigned other_key = prefix_key(other->list, other->listener);

	return (key > other_key) - (key < other_key);
}

static void prefixes_index(struct directory *directory)
{
	uint32_t at = 0;

	if (directory->prefix_count > 0)
		qsort(directory->prefixes, directory->prefix_count, sizeof(*directory->prefixes),
			prefix_compare);
	for (unsigned key = 0; key <= PREFIX_KEYS; key++) {
		while (at < directory->prefix_count
			&& prefix_key(
				   directory->prefixes[at].list, directory->prefixes[at].listener)
				< key)
			at++;
		directory->prefix_begin[key] = (uint16_t)at;
	}
}

// Of targets with one name the first counts, so those that are healthy go first.
static int targets_index(struct directory *directory, bool healthy)
{
	for (uint32_t i = 0; i < directory->target_count; i++) {
		const struct link_target *target = &directory->targets[i];
		if ((target->healthy != 0) != healthy)
			continue;
		int status = name_set_add(&directory->target_names,
			span_of(target->host, target->host_length), target->port, i);
		if (status != 0)
			return status;
	}
	return 0;
}

static bool directory_index(struct directory *directory)
{
	prefixes_index(directory);
	directory_find_namesakes(directory);
	return targets_index(directory, true) == 0 && targets_index(directory, false) == 0
		&& name_set_index(&directory->names) == 0
		&& name_set_index(&directory->sent_bys) == 0
		&& name_set_index(&directory->target_names) == 0;
}

struct directory *directory_builder_finish(struct directory_builder *builder)
{
	struct directory *directory = builder->directory;

	if (directory->settings.edge == 0 || !directory_index(directory)) {
		directory_builder_free(builder);
		return NULL;
	}
	free(builder);
	return directory;
}

void directory_builder_free(struct directory_builder *builder)
{
	if (builder == NULL)
		return;
	directory_free(builder->directory);
	free(builder);
}

void directory_free(struct directory *directory)
{
	if (directory == NULL)
		return;
	for (unsigned id = 0; id < LISTENERS_MAX; id++)
		free(directory->listeners[id]);
	for (unsigned edge = 0; edge < EDGES; edge++)
		free(directory->peers[edge]);
	name_set_fini(&directory->names);
	name_set_fini(&directory->sent_bys);
	name_set_fini(&directory->target_names);
	endpoint_set_fini(&directory->endpoints);
	free(directory->places);
	free(directory->targets);
	free(directory->prefixes);
	free(directory);
}
