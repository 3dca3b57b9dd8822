// link_setup.c: one connection of weir-control, packet by packet.

#include "link_setup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum link_step link_setup_refuse(
	struct link_failed *failed, int error, uint8_t listener, const char *format, ...)
{
	va_list arguments;

	*failed = (struct link_failed){
		.error = error, .listener = listener, .device = LINK_SETUP_NO_DEVICE};
	va_start(arguments, format);
	vsnprintf(failed->what, sizeof(failed->what), format, arguments);
	va_end(arguments);
	return LINK_STEP_REFUSE;
}

enum link_step link_setup_refuse_device(
	struct link_failed *failed, int error, uint8_t device, const char *format, ...)
{
	va_list arguments;

	*failed = (struct link_failed){
		.error = error, .listener = LINK_SETUP_NO_LISTENER, .device = device};
	va_start(arguments, format);
	vsnprintf(failed->what, sizeof(failed->what), format, arguments);
	va_end(arguments);
	return LINK_STEP_REFUSE;
}

void link_setup_init(struct link_setup *setup, uint64_t incarnation)
{
	memset(setup, 0, sizeof(*setup));
	setup->incarnation = incarnation;
}

void link_setup_begin(struct link_setup *setup)
{
	setup->phase = LINK_SETUP_HELLO;
}

void link_setup_end(struct link_setup *setup)
{
	setup->phase = LINK_SETUP_IDLE;
	if (setup->running)
		return;
	for (unsigned i = 0; i < setup->listener_count; i++)
		for (uint32_t n = 0; n < setup->config.workers; n++)
			close(setup->listeners[i].sockets[n]);
	setup->listener_count = 0;
	setup->device_count = 0;
}

void link_setup_mark_running(struct link_setup *setup)
{
	setup->running = true;
}

static enum link_step send_or_close(
	int socket, uint16_t type, struct span payload, const int *descriptors, uint32_t count)
{
	return setup_send(socket, type, payload, descriptors, count) == 0 ? LINK_STEP_WAIT
									  : LINK_STEP_CLOSE;
}

// Everything that runs goes back to control: it binds nothing anew, since a second socket of one address would take half of its
// traffic away.
static enum link_step hand_back(struct link_setup *setup, int socket)
{
	enum link_step step = LINK_STEP_WAIT;

	for (unsigned i = 0; i < setup->device_count && step == LINK_STEP_WAIT; i++)
		step = send_or_close(socket, LINK_DEVICE,
			span_of(&setup->devices[i], sizeof(struct link_device)), NULL, 0);
	for (unsigned i = 0; i < setup->listener_count && step == LINK_STEP_WAIT; i++)
		step = send_or_close(socket, LINK_LISTENER,
			span_of(&setup->listeners[i].listener, sizeof(struct link_listener)),
			setup->listeners[i].sockets, setup->config.workers);
	if (step == LINK_STEP_WAIT)
		step = send_or_close(socket, LINK_START, span_of(NULL, 0), NULL, 0);
	return step;
}

static enum link_step take_hello(struct link_setup *setup, int socket,
	const struct link_hello *hello, struct link_failed *failed)
{
	const struct link_hello own = {
		.abi = LINK_ABI, .running = setup->running, .incarnation = setup->incarnation};
	enum link_step step =
		send_or_close(socket, LINK_HELLO, span_of(&own, sizeof(own)), NULL, 0);

	if (step != LINK_STEP_WAIT)
		return step;
	if (hello->abi != LINK_ABI)
		return link_setup_refuse(failed, EPROTO, LINK_SETUP_NO_LISTENER,
			"weir-dataplane speaks link ABI %d, weir-control %u: install both of one "
			"version",
			LINK_ABI, hello->abi);
	setup->phase = setup->running ? LINK_SETUP_START : LINK_SETUP_CONFIG;
	return setup->running ? hand_back(setup, socket) : LINK_STEP_WAIT;
}

// A text that ends within its field and can be shown: letters, digits and signs. Empty: false.
static bool text_is_valid(const char *text, size_t capacity)
{
	size_t length = strnlen(text, capacity);

	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return length > 0 && length < capacity;
}

