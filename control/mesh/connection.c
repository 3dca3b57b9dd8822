#include "connection.h"

#include "../base/clock.h"
#include "identity.h"
#include "removal.h"
#include "twin.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <stdlib.h>

void connection_send(struct connection *connection, enum mesh_record type, struct span payload)
{
	struct evbuffer *out = bufferevent_get_output(connection->events);
	struct record_header header = {.length = (uint32_t)payload.length, .type = (uint16_t)type};

	evbuffer_add(out, &header, sizeof(header));
	evbuffer_add(out, payload.octets, payload.length);
	if (connection->peer != NULL)
		connection->peer->status.records_out++;
}

void connection_send_flow(struct connection *connection, const struct flow_record *record)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	size_t length = flow_record_encode(record, octets);

	connection_send(connection, MESH_FLOW, span_of(octets, length));
}

void connection_send_removal(struct connection *connection, const struct row_removal *removal)
{
	uint8_t octets[REMOVAL_OCTETS];

	removal_encode(removal, octets);
	connection_send(connection, MESH_REMOVED, span_of(octets, sizeof(octets)));
}

// Send flows until the connection has enough to do.
static void walk_on(struct connection *connection)
{
	const struct sync_subscriber *edge = connection->mesh->options.subscriber;
	struct evbuffer *out = bufferevent_get_output(connection->events);
	struct flow_record record;

	while (connection->walking && evbuffer_get_length(out) < MESH_OUTPUT_LOW) {
		if (edge->next(edge->context, connection->walk_slot, &record)) {
			connection->walk_slot = record.id.slot;
			connection_send_flow(connection, &record);
		} else {
			connection->walking = false;
			connection_send(connection, MESH_END, span_of(NULL, 0));
		}
	}
}

static void walk_begin(struct connection *connection)
{
	connection->walking = true;
	connection->walk_slot = 0;
	connection_send(connection, MESH_BEGIN, span_of(NULL, 0));
	walk_on(connection);
}

static void hello_accept(
	struct connection *connection, struct peer *peer, const struct mesh_hello *mesh_hello)
{
	struct sync_peer *known = &peer->status.peer;

	peer->connection = connection;
	connection->peer = peer;
	connection->greeted = true;
	connection->incarnation = mesh_hello->hello.incarnation;
	known->connected = true;
	known->complete = false;
	known->newest_generation = mesh_hello->newest_generation;
	known->hello = mesh_hello->hello;
	peer->status.since_ms = clock_ms();
	log_event(connection->mesh->options.log, LOG_LEVEL_NOTICE, "mesh-up",
		LOG_NUMBER("edge", known->hello.edge));
	peer_tell(peer);
	// Who was dialled knows only now to whom it speaks.
	if (!connection->dialled)
		connection_send_hello(connection);
	walk_begin(connection);
}

// Why an edge that says this is not taken; NULL: it is.
static const char *hello_judge(
	struct connection *connection, const struct mesh_hello *hello, uint8_t certified)
{
	struct mesh *mesh = connection->mesh;
	struct peer *peer = mesh_find_peer(mesh, hello->hello.edge);

	if (certified != hello->hello.edge)
		return "certificate is not of the edge that HELLO names";
	if (peer == NULL)
		return "edge is not among my peers";
	if (connection->peer != NULL && connection->peer != peer)
		return "another edge answered than the one I dialled";
	if (!span_equal(span_of(hello->cluster, hello->cluster_length), mesh->options.cluster))
		return "another cluster";
	if (!twin_displace(connection, peer, hello->hello.incarnation))
		return twin_why;
	return NULL;
}

static bool hello_take(struct connection *connection, struct span payload)
{
	struct mesh *mesh = connection->mesh;
	struct mesh_hello hello;
	unsigned version;

	if (!hello_decode(payload, &hello, &version)) {
		log_event(mesh->options.log, LOG_LEVEL_WARNING, "mesh-refused",
			LOG_NUMBER("version", version), LOG_NUMBER("ours", MESH_VERSION));
		connection_refuse(connection, "HELLO of another version, or malformed");
		return false;
	}
	uint8_t certified = identity_read(bufferevent_openssl_get_ssl(connection->events));
	const char *why = hello_judge(connection, &hello, certified);
	if (why != NULL) {
		if (why != twin_why) // that was said, once
			log_event(mesh->options.log, LOG_LEVEL_WARNING, "mesh-refused",
				LOG_NUMBER("edge", hello.hello.edge),
				LOG_NUMBER("certified", certified), LOG_TEXT("why", why));
		connection_refuse(connection, why);
		return false;
	}
	hello_accept(connection, mesh_find_peer(mesh, hello.hello.edge), &hello);
	return true;
}

