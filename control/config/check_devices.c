// check_devices.c: what listeners on DPDK devices must have, and what no other may.

#include "device.h"
#include "reader.h"
#include "schema.h"

#include <weir/link.h>

#include <stdio.h>

static bool listener_is_dpdk(const struct config_listener *listener)
{
	return listener->driver == LINK_DRIVER_DPDK;
}

// What was refused was given, too.
static bool is_given(const struct config_reader *reader, const void *member)
{
	return config_line(reader->config, member) != 0;
}

// A fault of its own was told already: what follows from it is none.
static bool is_refused(const struct config_reader *reader, const void *member)
{
	struct config_mark mark = config_find_mark(reader->config, member);

	for (const struct config_fault *fault = reader->report->faults; fault != NULL;
		fault = fault->next)
		if (fault->mark.line == mark.line && fault->mark.column == mark.column)
			return mark.line != 0;
	return false;
}

static void check_socket(struct config_reader *reader, const struct config_listener *listener)
{
	if (is_refused(reader, &listener->driver))
		return;
	if (is_given(reader, &listener->port))
		config_fault(reader, CONFIG_ERROR, &listener->port,
			"add 'driver: dpdk', or take it out", "'port' is for 'driver: dpdk'");
	if (is_given(reader, &listener->tap))
		config_fault(reader, CONFIG_ERROR, &listener->tap,
			"add 'driver: dpdk' and a port, or take it out",
			"'tap' is for 'driver: dpdk'");
}

static bool kernel_keeps(struct span port)
{
	struct span base = device_name_base(port);
	bool tap = base.length >= 7 && memcmp(base.octets, "net_tap", 7) == 0;

	return tap || device_interface(port).length > 0;
}

static void check_dpdk(struct config_reader *reader, const struct config_listener *listener)
{
	bool tap = listener->tap.length > 0 && !span_equal(listener->tap, SPAN("off"));

	if (reader->config->role == ROLE_CORE) {
		config_fault(reader, CONFIG_ERROR, &listener->driver, "take it out",
			"'role: core' has no dataplane that could drive a device");
		return;
	}
	if (!is_given(reader, &listener->port))
		config_fault(reader, CONFIG_ERROR, &listener->driver,
			"write for example 'port: 0000:3b:00.0' or "
			"'port: \"net_af_xdp0,iface=eth0\"'",
			"'driver: dpdk' needs a port");
	if (tap && kernel_keeps(listener->port))
		config_fault(reader, CONFIG_ERROR, &listener->tap, "take it out",
			"the kernel has this device's interface itself: it needs no tap");
}

static bool base_equal(const struct config_device *a, const struct config_device *b)
{
	return span_equal(device_name_base(a->port), device_name_base(b->port));
}

static void check_device_pair(struct config_reader *reader, const struct config_device *first,
	const struct config_device *second)
{
	if (base_equal(first, second))
		config_fault(reader, CONFIG_ERROR, &second->listener->port,
			"listeners of one device have the same port; count devices up: "
			"net_af_xdp0, net_af_xdp1",
			"listener '%s' has this device with other arguments",
			(const char *)first->listener->name.octets);
	if (first->tap.length > 0 && span_equal(first->tap, second->tap))
		config_fault(reader, CONFIG_ERROR, &second->listener->tap,
			"each device has a tap of its own", "two devices have the tap '%s'",
			(const char *)second->tap.octets);
}

static void check_listener_device(struct config_reader *reader,
	const struct config_listener *listener, const struct config_device *device)
{
	if (!span_equal(listener->tap, device->listener->tap))
		config_fault(reader, CONFIG_ERROR, &listener->port,
			"give all listeners of a device the same tap, or none",
			"listener '%s' has this device with another tap",
			(const char *)device->listener->name.octets);
}

static void check_list(struct config_reader *reader)
{
	const struct config *config = reader->config;

	for (size_t i = 0; i < config->devices.count; i++)
		for (size_t j = 0; j < i; j++)
			check_device_pair(
				reader, &config->devices.items[j], &config->devices.items[i]);
	if (config->devices.count > LINK_DEVICES_MAX)
		config_fault(reader, CONFIG_ERROR,
			&config->devices.items[LINK_DEVICES_MAX].listener->port, NULL,
			"there are more than %d devices", LINK_DEVICES_MAX);
}

// Words go to the dataplane in one packet, each with a NUL.
static void check_words(struct config_reader *reader)
{
	const struct config_dataplane *dataplane = &reader->config->dataplane;
	size_t octets = 0;

	for (size_t i = 0; i < dataplane->eal.count; i++) {
		struct span word = dataplane->eal.items[i];

		octets += word.length + 1;
		for (size_t n = 0; n < word.length; n++)
			if (word.octets[n] <= ' ' || word.octets[n] > '~') {
				config_fault(reader, CONFIG_ERROR, &dataplane->eal.items[i],
					"write one word an entry: ['-m', '512']",
					"an EAL word has no spaces");
				break;
			}
	}
	if (dataplane->eal.count > 0 && is_given(reader, &dataplane->memory)
		&& !is_refused(reader, &dataplane->memory))
		config_fault(reader, CONFIG_ERROR, &dataplane->memory,
			"take one of them out: EAL words stand in place of what 'memory' would say",
			"'memory' is for a dataplane without 'eal'");
	if (octets > LINK_WORDS_OCTETS)
		config_fault(reader, CONFIG_ERROR, &dataplane->eal, NULL,
			"EAL words are at most %d characters together", LINK_WORDS_OCTETS);
}

static void check_cpus(struct config_reader *reader)
{
	const struct config_dataplane *dataplane = &reader->config->dataplane;
	unsigned count = cpus_count(&dataplane->cpus);

	if (count > 0 && dataplane->workers > count)
		config_fault(reader, CONFIG_ERROR, &dataplane->cpus,
			"each worker has one of its own: name more, or lower 'workers'",
			"%u workers, but %u processor%s", dataplane->workers, count,
			count == 1 ? "" : "s");
}

static void warn_unused(struct config_reader *reader, const void *member, const char *key)
{
	if (is_given(reader, member))
		config_fault(reader, CONFIG_WARNING, member,
			"it has no meaning without one; take it out",
			"'%s' is for listeners on DPDK devices, and there is none", key);
}

static void check_unused(struct config_reader *reader)
{
	const struct config_dataplane *dataplane = &reader->config->dataplane;

	if (reader->config->devices.count > 0 || reader->report->errors > 0)
		return;
	warn_unused(reader, &dataplane->idle, "idle");
	warn_unused(reader, &dataplane->memory, "memory");
	warn_unused(reader, &dataplane->eal, "eal");
}

void config_check_devices(struct config_reader *reader)
{
	const struct config *config = reader->config;

	for (size_t i = 0; i < config->listeners.count; i++) {
		const struct config_listener *listener = &config->listeners.items[i];

		if (!listener_is_dpdk(listener)) {
			check_socket(reader, listener);
			continue;
		}
		check_dpdk(reader, listener);
		if (listener->port.length > 0)
			check_listener_device(
				reader, listener, &config->devices.items[listener->device]);
	}
	check_list(reader);
	check_words(reader);
	check_cpus(reader);
	check_unused(reader);
}