// As many texts one after the other as are counted, and nothing behind them.
static bool words_are_valid(const struct link_config *config)
{
	size_t at = 0;

	if (config->word_count > LINK_WORDS_MAX)
		return false;
	for (unsigned i = 0; i < config->word_count; i++) {
		if (!text_is_valid(config->words + at, sizeof(config->words) - at))
			return false;
		at += strlen(config->words + at) + 1;
	}
	while (at < sizeof(config->words))
		if (config->words[at++] != 0)
			return false;
	return true;
}

static enum link_step judge_devices_config(
	const struct link_config *config, struct link_failed *failed)
{
	if (config->idle > LINK_IDLE_POLL || config->memory > LINK_MEMORY_ORDINARY)
		return link_setup_refuse(failed, EINVAL, LINK_SETUP_NO_LISTENER,
			"idle %u or memory %u is not known", config->idle, config->memory);
	if (!words_are_valid(config))
		return link_setup_refuse(failed, EINVAL, LINK_SETUP_NO_LISTENER,
			"the EAL words are not %u words", config->word_count);
	return LINK_STEP_WAIT;
}

static enum link_step judge_config(const struct link_config *config, struct link_failed *failed)
{
	if (config->workers < 1 || config->workers > LINK_WORKERS_MAX)
		return link_setup_refuse(failed, EINVAL, LINK_SETUP_NO_LISTENER,
			"%u workers: from 1 to %d can be had", config->workers, LINK_WORKERS_MAX);
	if (config->streams > LINK_STREAMS_MAX)
		return link_setup_refuse(failed, EINVAL, LINK_SETUP_NO_LISTENER,
			"%u stream threads: at most %d can be had", config->streams,
			LINK_STREAMS_MAX);
	if (config->edge == 0 || config->takeover > 1)
		return link_setup_refuse(failed, EINVAL, LINK_SETUP_NO_LISTENER,
			"edge %u or takeover %u does not exist", config->edge, config->takeover);
	if (config->flows_max == 0 || config->rows_max == 0)
		return link_setup_refuse(failed, EINVAL, LINK_SETUP_NO_LISTENER,
			"no room for flows: the limit is %u flows and %u rows", config->flows_max,
			config->rows_max);
	return judge_devices_config(config, failed);
}

static enum link_step take_config(
	struct link_setup *setup, const struct link_config *config, struct link_failed *failed)
{
	enum link_step step = judge_config(config, failed);

	if (step != LINK_STEP_WAIT)
		return step;
	setup->config = *config;
	setup->phase = LINK_SETUP_LISTENERS;
	return LINK_STEP_WAIT;
}

static bool device_is_taken(const struct link_setup *setup, const char *name)
{
	for (unsigned i = 0; i < setup->device_count; i++)
		if (strcmp(setup->devices[i].name, name) == 0)
			return true;
	return false;
}

static bool exception_is_valid(const struct link_device *device)
{
	if (device->exception == LINK_EXCEPTION_TAP)
		return text_is_valid(device->tap, sizeof(device->tap));
	return device->exception == LINK_EXCEPTION_NONE && device->tap[0] == 0;
}

static enum link_step judge_device(const struct link_setup *setup, const struct link_device *device,
	struct link_failed *failed)
{
	if (device->index >= LINK_DEVICES_MAX || device->index != setup->device_count)
		return link_setup_refuse_device(failed, EINVAL, device->index,
			"device %u is not the next of at most %d", device->index, LINK_DEVICES_MAX);
	if (!text_is_valid(device->name, sizeof(device->name))
		|| device_is_taken(setup, device->name))
		return link_setup_refuse_device(failed, EINVAL, device->index,
			"the name of device %u is none, or taken", device->index);
	if (!exception_is_valid(device))
		return link_setup_refuse_device(failed, EINVAL, device->index,
			"device %u has no such way to the kernel", device->index);
	return LINK_STEP_WAIT;
}

