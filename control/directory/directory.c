#include "../base/text.h"
#include "directory_private.h"

#include <weir/side.h>

enum {
	WRITTEN_MAX = LINK_NAME_MAX + 9,
	NOT_READY_MS = 20000, // after that we are ready, whatever is missing
};

void record_put(struct writer *writer, uint16_t type, const void *record, size_t length)
{
	if (writer->status == 0)
		writer->status = writer->put(writer->context, type, span_of(record, length));
}

// In lower case, as names are compared.
static size_t host_port_write(uint8_t *out, struct span host, uint16_t port)
{
	struct text text = text_begin(out, WRITTEN_MAX);

	text_add(&text, host);
	if (port != 0)
		text_format(&text, ":%u", port);
	for (size_t i = 0; i < text.length; i++)
		out[i] = octet_lower(out[i]);
	return text.overflow ? 0 : text.length;
}

size_t directory_written(
	const struct config *config, const struct config_listener *listener, uint8_t *out)
{
	uint16_t port = listener->address.port;

	if (listener->advertise.text.length > 0)
		return host_port_write(out, listener->advertise.host, listener->advertise.port);
	if (port == default_port(listener->transport))
		return host_port_write(out, config->node.name, 0);
	return endpoint_format(&listener->address, out);
}

static struct link_listener listener_of(const struct config_listener *listener)
{
	return (struct link_listener){
		.id = listener->id,
		.side = listener->side,
		.transport = listener->transport,
		.driver = listener->driver,
		.address = listener->address,
	};
}

static struct span peer_name(const struct directory_input *input, uint8_t edge)
{
	const struct sync_hello *hello = input->hellos[edge];
	const struct config_cluster *cluster = &input->config->cluster;

	for (size_t i = 0; i < cluster->peers.count; i++)
		if (cluster->peers.items[i].id == edge && cluster->peers.items[i].name.length > 0)
			return cluster->peers.items[i].name;
	return hello == NULL ? span_of(NULL, 0) : span_of(hello->name, hello->name_length);
}

// What its owner writes for it: dialogs keep their route sets, wherever the address is.
static size_t owner_written(
	const struct directory_input *input, const struct config_listener *listener, uint8_t *out)
{
	struct span name = peer_name(input, listener->owner);

	if (listener->advertise.text.length == 0 && name.length > 0
		&& listener->address.port == SIP_PORT)
		return host_port_write(out, name, 0);
	if (listener->advertise.text.length == 0)
		return endpoint_format(&listener->address, out);
	return directory_written(input->config, listener, out);
}

static void listener_write(struct writer *writer, const struct config_listener *listener)
{
	struct link_directory_listener record = {
		.listener = listener_of(listener), .owner = listener->owner};

	record.written_length = (uint8_t)(listener->owner != 0
			? owner_written(writer->input, listener, record.written)
			: directory_written(writer->input->config, listener, record.written));
	record.sent_by_length = (uint8_t)endpoint_format(&listener->address, record.sent_by);
	record_put(writer, LINK_DIRECTORY_LISTENER, &record, sizeof(record));
}

static void settings_write(struct writer *writer)
{
	const struct config *config = writer->input->config;
	const struct link_settings settings = {
		.incarnation = writer->input->incarnation,
		.park_ms = config->flows.park_ms,
		.not_ready_ms = NOT_READY_MS,
		.heartbeat_ms = config->cluster.heartbeat_ms,
		.suspect_after_ms = config->cluster.suspect_after_ms,
		.dead_after_ms = config->cluster.dead_after_ms,
		.flow_timer_udp_s = (uint16_t)config->flows.flow_timer_udp_s,
		.flow_timer_stream_s = (uint16_t)config->flows.flow_timer_stream_s,
		.moved_per_s = config->flows.moved_phones_per_s,
		.source_per_s = config->limits.per_source_per_s,
		.source_burst = config->limits.per_source_burst,
		.phone_per_s = config->limits.per_phone_per_s,
		.phone_burst = config->limits.per_phone_burst,
		.strangers_per_s = config->limits.strangers_per_s,
		.behind_ms = config->limits.behind_ms,
		.limit_answers_per_s = config->limits.answers_per_s,
		.refusals_per_s = config->limits.refusals_per_s,
		.edge = config->node.id,
		.require_path = config->flows.require_path,
		.downgrade = config->downgrade_allowed,
		.draining = writer->input->draining,
	};

	record_put(writer, LINK_SETTINGS, &settings, sizeof(settings));
}

static void peer_write(struct writer *writer, const struct sync_hello *hello)
{
	struct link_peer peer = {.edge = hello->edge,
		.name_length = hello->name_length,
		.secure = hello->secure,
		.relay = hello->relay};

	memcpy(peer.name, hello->name, hello->name_length);
	record_put(writer, LINK_PEER, &peer, sizeof(peer));
	for (unsigned i = 0; i < hello->listener_count; i++) {
		const struct link_peer_listener listener = {
			.edge = hello->edge, .listener = hello->listeners[i]};
		record_put(writer, LINK_PEER_LISTENER, &listener, sizeof(listener));
	}
}

int directory_write(const struct directory_input *input, directory_put *put, void *context)
{
	struct writer writer = {.input = input, .put = put, .context = context};

	record_put(&writer, LINK_DIRECTORY_BEGIN, NULL, 0);
	settings_write(&writer);
	for (size_t i = 0; i < input->config->listeners.count; i++)
		listener_write(&writer, &input->config->listeners.items[i]);
	names_write(&writer);
	for (unsigned edge = 1; edge < 256; edge++)
		if (input->hellos[edge] != NULL)
			peer_write(&writer, input->hellos[edge]);
	for (unsigned i = 0; i < input->target_count; i++)
		record_put(&writer, LINK_TARGET, &input->targets[i], sizeof(input->targets[i]));
	prefixes_write(&writer);
	record_put(&writer, LINK_DIRECTORY_END, NULL, 0);
	return writer.status;
}

unsigned directory_write_hello(
	const struct config *config, uint64_t incarnation, uint64_t epoch, struct sync_hello *hello)
{
	*hello = (struct sync_hello){
		.edge = config->node.id, .incarnation = incarnation, .epoch = epoch};
	unsigned left_out = names_write_hello(config, hello);
	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];
		hello->listeners[hello->listener_count++] = listener_of(listener);
		if (listener->side == SIDE_PEER && hello->relay.family == ENDPOINT_NONE)
			hello->relay = listener->address;
	}
	return left_out;
}
