#include "../base/clock.h"
#include "../frame/source.h"
#include "answers.h"

#include <stdio.h>

static void put_since(json_t *object, uint64_t changed_ms)
{
	if (changed_ms != 0)
		json_object_set_new(object, "since_s",
			json_integer((json_int_t)(clock_ms() - changed_ms) / 1000));
}

static json_t *self_write(const struct control *control)
{
	json_t *self =
		json_pack("{s:i, s:s}", "id", (int)control->config->node.id, "state", "self");

	answer_put_span(self, "name", control->config->node.name);
	put_since(self, control->started_ms);
	answer_put_endpoint(self, "address", &control->config->cluster.listen);
	return self;
}

static const char *mesh_state(const struct source_peer *peer)
{
	if (!peer->connected)
		return "not connected";
	return peer->complete ? "synced" : "syncing";
}

// How many of its addresses are here, if it has any that might be.
static void put_taken(json_t *object, const struct control *control, uint8_t edge)
{
	const struct config *config = control->config;
	int listeners = 0;
	int taken = 0;

	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		uint64_t since_ms;
		bool here;

		if (listener->owner != edge)
			continue;
		listeners++;
		if (control->source->address(
			    control->source->context, listener->id, &here, &since_ms))
			taken += here;
	}
	if (listeners > 0)
		json_object_set_new(object, "taken_count", json_integer(taken));
}

static json_t *peer_write(const struct control *control, const struct config_peer *configured)
{
	const struct edge_source *source = control->source;
	struct source_peer peer;
	json_t *object = json_pack("{s:i}", "id", (int)configured->id);
	struct span name = answer_edge_name(control, configured->id);

	if (name.length > 0)
		answer_put_span(object, "name", name);
	answer_put_endpoint(object, "address", &configured->address);
	if (source == NULL || !source->peer(source->context, configured->id, &peer)) {
		json_object_set_new(object, "state", json_string("unknown"));
		return object;
	}
	json_object_set_new(object, "state", json_string(answer_liveness(peer.liveness)));
	json_object_set_new(object, "mesh", json_string(mesh_state(&peer)));
	put_since(object, peer.changed_ms);
	if (peer.round_trip_us != 0)
		json_object_set_new(object, "round_trip_us", json_integer(peer.round_trip_us));
	put_taken(object, control, configured->id);
	json_object_set_new(object, "received_count", json_integer((json_int_t)peer.received));
	json_object_set_new(object, "sent_count", json_integer((json_int_t)peer.sent));
	return object;
}

// What edges hold of each other's flows is compared by it.
static void put_table(const struct control *control, json_t *object, uint8_t edge)
{
	const struct edge_source *source = control->source;
	struct source_table table;
	char digest[17];

	if (source == NULL)
		return;
	source->table(source->context, edge, &table);
	snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)table.digest);
	json_object_set_new(object, "flows_count", json_integer(table.flows));
	json_object_set_new(object, "flows_digest", json_string(digest));
}

void answer_peers_show(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;
	const struct config_cluster *cluster = &control->config->cluster;
	bool tables = command_flag(call, "tables");
	json_t *list;

	if (control->config->role != ROLE_EDGE) {
		command_refuse(call, COMMAND_UNAVAILABLE, "a core has no peers");
		return;
	}
	list = json_pack("[o]", self_write(control));
	for (size_t i = 0; i < cluster->peers.count; i++)
		json_array_append_new(list, peer_write(control, &cluster->peers.items[i]));
	for (size_t i = 0; tables && i < json_array_size(list); i++) {
		json_t *object = json_array_get(list, i);
		put_table(control, object,
			(uint8_t)json_integer_value(json_object_get(object, "id")));
	}
	command_reply(call, json_pack("{s:o}", "peers", list));
}
