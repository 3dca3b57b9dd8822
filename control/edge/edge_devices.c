// edge_devices.c: DPDK devices as the configuration wants them and as the dataplane says they are, and what became of listeners.

#include "edge_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void span_copy(char *out, size_t capacity, struct span text)
{
	snprintf(out, capacity, "%.*s", (int)text.length, (const char *)text.octets);
}

static void device_write(const struct config_device *configured, struct link_device *device)
{
	span_copy(device->name, sizeof(device->name), configured->port);
	if (configured->tap.length == 0)
		return;
	device->exception = LINK_EXCEPTION_TAP;
	span_copy(device->tap, sizeof(device->tap), configured->tap);
}

// check_devices.c has seen to it that they fit.
static void words_write(const struct config_dataplane *dataplane, struct link_config *config)
{
	size_t at = 0;

	for (size_t i = 0; i < dataplane->eal.count; i++) {
		span_copy(config->words + at, sizeof(config->words) - at, dataplane->eal.items[i]);
		at += dataplane->eal.items[i].length + 1;
	}
	config->word_count = (uint8_t)dataplane->eal.count;
}

int edge_devices_open(struct edge *edge, struct link_config *config)
{
	const struct config_dataplane *dataplane = &edge->control->config->dataplane;
	size_t count = edge->control->config->devices.count;

	edge->devices = calloc(count + 1, sizeof(*edge->devices));
	if (edge->devices == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		edge->devices[i].index = (uint8_t)i;
		device_write(&edge->control->config->devices.items[i], &edge->devices[i]);
	}
	config->idle = dataplane->idle;
	config->memory = dataplane->memory;
	for (unsigned i = 0; i < dataplane->workers && i < LINK_WORKERS_MAX; i++)
		config->cpus[i] = (uint16_t)(cpus_find(&dataplane->cpus, i) + 1);
	words_write(dataplane, config);
	return 0;
}

// --- What the dataplane says of them ---

static bool event_is_valid(const struct edge *edge, const struct link_event_device *event)
{
	return event->device < edge->control->config->devices.count && event->up <= 1
		&& event->huge_pages <= 1
		&& memchr(event->driver, 0, sizeof(event->driver)) != NULL;
}

static void texts_clean(struct link_event_device *event)
{
	for (char *at = event->driver; *at != 0; at++)
		if (*at <= ' ' || *at > '~')
			*at = '?';
}

// For a reader of the log and of `weirctl ports show`: which device this is.
static const char *port_of(const struct edge *edge, uint8_t device)
{
	return (const char *)edge->control->config->devices.items[device].port.octets;
}

void edge_device_event(struct edge *edge, struct span payload)
{
	struct link_event_device event;

	memcpy(&event, payload.octets, sizeof(event));
	if (!event_is_valid(edge, &event))
		return;
	texts_clean(&event);
	struct edge_device *device = &edge->device_states[event.device];
	bool changed = !device->known || device->state.up != event.up;

	*device = (struct edge_device){true, event};
	if (changed)
		log_event(edge->control->log, event.up ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
			"port-link", LOG_TEXT("port", port_of(edge, event.device)),
			LOG_TEXT("state", event.up ? "up" : "down"),
			LOG_TEXT("driver", event.driver), LOG_NUMBER("queues", event.queues),
			LOG_NUMBER("speed_mbit", event.speed_mbit));
}

void edge_devices_forget(struct edge *edge)
{
	memset(edge->device_states, 0, sizeof(edge->device_states));
}

// --- What became of the listeners ---

static void bind_tell(struct edge *edge, const struct config_listener *listener, const char *what)
{
	uint8_t address[ENDPOINT_TEXT_MAX];
	size_t length = endpoint_format(&listener->address, address);
	char place[128];

	control_fault(edge->control, "E-BIND",
		"is another process there, or is it no address of this host?",
		"cannot bind %.*s/udp (listener %s, %s): %s", (int)length, (char *)address,
		(const char *)listener->name.octets,
		control_place(edge->control, listener, place, sizeof(place)), what);
}

static void device_tell(struct edge *edge, const struct config_listener *listener, const char *what)
{
	char place[128];

	control_fault(edge->control, "E-DEVICE",
		"`weirctl host check` shows what is missing on this host",
		"cannot use %s (listener %s, %s): %s", (const char *)listener->port.octets,
		(const char *)listener->name.octets,
		control_place(edge->control, &listener->port, place, sizeof(place)), what);
}

static void refusal_tell(
	struct edge *edge, const struct config_listener *listener, const char *what)
{
	char place[128];

	if (listener == NULL)
		control_fault(
			edge->control, "E-DATAPLANE", NULL, "weir-dataplane refused: %s", what);
	else
		control_fault(edge->control, "E-DATAPLANE", NULL,
			"weir-dataplane refused listener %s (%s): %s",
			(const char *)listener->name.octets,
			control_place(edge->control, listener, place, sizeof(place)), what);
}

void edge_link_fault(void *context, const struct link_fault *fault)
{
	struct edge *edge = context;
	const struct config_listener *listener = fault->listener < 0
		? NULL
		: &edge->control->config->listeners.items[fault->listener];

	// It is tried again and again; said once.
	if (strcmp(edge->fault_told, fault->what) == 0)
		return;
	snprintf(edge->fault_told, sizeof(edge->fault_told), "%s", fault->what);
	if (fault->kind == LINK_FAULT_BIND)
		bind_tell(edge, listener, fault->what);
	else if (fault->kind == LINK_FAULT_DEVICE && listener != NULL)
		device_tell(edge, listener, fault->what);
	else
		refusal_tell(edge, listener, fault->what);
}