static enum link_step take_device(
	struct link_setup *setup, const struct link_device *device, struct link_failed *failed)
{
	enum link_step step = judge_device(setup, device, failed);

	if (step == LINK_STEP_WAIT)
		setup->devices[setup->device_count++] = *device;
	return step;
}

static bool id_is_taken(const struct link_setup *setup, uint8_t id)
{
	for (unsigned i = 0; i < setup->listener_count; i++)
		if (setup->listeners[i].listener.id == id)
			return true;
	return false;
}

static bool driver_is_valid(const struct link_setup *setup, const struct link_listener *listener)
{
	if (listener->driver == LINK_DRIVER_DPDK)
		return listener->device < setup->device_count;
	return listener->driver == LINK_DRIVER_SOCKET && listener->device == 0;
}

static enum link_step judge_listener(const struct link_setup *setup,
	const struct link_listener *listener, uint32_t sockets, struct link_failed *failed)
{
	if (listener->id > LISTENERS_MAX || setup->listener_count == LISTENERS_MAX
		|| id_is_taken(setup, listener->id))
		return link_setup_refuse(failed, EINVAL, listener->id,
			"listener id %u is taken, or too large", listener->id);
	if (!driver_is_valid(setup, listener))
		return link_setup_refuse(failed, EINVAL, listener->id,
			"driver %u on device %u of %u does not exist", listener->driver,
			listener->device, setup->device_count);
	if (listener->transport != TRANSPORT_UDP)
		return link_setup_refuse(failed, EPROTONOSUPPORT, listener->id,
			"the dataplane listens on UDP alone: streams are control's");
	if (sockets != setup->config.workers)
		return link_setup_refuse(failed, EINVAL, listener->id,
			"%u sockets came for %u workers", sockets, setup->config.workers);
	return LINK_STEP_WAIT;
}

static enum link_step take_listener(
	struct link_setup *setup, struct setup_packet *packet, struct link_failed *failed)
{
	struct link_listener listener;

	memcpy(&listener, packet->payload, sizeof(listener));
	enum link_step step = judge_listener(setup, &listener, packet->descriptor_count, failed);

	if (step != LINK_STEP_WAIT)
		return step;
	struct link_setup_listener *kept = &setup->listeners[setup->listener_count++];

	kept->listener = listener;
	for (uint32_t i = 0; i < packet->descriptor_count; i++) {
		kept->sockets[i] = packet->descriptors[i];
		packet->descriptors[i] = -1;
	}
	return LINK_STEP_WAIT;
}

static enum link_step refuse_order(const struct link_setup *setup,
	const struct setup_packet *packet, struct link_failed *failed)
{
	if (setup->phase == LINK_SETUP_UP)
		return LINK_STEP_CLOSE;
	return link_setup_refuse(failed, EBADMSG, LINK_SETUP_NO_LISTENER,
		"packet of type %u is not what may come now", packet->type);
}

enum link_step link_setup_take(struct link_setup *setup, int socket, struct setup_packet *packet,
	struct link_failed *failed)
{
	switch (setup->phase) {
	case LINK_SETUP_HELLO:
		if (packet->type == LINK_HELLO)
			return take_hello(setup, socket, (void *)packet->payload, failed);
		break;
	case LINK_SETUP_CONFIG:
		if (packet->type == LINK_CONFIG)
			return take_config(setup, (void *)packet->payload, failed);
		break;
	case LINK_SETUP_LISTENERS:
		if (packet->type == LINK_DEVICE && setup->listener_count == 0)
			return take_device(setup, (void *)packet->payload, failed);
		if (packet->type == LINK_LISTENER)
			return take_listener(setup, packet, failed);
		if (packet->type == LINK_START && setup->listener_count > 0)
			return LINK_STEP_BEGIN;
		break;
	case LINK_SETUP_START:
		if (packet->type == LINK_START)
			return LINK_STEP_BEGIN;
		break;
	case LINK_SETUP_FAILED:
		return LINK_STEP_WAIT;
	case LINK_SETUP_IDLE:
	case LINK_SETUP_UP:
		break;
	}
	return refuse_order(setup, packet, failed);
}
