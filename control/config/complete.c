// complete.c: values that stand for keys that were left out and depend on others.

#include "arena.h"
#include "device.h"
#include "reader.h"

#include <weir/link.h>

#include <stdio.h>

static void complete_listeners(struct config *config)
{
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.items[i].id == 0)
			config->listeners.items[i].id = (uint8_t)(i + 1);
}

static bool tap_is_off(struct span tap)
{
	return span_equal(tap, SPAN("off"));
}

// The kernel has lost a card: without a word about it a tap stands in for it.
static bool complete_tap(
	struct config *config, const struct config_listener *listener, struct config_device *device)
{
	char name[DEVICE_INTERFACE_MAX + 1];

	if (tap_is_off(listener->tap))
		return true;
	device->tap = listener->tap;
	if (device->tap.length > 0 || !device_is_pci(listener->port))
		return true;
	int length = snprintf(name, sizeof(name), "weir%zu", config->devices.count);

	device->tap =
		span_of(arena_copy(config->arena, span_of(name, (size_t)length)), (size_t)length);
	return device->tap.octets != NULL;
}

static bool complete_device(struct config *config, struct config_listener *listener)
{
	struct config_device *devices = config->devices.items;
	size_t at = 0;

	while (at < config->devices.count && !span_equal(devices[at].port, listener->port))
		at++;
	listener->device = (uint8_t)at;
	if (at < config->devices.count)
		return true;
	devices[at] = (struct config_device){.listener = listener, .port = listener->port};
	if (!complete_tap(config, listener, &devices[at]))
		return false;
	config->devices.count++;
	return true;
}

static bool complete_devices(struct config *config)
{
	config->devices.items = arena_take(
		config->arena, (config->listeners.count + 1) * sizeof(*config->devices.items));
	if (config->devices.items == NULL)
		return false;
	for (size_t i = 0; i < config->listeners.count; i++) {
		struct config_listener *listener = &config->listeners.items[i];

		if (listener->driver == LINK_DRIVER_DPDK && listener->port.length > 0
			&& !complete_device(config, listener))
			return false;
	}
	return true;
}

bool config_complete(struct config *config)
{
	complete_listeners(config);
	if (config->upstream.defaults.count == 0) {
		config->upstream.defaults.items = config->upstream.targets.items;
		config->upstream.defaults.count = config->upstream.targets.count;
	}
	if (config->registrar.realm.length == 0 && config->registrar.domains.count > 0)
		config->registrar.realm = config->registrar.domains.items[0];
	return complete_devices(config);
}