// An edge that is known says something new of itself.
static bool hello_refresh(struct connection *connection, struct span payload)
{
	struct peer *peer = connection->peer;
	struct mesh_hello hello;
	unsigned version;

	if (!hello_decode(payload, &hello, &version) || hello.hello.edge != peer->options.edge
		|| hello.hello.incarnation != connection->incarnation) {
		connection_refuse(connection, "HELLO of another edge, or malformed");
		return false;
	}
	peer->status.peer.hello = hello.hello;
	peer_tell(peer);
	return true;
}

static bool flow_take(struct connection *connection, struct span payload)
{
	struct mesh *mesh = connection->mesh;
	struct flow_record record;

	// Each edge is the only writer of its own records.
	if (!flow_record_decode(payload, &record)
		|| record.id.edge != connection->peer->options.edge) {
		connection_refuse(connection, "malformed record, or one of another edge");
		return false;
	}
	mesh->options.subscriber->heard(mesh->options.subscriber->context, &record);
	return true;
}

static bool removal_take(struct connection *connection, struct span payload)
{
	const struct sync_subscriber *edge = connection->mesh->options.subscriber;
	struct row_removal removal;

	if (!removal_decode(payload, &removal)) {
		connection_refuse(connection, "malformed removal");
		return false;
	}
	edge->removed(edge->context, &removal);
	return true;
}

static void refused(struct connection *connection, struct span why)
{
	bool known = connection->peer != NULL && connection->peer->replaces_us;

	if (!known) // else the edge has said so, once
		log_event(connection->mesh->options.log, LOG_LEVEL_WARNING, "mesh-refused-us",
			LOG_SPAN("why", span_of(why.octets, why.length < 120 ? why.length : 120)));
	connection_close(connection);
}

static bool twin_told(struct connection *connection, struct span payload)
{
	if (twin_take(connection, payload))
		return true;
	connection_refuse(connection, "malformed word of a twin");
	return false;
}

// An edge that has said HELLO. False: the connection is gone.
static bool peer_record_take(struct connection *connection, uint16_t type, struct span payload)
{
	const struct sync_subscriber *edge = connection->mesh->options.subscriber;
	struct peer *peer = connection->peer;

	peer->status.records_in++;
	switch (type) {
	case MESH_HELLO:
		return hello_refresh(connection, payload);
	case MESH_BEGIN:
		edge->snapshot_begin(edge->context, peer->options.edge);
		return true;
	case MESH_FLOW:
		return flow_take(connection, payload);
	case MESH_REMOVED:
		return removal_take(connection, payload);
	case MESH_END:
		edge->snapshot_end(edge->context, peer->options.edge);
		peer->status.peer.complete = true;
		peer->replaces_us = false;
		peer_tell(peer);
		return true;
	case MESH_ALIVE:
		return true;
	default:
		connection_refuse(connection, "record of an unknown type");
		return false;
	}
}

// False: the connection is gone.
static bool record_take(struct connection *connection, uint16_t type, struct span payload)
{
	if (type == MESH_REFUSED) {
		refused(connection, payload);
		return false;
	}
	if (type == MESH_TWIN)
		return twin_told(connection, payload);
	if (connection->greeted)
		return peer_record_take(connection, type, payload);
	if (type == MESH_HELLO)
		return hello_take(connection, payload);
	connection_refuse(connection, "HELLO comes first");
	return false;
}

static void octets_came(struct bufferevent *events, void *argument)
{
	struct connection *connection = argument;
	struct evbuffer *in = bufferevent_get_input(events);
	struct record_header header;

	while (evbuffer_copyout(in, &header, sizeof(header)) == sizeof(header)) {
		if (header.length > MESH_RECORD_MAX) {
			connection_refuse(connection, "record too long");
			return;
		}
		if (evbuffer_get_length(in) < sizeof(header) + header.length)
			return;
		evbuffer_drain(in, sizeof(header));
		evbuffer_remove(in, connection->record, header.length);
		if (!record_take(
			    connection, header.type, span_of(connection->record, header.length)))
			return;
	}
}

