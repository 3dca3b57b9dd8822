#include "mesh.h"

#include "../base/sockaddr.h"
#include "connection.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <stdlib.h>

enum {
	// A returning edge is met again soon; an absent one costs five refused connects a second.
	REDIAL_MS = 200,
	TWIN_REDIAL_MS = 2000, // of who was refused for a newer edge with its id
	// Strangers in the TLS handshake cannot fill our descriptors.
	ACCEPTED_MAX = 4 * MESH_PEERS_MAX,
};

struct peer *mesh_find_peer(struct mesh *mesh, uint8_t edge)
{
	for (unsigned i = 0; i < mesh->peer_count; i++)
		if (mesh->peers[i].options.edge == edge)
			return &mesh->peers[i];
	return NULL;
}

static struct bufferevent *tls_new(
	struct mesh *mesh, evutil_socket_t socket, enum bufferevent_ssl_state state)
{
	SSL *ssl = SSL_new(mesh->options.tls);
	struct bufferevent *events;

	if (ssl == NULL)
		return NULL;
	events = bufferevent_openssl_socket_new(mesh->options.base, socket, ssl, state,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (events == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	// A peer that closes without close_notify has died: that is no attack on records with lengths.
	bufferevent_openssl_set_allow_dirty_shutdown(events, 1);
	return events;
}

void peer_dial(struct peer *peer)
{
	struct sockaddr_storage address;
	socklen_t length = sockaddr_write(&peer->options.address, &address);

	if (peer->connection != NULL)
		return;
	struct bufferevent *events = tls_new(peer->mesh, -1, BUFFEREVENT_SSL_CONNECTING);
	if (events != NULL)
		peer->connection = connection_new(peer->mesh, events, peer);
	if (peer->connection == NULL) {
		peer_dial_later(peer);
		return;
	}
	if (bufferevent_socket_connect(events, (struct sockaddr *)&address, (int)length) != 0)
		connection_close(peer->connection);
}

static void redial_fired(evutil_socket_t socket, short what, void *argument)
{
	peer_dial(argument);
}

void peer_dial_later(struct peer *peer)
{
	unsigned wait_ms = peer->replaces_us ? TWIN_REDIAL_MS : REDIAL_MS;
	struct timeval wait = {
		.tv_sec = wait_ms / 1000, .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};

	if (peer->redial != NULL)
		evtimer_add(peer->redial, &wait);
}

static unsigned accepted_count(const struct mesh *mesh)
{
	unsigned count = 0;

	for (const struct connection *at = mesh->connections; at != NULL; at = at->next)
		count += !at->dialled;
	return count;
}

static void accepted(struct evconnlistener *listener, evutil_socket_t socket,
	struct sockaddr *address, int length, void *argument)
{
	struct mesh *mesh = argument;
	struct bufferevent *events = accepted_count(mesh) < ACCEPTED_MAX
		? tls_new(mesh, socket, BUFFEREVENT_SSL_ACCEPTING)
		: NULL;

	if (events == NULL) {
		evutil_closesocket(socket);
		return;
	}
	if (connection_new(mesh, events, NULL) == NULL)
		log_event(mesh->options.log, LOG_LEVEL_ERROR, "mesh-accept",
			LOG_TEXT("error", "out of memory"));
}

static void publish(struct sync *sync, const struct flow_record *record)
{
	struct mesh *mesh = (struct mesh *)sync;

	for (unsigned i = 0; i < mesh->peer_count; i++) {
		struct connection *connection = mesh->peers[i].connection;
		if (connection == NULL || !connection->greeted)
			continue;
		// What the walk has not reached it will send as it is then.
		if (!connection->walking || record->id.slot <= connection->walk_slot)
			connection_send_flow(connection, record);
	}
}

static void retract(struct sync *sync, const struct row_removal *removal)
{
	struct mesh *mesh = (struct mesh *)sync;

	for (unsigned i = 0; i < mesh->peer_count; i++) {
		struct connection *connection = mesh->peers[i].connection;
		if (connection != NULL && connection->greeted)
			connection_send_removal(connection, removal);
	}
}

static void announce(struct sync *sync)
{
	struct mesh *mesh = (struct mesh *)sync;

	for (unsigned i = 0; i < mesh->peer_count; i++) {
		struct connection *connection = mesh->peers[i].connection;
		if (connection != NULL && connection->greeted)
			connection_send_hello(connection);
	}
}

struct sync *mesh_sync(struct mesh *mesh)
{
	return &mesh->sync;
}

void peer_tell(struct peer *peer)
{
	const struct sync_subscriber *edge = peer->mesh->options.subscriber;

	edge->peer_changed(edge->context, &peer->status.peer);
}

static int peers_open(struct mesh *mesh, uint8_t own_edge)
{
	for (unsigned i = 0; i < mesh->options.peer_count; i++) {
		struct peer *peer = &mesh->peers[mesh->peer_count++];
		peer->mesh = mesh;
		peer->options = mesh->options.peers[i];
		peer->status.peer.hello.edge = peer->options.edge;
		if (own_edge > peer->options.edge)
			continue; // it dials
		peer->redial = evtimer_new(mesh->options.base, redial_fired, peer);
		if (peer->redial == NULL)
			return -ENOMEM;
		peer_dial(peer);
	}
	return 0;
}

int mesh_open(const struct mesh_options *options, struct mesh **out)
{
	struct sockaddr_storage address;
	socklen_t length = sockaddr_write(&options->listen, &address);
	struct mesh *mesh = calloc(1, sizeof(*mesh));
	int status;

	if (options->peer_count > MESH_PEERS_MAX || mesh == NULL) {
		free(mesh);
		return mesh == NULL ? -ENOMEM : -E2BIG;
	}
	mesh->options = *options;
	mesh->sync = (struct sync){.publish = publish, .retract = retract, .announce = announce};
	const struct sync_subscriber *edge = options->subscriber;
	uint8_t own_edge = edge->hello(edge->context)->edge;
	mesh->listener = evconnlistener_new_bind(options->base, accepted, mesh,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, -1,
		(struct sockaddr *)&address, (int)length);
	status = mesh->listener == NULL ? -errno : peers_open(mesh, own_edge);
	if (status != 0) {
		mesh_close(mesh);
		return status;
	}
	*out = mesh;
	return 0;
}

void mesh_close(struct mesh *mesh)
{
	for (unsigned i = 0; i < mesh->peer_count; i++) {
		if (mesh->peers[i].redial != NULL)
			event_free(mesh->peers[i].redial);
		mesh->peers[i].redial = NULL;
	}
	while (mesh->connections != NULL)
		connection_close(mesh->connections);
	if (mesh->listener != NULL)
		evconnlistener_free(mesh->listener);
	free(mesh);
}

bool mesh_read_status(const struct mesh *mesh, uint8_t edge, struct mesh_status *status)
{
	for (unsigned i = 0; i < mesh->peer_count; i++) {
		if (mesh->peers[i].options.edge == edge) {
			*status = mesh->peers[i].status;
			return true;
		}
	}
	return false;
}
