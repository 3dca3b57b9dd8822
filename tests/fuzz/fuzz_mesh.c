// What another edge's control sends: whatever the records are and however they are cut, the edge hears of that edge's flows alone, in good form, or
// the connection is refused; and a HELLO that is read says the same when it is written again.
//
// Input: the octets of the connection after TLS. As if HELLO had been heard already, since its certificate cannot be fuzzed; a HELLO in them is one
// that says something new.

#include "fuzz.h"
#include "mesh/connection.h"
#include "mesh/removal.h"

#include <event2/buffer.h>

enum {
	PEER = 2,
	INCARNATION = 7,
	PIECES = 3, // ways to cut the octets
};

static struct event_base *base;
static struct mesh *mesh;
static unsigned told, begun, ended, heard, removed, twins;

static const struct sync_hello *own_hello(void *context)
{
	static const struct sync_hello hello = {.edge = 1};

	return &hello;
}

static bool own_next(void *context, uint32_t slot, struct flow_record *record)
{
	return false;
}

static uint32_t newest_generation(void *context, uint8_t edge)
{
	return 0;
}

static void peer_changed(void *context, const struct sync_peer *peer)
{
	CHECK(peer->hello.edge == PEER && peer->hello.name_count <= SYNC_NAMES_MAX
		&& peer->hello.listener_count <= LISTENERS_MAX);
	told++;
}

static void snapshot_begin(void *context, uint8_t edge)
{
	CHECK(edge == PEER);
	begun++;
}

static void snapshot_end(void *context, uint8_t edge)
{
	CHECK(edge == PEER);
	ended++;
}

static void flow_heard(void *context, const struct flow_record *record)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	struct flow_record again;

	CHECK(record->id.edge == PEER);
	size_t length = flow_record_encode(record, octets);
	CHECK(length > 0 && length <= sizeof(octets));
	CHECK(flow_record_decode(span_of(octets, length), &again));
	CHECK(again.id.slot == record->id.slot && again.id.generation == record->id.generation);
	heard++;
}

static void rows_removed(void *context, const struct row_removal *removal)
{
	uint8_t octets[REMOVAL_OCTETS];
	struct row_removal again;

	removal_encode(removal, octets);
	CHECK(removal_decode(span_of(octets, sizeof(octets)), &again));
	CHECK(again.aor == removal->aor && again.at_ms == removal->at_ms);
	removed++;
}

static void twin_told(void *context, uint8_t edge, bool newer)
{
	CHECK(edge == PEER);
	twins++;
}

static const struct sync_subscriber subscriber = {.hello = own_hello,
	.next = own_next,
	.newest_generation = newest_generation,
	.peer_changed = peer_changed,
	.snapshot_begin = snapshot_begin,
	.snapshot_end = snapshot_end,
	.heard = flow_heard,
	.twin = twin_told,
	.removed = rows_removed};

static void mesh_make(void)
{
	if (mesh != NULL)
		return;
	base = event_base_new();
	mesh = calloc(1, sizeof(*mesh));
	CHECK(base != NULL && mesh != NULL);
	mesh->options.base = base;
	mesh->options.subscriber = &subscriber;
	mesh->peer_count = 1;
	mesh->peers[0].mesh = mesh;
	mesh->peers[0].options.edge = PEER;
}

// The connection of a peer that has said HELLO; *far is its other end.
static struct connection *connection_make(struct bufferevent **far)
{
	struct bufferevent *pair[2];
	struct peer *peer = &mesh->peers[0];

	CHECK(bufferevent_pair_new(base, 0, pair) == 0);
	struct connection *connection = connection_new(mesh, pair[0], peer);

	CHECK(connection != NULL);
	*far = pair[1];
	bufferevent_enable(*far, EV_READ | EV_WRITE);
	peer->connection = connection;
	peer->replaces_us = false;
	peer->status = (struct mesh_status){.peer = {.connected = true, .hello = {.edge = PEER}}};
	connection->greeted = true;
	connection->incarnation = INCARNATION;
	return connection;
}

static void octets_send(struct span octets, size_t piece)
{
	struct bufferevent *far;

	told = begun = ended = heard = removed = twins = 0;
	(void)connection_make(&far);
	for (size_t at = 0; at < octets.length && mesh->connections != NULL; at += piece) {
		size_t length = octets.length - at < piece ? octets.length - at : piece;

		CHECK(bufferevent_write(far, octets.octets + at, length) == 0);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	while (mesh->connections != NULL)
		connection_close(mesh->connections);
	bufferevent_free(far);
	event_base_loop(base, EVLOOP_NONBLOCK);
	CHECK(mesh->peers[0].connection == NULL && !mesh->peers[0].status.peer.connected);
}

static void hello_check(struct span octets)
{
	static uint8_t written[HELLO_OCTETS_MAX], twice[HELLO_OCTETS_MAX];
	static struct mesh_hello hello, again;
	unsigned version;

	if (!hello_decode(octets, &hello, &version))
		return;
	CHECK(version == MESH_VERSION && hello.hello.edge != 0);
	size_t length = hello_encode(&hello, written);
	CHECK(length > 0 && hello_decode(span_of(written, length), &again, &version));
	CHECK(hello_encode(&again, twice) == length && memcmp(written, twice, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span octets = span_of(data, size);
	unsigned counts[6] = {0};

	mesh_make();
	hello_check(octets);
	if (size > sizeof(struct record_header))
		hello_check(span_of(
			data + sizeof(struct record_header), size - sizeof(struct record_header)));
	for (unsigned i = 0; i < PIECES; i++) {
		octets_send(octets, i == 0 ? (size == 0 ? 1 : size) : i == 1 ? 7 : 61);
		if (i == 0)
			memcpy(counts, (unsigned[]){told, begun, ended, heard, removed, twins},
				sizeof(counts));
		CHECK(counts[0] == told && counts[1] == begun && counts[2] == ended
			&& counts[3] == heard && counts[4] == removed && counts[5] == twins);
	}
	return 0;
}
