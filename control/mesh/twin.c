#include "twin.h"

const char twin_why[] = "a newer edge with this id is connected";

enum {
	TWIN_IS_OLDER = 0, // it was refused
	TWIN_IS_NEWER = 1, // the receiver is refused
};

static void twin_send(struct connection *connection, uint8_t which)
{
	connection_send(connection, MESH_TWIN, span_of(&which, sizeof(which)));
}

// True for the first time. The older one comes again and again.
static bool twin_note(struct peer *peer, uint64_t older)
{
	if (peer->twin == older)
		return false;
	peer->twin = older;
	log_event(peer->mesh->options.log, LOG_LEVEL_ERROR, "mesh-twin",
		LOG_NUMBER("edge", peer->options.edge),
		LOG_TEXT("outcome", "two edges have this id: the newer one is its owner"));
	return true;
}

bool twin_displace(struct connection *connection, struct peer *peer, uint64_t incarnation)
{
	struct connection *other = peer->connection;

	if (other == NULL || other == connection)
		return true;
	if (!other->greeted || other->incarnation == incarnation) {
		connection_close(other);
		return true;
	}
	bool wins = other->incarnation < incarnation;
	struct connection *newer = wins ? connection : other;
	struct connection *older = wins ? other : connection;

	if (twin_note(peer, wins ? other->incarnation : incarnation))
		twin_send(newer, TWIN_IS_OLDER);
	twin_send(older, TWIN_IS_NEWER);
	if (wins)
		connection_refuse(other, twin_why);
	return wins;
}

bool twin_take(struct connection *connection, struct span payload)
{
	struct peer *peer = connection->peer;
	const struct sync_subscriber *edge = connection->mesh->options.subscriber;

	if (payload.length != 1 || payload.octets[0] > TWIN_IS_NEWER || peer == NULL)
		return false;
	bool newer = payload.octets[0] == TWIN_IS_NEWER;

	if (newer && peer->replaces_us)
		return true; // said already
	peer->replaces_us |= newer;
	edge->twin(edge->context, peer->options.edge, newer);
	return true;
}