static void output_drained(struct bufferevent *events, void *argument)
{
	walk_on(argument);
}

void connection_send_hello(struct connection *connection)
{
	struct mesh *mesh = connection->mesh;
	const struct sync_subscriber *edge = mesh->options.subscriber;
	struct mesh_hello hello = {.hello = *edge->hello(edge->context)};
	uint8_t octets[HELLO_OCTETS_MAX];

	hello.newest_generation =
		edge->newest_generation(edge->context, connection->peer->options.edge);
	hello.cluster_length = (uint8_t)mesh->options.cluster.length;
	memcpy(hello.cluster, mesh->options.cluster.octets, mesh->options.cluster.length);
	connection_send(connection, MESH_HELLO, span_of(octets, hello_encode(&hello, octets)));
}

static void state_changed(struct bufferevent *events, short what, void *argument)
{
	struct connection *connection = argument;

	if (what & BEV_EVENT_CONNECTED && connection->dialled)
		connection_send_hello(connection);
	else if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		connection_close(connection);
}

static void alive_fired(evutil_socket_t socket, short what, void *argument)
{
	struct connection *connection = argument;

	if (evbuffer_get_length(bufferevent_get_output(connection->events)) > MESH_OUTPUT_MAX)
		connection_close(connection);
	else if (connection->greeted)
		connection_send(connection, MESH_ALIVE, span_of(NULL, 0));
	else if (++connection->age_s > MESH_STRANGER_MAX_S)
		connection_close(connection);
}

struct connection *connection_new(struct mesh *mesh, struct bufferevent *events, struct peer *peer)
{
	struct timeval every = {.tv_sec = MESH_ALIVE_EVERY_S};
	struct timeval silence = {.tv_sec = MESH_SILENCE_MAX_S};
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL) {
		bufferevent_free(events);
		return NULL;
	}
	connection->mesh = mesh;
	connection->events = events;
	connection->peer = peer;
	connection->dialled = peer != NULL;
	connection->alive_timer =
		event_new(mesh->options.base, -1, EV_PERSIST, alive_fired, connection);
	connection->next = mesh->connections;
	mesh->connections = connection;
	bufferevent_setcb(events, octets_came, output_drained, state_changed, connection);
	bufferevent_setwatermark(events, EV_WRITE, MESH_OUTPUT_LOW / 2, 0);
	bufferevent_set_timeouts(events, &silence, &silence);
	bufferevent_enable(events, EV_READ | EV_WRITE);
	if (connection->alive_timer != NULL)
		event_add(connection->alive_timer, &every);
	return connection;
}

static void unlink_connection(struct connection *connection)
{
	struct connection **at = &connection->mesh->connections;

	while (*at != connection)
		at = &(*at)->next;
	*at = connection->next;
}

void connection_close(struct connection *connection)
{
	struct mesh *mesh = connection->mesh;
	struct peer *peer = connection->peer;
	bool was_up = connection->greeted;

	unlink_connection(connection);
	if (connection->alive_timer != NULL)
		event_free(connection->alive_timer);
	bufferevent_free(connection->events); // BEV_OPT_CLOSE_ON_FREE: socket and SSL go with it
	if (peer != NULL && peer->connection == connection) {
		peer->connection = NULL;
		if (was_up) {
			peer->status.peer.connected = false;
			peer->status.peer.complete = false;
			peer->status.since_ms = clock_ms();
			log_event(mesh->options.log, LOG_LEVEL_NOTICE, "mesh-down",
				LOG_NUMBER("edge", peer->options.edge));
			peer_tell(peer);
		}
		peer_dial_later(peer);
	}
	free(connection);
}

static void refusal_sent(struct bufferevent *events, void *argument)
{
	connection_close(argument);
}

void connection_refuse(struct connection *connection, const char *why)
{
	connection_send(connection, MESH_REFUSED, span_of(why, strlen(why)));
	// Nothing more is read; it closes when the reason has gone out, or by the silence time-out.
	bufferevent_disable(connection->events, EV_READ);
	bufferevent_setwatermark(connection->events, EV_WRITE, 0, 0);
	bufferevent_setcb(connection->events, NULL, refusal_sent, state_changed, connection);
}
