#include "../base/clock.h"
#include "../frame/source.h"
#include "../link/link_client.h"
#include "../targets/upstream.h"
#include "answers.h"

static void put_flows(json_t *result, const struct edge_source *source)
{
	uint32_t held;
	uint32_t live;
	uint32_t rows;

	source->count_flows(source->context, &held, &live, &rows);
	json_object_set_new(result, "flows",
		json_pack("{s:I, s:I, s:I}", "held_count", (json_int_t)held, "live_count",
			(json_int_t)live, "rows_count", (json_int_t)rows));
}

static void put_peers(json_t *result, const struct control *control)
{
	const struct config_cluster *cluster = &control->config->cluster;
	int up = 0;
	int synced = 0;

	for (size_t i = 0; i < cluster->peers.count; i++) {
		struct source_peer peer;

		if (!control->source->peer(
			    control->source->context, cluster->peers.items[i].id, &peer))
			continue;
		up += peer.liveness == 2;
		synced += peer.connected && peer.complete;
	}
	json_object_set_new(result, "peers",
		json_pack("{s:i, s:i, s:i}", "configured", (int)cluster->peers.count, "up", up,
			"synced", synced));
}

// Why listeners could not be opened, or the dataplane refused its configuration.
static void put_fault(json_t *section, const struct control *control)
{
	const char *what;
	int listener;

	if (link_client_fault(control->link, &listener, &what) == 0)
		return;
	json_object_set_new(section, "fault", json_string(what));
	if (listener >= 0 && (size_t)listener < control->config->listeners.count)
		answer_put_span(
			section, "listener", control->config->listeners.items[listener].name);
}

static void put_dataplane(json_t *result, const struct control *control)
{
	uint64_t verdicts[VERDICT_COUNT];
	uint64_t received;
	uint64_t sent;
	json_t *section = json_pack("{s:b}", "connected", link_client_is_up(control->link));

	put_fault(section, control);
	if (answer_count_verdicts(control, verdicts, &received, &sent)) {
		json_object_set_new(
			section, "workers", json_integer(link_client_workers(control->link)));
		json_object_set_new(section, "received_count", json_integer((json_int_t)received));
		json_object_set_new(section, "sent_count", json_integer((json_int_t)sent));
	}
	json_object_set_new(result, "dataplane", section);
}

// Addresses that may move between edges: whose they are, and whether they are here.
static void put_addresses(json_t *result, const struct control *control)
{
	const struct config *config = control->config;
	json_t *list = json_array();

	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		uint64_t since_ms;
		bool here;

		if (!control->source->address(
			    control->source->context, listener->id, &here, &since_ms))
			continue;
		json_t *address = json_pack("{s:b, s:i}", "here", here, "owner",
			(int)(listener->owner != 0 ? listener->owner : config->node.id));

		answer_put_span(address, "listener", listener->name);
		answer_put_endpoint(address, "address", &listener->address);
		if (since_ms != 0)
			json_object_set_new(address, "since_s",
				json_integer((json_int_t)(clock_ms() - since_ms) / 1000));
		json_array_append_new(list, address);
	}
	if (json_array_size(list) > 0)
		json_object_set(result, "addresses", list);
	json_decref(list);
}

// Connections and why they ended, if any listener takes them.
static void put_streams(json_t *result, const struct edge_source *source)
{
	struct stream_counts counts;

	if (!source->count_streams(source->context, &counts))
		return;
	json_t *section = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "open_count",
		(json_int_t)counts.open, "accepted_count", (json_int_t)counts.accepted,
		"turned_away_count", (json_int_t)counts.turned_away, "held_back_count",
		(json_int_t)counts.held_back, "messages_count", (json_int_t)counts.messages,
		"pings_count", (json_int_t)counts.pings, "timed_out_count",
		(json_int_t)counts.timed_out, "repeated_count", (json_int_t)counts.repeated);
	json_t *ended = json_object();

	for (unsigned i = 0; i < STREAM_END_COUNT; i++)
		if (counts.ended[i] > 0)
			json_object_set_new(ended, stream_end_words[i],
				json_integer((json_int_t)counts.ended[i]));
	json_object_set_new(section, "ended", ended);
	json_object_set_new(result, "streams", section);
}

static void put_upstream(json_t *result, struct upstream *upstream)
{
	struct link_target targets[UPSTREAM_TARGETS_MAX];
	unsigned count = upstream_list(upstream, targets);
	int up = 0;

	for (unsigned i = 0; i < count; i++)
		up += targets[i].healthy;
	json_object_set_new(
		result, "upstream", json_pack("{s:i, s:i}", "addresses", (int)count, "up", up));
}

void answer_status(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;
	const struct config *config = control->config;
	json_t *result = json_pack("{s:s, s:s}", "version", WEIR_VERSION, "role",
		config->role == ROLE_EDGE ? "edge" : "core");

	answer_put_span(result, "name", config->node.name);
	if (config->role == ROLE_EDGE)
		json_object_set_new(result, "id", json_integer(config->node.id));
	json_object_set_new(result, "ready", json_boolean(control->ready));
	if (control->waits_for != NULL)
		json_object_set_new(result, "waits_for", json_string(control->waits_for));
	json_object_set_new(result, "uptime_s",
		json_integer((json_int_t)(clock_ms() - control->started_ms) / 1000));
	if (control->source != NULL) {
		put_flows(result, control->source);
		put_peers(result, control);
		put_streams(result, control->source);
		put_addresses(result, control);
	}
	if (control->link != NULL)
		put_dataplane(result, control);
	answer_put_ports(result, control);
	if (control->upstream != NULL)
		put_upstream(result, control->upstream);
	commands_describe(control->commands, result);
	command_reply(call, result);
}
