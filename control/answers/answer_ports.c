#include "../frame/source.h"
#include "../link/link_client.h"
#include "answers.h"

#include <stdatomic.h>

// Of one queue, or of all queues of a port.
struct queue_sum {
	uint64_t received;
	uint64_t sent;
	uint64_t other;
	uint64_t malformed;
	uint64_t fragments;
	uint64_t fragments_refused;
	uint64_t no_listener;
	uint64_t no_buffer;
	uint64_t send_failed;
	uint64_t by_kernel;
	uint64_t packets_out; // of the port
};

static uint64_t read_relaxed(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

// False: no dataplane is connected.
static bool queue_add(
	const struct control *control, unsigned worker, unsigned device, struct queue_sum *sum)
{
	const struct link_queue_counters *queue = control->link == NULL
		? NULL
		: link_client_queue_counters(control->link, worker, device);

	if (queue == NULL)
		return false;
	sum->received += read_relaxed(&queue->received);
	sum->sent += read_relaxed(&queue->sent);
	sum->other += read_relaxed(&queue->other);
	sum->malformed += read_relaxed(&queue->malformed);
	sum->fragments += read_relaxed(&queue->fragments);
	sum->fragments_refused += read_relaxed(&queue->fragments_refused);
	sum->no_listener += read_relaxed(&queue->no_listener);
	sum->no_buffer += read_relaxed(&queue->no_buffer);
	sum->send_failed += read_relaxed(&queue->send_failed);
	sum->by_kernel += read_relaxed(&queue->by_kernel);
	sum->packets_out = read_relaxed(&queue->packets_out);
	return true;
}

static uint64_t queue_dropped(const struct queue_sum *sum)
{
	return sum->malformed + sum->fragments_refused + sum->no_listener + sum->no_buffer
		+ sum->send_failed;
}

static void put_count(json_t *object, const char *key, uint64_t count)
{
	json_object_set_new(object, key, json_integer((json_int_t)count));
}

static void put_mac(json_t *object, const uint8_t mac[6])
{
	json_object_set_new(object, "mac",
		json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
			mac[4], mac[5]));
}

static void put_state(json_t *object, const struct link_event_device *state)
{
	json_object_set_new(object, "driver", json_string(state->driver));
	json_object_set_new(object, "state", json_string(state->up ? "up" : "down"));
	if (state->speed_mbit != 0)
		json_object_set_new(object, "speed_mbit", json_integer(state->speed_mbit));
	if (state->interface != 0)
		json_object_set_new(object, "interface", json_integer(state->interface));
	json_object_set_new(
		object, "memory", json_string(state->huge_pages ? "huge-pages" : "ordinary"));
	json_object_set_new(object, "queues", json_integer(state->queues));
	put_mac(object, state->mac);
}

static json_t *port_write(const struct control *control, unsigned device)
{
	const struct edge_source *source = control->source;
	json_t *object = json_object();
	struct link_event_device state;
	struct queue_sum sum = {0};

	answer_put_span(object, "port", control->config->devices.items[device].port);
	if (source == NULL || !source->device(source->context, device, &state)) {
		json_object_set_new(object, "state", json_string("unknown"));
		return object;
	}
	put_state(object, &state);
	for (unsigned worker = 0; worker < LINK_WORKERS_MAX; worker++)
		if (!queue_add(control, worker, device, &sum))
			break;
	put_count(object, "received_count", sum.received);
	put_count(object, "sent_count", sum.sent);
	put_count(object, "by_kernel_count", sum.by_kernel);
	put_count(object, "dropped_count", queue_dropped(&sum));
	put_count(object, "packets_out_count", sum.packets_out);
	return object;
}

static bool is_edge(const struct control *control, struct command_call *call)
{
	if (control->config->role == ROLE_EDGE)
		return true;
	command_refuse(call, COMMAND_UNAVAILABLE, "a core has no ports");
	return false;
}

void answer_ports_show(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;
	json_t *list;

	if (!is_edge(control, call))
		return;
	list = json_array();
	for (unsigned i = 0; i < control->config->devices.count; i++)
		json_array_append_new(list, port_write(control, i));
	command_reply(call, json_pack("{s:o}", "ports", list));
}

static json_t *queue_write(const struct control *control, unsigned worker, unsigned device)
{
	struct queue_sum sum = {0};
	json_t *object;

	if (!queue_add(control, worker, device, &sum))
		return NULL;
	object = json_pack("{s:i}", "queue", (int)worker);
	answer_put_span(object, "port", control->config->devices.items[device].port);
	put_count(object, "received_count", sum.received);
	put_count(object, "sent_count", sum.sent);
	put_count(object, "other_count", sum.other);
	put_count(object, "fragments_count", sum.fragments);
	put_count(object, "by_kernel_count", sum.by_kernel);
	put_count(object, "malformed_count", sum.malformed);
	put_count(object, "fragments_refused_count", sum.fragments_refused);
	put_count(object, "no_listener_count", sum.no_listener);
	put_count(object, "no_buffer_count", sum.no_buffer);
	put_count(object, "send_failed_count", sum.send_failed);
	return object;
}

void answer_ports_queues(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;
	json_t *list;

	if (!is_edge(control, call))
		return;
	if (control->link == NULL || !link_client_is_up(control->link)) {
		command_refuse(call, COMMAND_UNAVAILABLE, "no dataplane is connected");
		return;
	}
	list = json_array();
	for (unsigned device = 0; device < control->config->devices.count; device++)
		for (unsigned worker = 0; worker < link_client_workers(control->link); worker++)
			json_array_append_new(list, queue_write(control, worker, device));
	command_reply(call, json_pack("{s:o}", "queues", list));
}

void answer_put_ports(json_t *result, const struct control *control)
{
	const struct edge_source *source = control->source;
	size_t count = control->config->devices.count;
	struct link_event_device state;
	int up = 0;

	if (count == 0 || source == NULL)
		return;
	for (unsigned i = 0; i < count; i++)
		up += source->device(source->context, i, &state) && state.up;
	json_object_set_new(
		result, "ports", json_pack("{s:i, s:i}", "configured", (int)count, "up", up));
}
