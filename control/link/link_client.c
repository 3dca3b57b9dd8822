#include "link_client.h"

#include "link_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	RETRY_FIRST_MS = 20,
	RETRY_MAX_MS = 500,
	ERRNO_MAX = 4095, // Linux
};

// What the other process says is shown to people: it cannot end a line or a quotation.
void link_fault_note(struct link_client *client, const struct link_fault *fault)
{
	struct link_fault told = *fault;

	client->fault = fault->status;
	client->fault_listener = fault->listener;
	snprintf(client->what, WHAT_MAX, "%s", fault->what);
	for (char *at = client->what; *at != 0; at++)
		if (*at < ' ' || *at > '~' || *at == '"')
			*at = '?';
	told.what = client->what;
	if (client->options.fault != NULL)
		client->options.fault(client->options.context, &told);
}

void link_fault_clear(struct link_client *client)
{
	client->fault = 0;
	client->fault_listener = -1;
	client->what[0] = 0;
}

static void retry_later(struct link_client *client)
{
	struct timeval wait = {
		.tv_sec = client->retry_ms / 1000, .tv_usec = client->retry_ms % 1000 * 1000};

	evtimer_add(client->retry, &wait);
	client->retry_ms =
		client->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : client->retry_ms * 2;
}

void link_disconnect(struct link_client *client, const char *why)
{
	bool was_up = client->phase == LINK_PHASE_UP;

	client->phase = LINK_PHASE_IDLE;
	if (client->socket_event != NULL)
		event_free(client->socket_event);
	client->socket_event = NULL;
	if (client->socket >= 0)
		close(client->socket);
	client->socket = -1;
	link_session_close(client);
	if (was_up) {
		log_event(
			client->options.log, LOG_LEVEL_WARNING, "link-down", LOG_TEXT("why", why));
		client->retry_ms = RETRY_FIRST_MS;
		client->options.down(client->options.context);
	} else if (why != NULL) {
		log_event(client->options.log, LOG_LEVEL_WARNING, "link-refused",
			LOG_TEXT("why", why));
	}
	retry_later(client);
}

// --- Set-up, in the order of weir/link.h ---

static int listener_send(struct link_client *client, unsigned index)
{
	const struct link_listener *listener = &client->options.listeners[index];

	return setup_send(client->socket, LINK_LISTENER, span_of(listener, sizeof(*listener)),
		client->sockets[index], client->options.config.workers);
}

static int config_send(struct link_client *client)
{
	int status = link_sockets_open(client);

	if (status == 0)
		status = setup_send(client->socket, LINK_CONFIG,
			span_of(&client->options.config, sizeof(client->options.config)), NULL, 0);
	for (unsigned i = 0; status == 0 && i < client->options.device_count; i++)
		status = setup_send(client->socket, LINK_DEVICE,
			span_of(&client->options.devices[i], sizeof(struct link_device)), NULL, 0);
	for (unsigned i = 0; status == 0 && i < client->options.listener_count; i++)
		if (client->options.listeners[i].transport == TRANSPORT_UDP)
			status = listener_send(client, i);
	return status;
}

static int start_send(struct link_client *client)
{
	client->phase = LINK_PHASE_STARTING;
	return setup_send(client->socket, LINK_START, span_of(NULL, 0), NULL, 0);
}

static int hello_take(struct link_client *client, const struct setup_packet *packet)
{
	struct link_hello hello;

	memcpy(&hello, packet->payload, sizeof(hello));
	if (hello.abi != LINK_ABI) {
		log_event(client->options.log, LOG_LEVEL_ERROR, "link-abi",
			LOG_NUMBER("ours", LINK_ABI), LOG_NUMBER("dataplane", hello.abi),
			LOG_TEXT("hint", "install both of one version"));
		link_fault_note(client,
			&(struct link_fault){LINK_FAULT_REFUSED, -EPROTO, -1,
				"the dataplane is of another version"});
		return -EPROTO;
	}
	client->dataplane = hello.incarnation;
	if (hello.running) {
		link_sockets_close(client); // those that run are handed back
		client->phase = LINK_PHASE_TAKING;
		return 0;
	}
	int status = config_send(client);
	return status != 0 ? status : start_send(client);
}

static int listener_find(const struct link_client *client, const struct link_listener *wanted)
{
	for (unsigned i = 0; i < client->options.listener_count; i++)
		if (memcmp(&client->options.listeners[i], wanted, sizeof(*wanted)) == 0)
			return (int)i;
	return -1;
}

// A socket of the running dataplane. A listener that our configuration no longer has stays its own until it is restarted.
static int listener_take(struct link_client *client, struct setup_packet *packet)
{
	struct link_listener listener;

	memcpy(&listener, packet->payload, sizeof(listener));
	int index = listener_find(client, &listener);
	if (index < 0) {
		log_event(client->options.log, LOG_LEVEL_WARNING, "link-listener",
			LOG_NUMBER("id", listener.id),
			LOG_TEXT("hint", "the dataplane runs with another listener: restart it"));
		return 0;
	}
	for (uint32_t worker = 0; worker < packet->descriptor_count && worker < LINK_WORKERS_MAX;
		worker++) {
		if (client->sockets[index][worker] >= 0)
			return -EBADMSG; // the same listener twice
		client->sockets[index][worker] = packet->descriptors[worker];
		packet->descriptors[worker] = -1;
	}
	return 0;
}

// A device of the running dataplane: what it is stays so until it is restarted.
static int device_take(struct link_client *client, const struct setup_packet *packet)
{
	struct link_device device;

	memcpy(&device, packet->payload, sizeof(device));
	if (device.index >= client->options.device_count
		|| memcmp(&client->options.devices[device.index], &device, sizeof(device)) != 0)
		log_event(client->options.log, LOG_LEVEL_WARNING, "link-device",
			LOG_NUMBER("index", device.index),
			LOG_TEXT("hint", "the dataplane runs with another device: restart it"));
	return 0;
}

// The listener that a failure is about: by its id, or the first on the device. -1: none.
static int failed_find(const struct link_client *client, const struct link_failed *failed)
{
	for (unsigned i = 0; i < client->options.listener_count; i++) {
		const struct link_listener *listener = &client->options.listeners[i];
		if (listener->id == failed->listener
			|| (listener->driver == LINK_DRIVER_DPDK
				&& listener->device == failed->device))
			return (int)i;
	}
	return -1;
}

static int failed_take(struct link_client *client, const struct setup_packet *packet)
{
	struct link_failed failed;

	memcpy(&failed, packet->payload, sizeof(failed));
	failed.what[sizeof(failed.what) - 1] = 0;
	bool known = failed.error >= -ERRNO_MAX && failed.error <= ERRNO_MAX && failed.error != 0;
	link_fault_note(client,
		&(struct link_fault){
			.kind = failed.device < LINK_DEVICES_MAX ? LINK_FAULT_DEVICE
								 : LINK_FAULT_REFUSED,
			.status = known ? -abs(failed.error) : -EPROTO,
			.listener = failed_find(client, &failed),
			.what = failed.what,
		});
	log_event(
		client->options.log, LOG_LEVEL_ERROR, "link-failed", LOG_TEXT("why", client->what));
	return client->fault;
}

static int up_take(struct link_client *client, struct setup_packet *packet)
{
	int status = link_session_open(client, packet);

	if (status != 0)
		return status;
	client->phase = LINK_PHASE_UP;
	link_fault_clear(client);
	client->retry_ms = RETRY_FIRST_MS;
	log_event(client->options.log, LOG_LEVEL_NOTICE, "link-up",
		LOG_NUMBER("workers", client->region.workers));
	client->options.up(client->options.context);
	return 0;
}

static int packet_take(struct link_client *client, struct setup_packet *packet)
{
	enum link_phase phase = client->phase;

	if (packet->type == LINK_HELLO && phase == LINK_PHASE_HELLO)
		return hello_take(client, packet);
	if (packet->type == LINK_DEVICE && phase == LINK_PHASE_TAKING)
		return device_take(client, packet);
	if (packet->type == LINK_LISTENER && phase == LINK_PHASE_TAKING)
		return listener_take(client, packet);
	if (packet->type == LINK_START && phase == LINK_PHASE_TAKING)
		return start_send(client);
	if (packet->type == LINK_FAILED && phase != LINK_PHASE_UP)
		return failed_take(client, packet);
	if (packet->type == LINK_UP && phase == LINK_PHASE_STARTING)
		return up_take(client, packet);
	return -EBADMSG;
}

static void socket_ready(evutil_socket_t socket, short what, void *argument)
{
	struct link_client *client = argument;
	struct setup_packet packet;

	int status = setup_receive(client->socket, &packet);
	if (status == -EAGAIN)
		return;
	if (status == 0) {
		link_disconnect(
			client, client->phase == LINK_PHASE_UP ? "the dataplane is gone" : NULL);
		return;
	}
	if (status == 1) {
		status = packet_take(client, &packet);
		setup_close(&packet);
	}
	if (status != 0)
		link_disconnect(client, strerror(-status));
}

static void connect_now(evutil_socket_t unused, short what, void *argument)
{
	struct link_client *client = argument;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct link_hello hello = {.abi = LINK_ABI};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", client->options.path);
	client->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->socket < 0
		|| connect(client->socket, (struct sockaddr *)&address, sizeof(address)) != 0
		|| setup_send(client->socket, LINK_HELLO, span_of(&hello, sizeof(hello)), NULL, 0)
			!= 0) {
		link_disconnect(client, NULL); // not there yet: said by nobody, seen in `status`
		return;
	}
	client->phase = LINK_PHASE_HELLO;
	client->socket_event = event_new(
		client->options.base, client->socket, EV_READ | EV_PERSIST, socket_ready, client);
	if (client->socket_event == NULL || event_add(client->socket_event, NULL) != 0)
		link_disconnect(client, "out of memory");
}

int link_client_open(const struct link_client_options *options, struct link_client **out)
{
	struct link_client *client = calloc(1, sizeof(*client));

	if (strlen(options->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		free(client);
		return -ENAMETOOLONG;
	}
	if (client == NULL)
		return -ENOMEM;
	client->options = *options;
	client->socket = client->own_eventfd = client->keeper_eventfd = -1;
	client->fault_listener = -1;
	client->retry_ms = RETRY_FIRST_MS;
	memset(client->worker_eventfds, 0xff, sizeof(client->worker_eventfds));
	memset(client->lane_eventfds, 0xff, sizeof(client->lane_eventfds));
	client->sockets = malloc(options->listener_count * sizeof(*client->sockets));
	if (client->sockets != NULL)
		memset(client->sockets, 0xff, options->listener_count * sizeof(*client->sockets));
	client->retry = evtimer_new(options->base, connect_now, client);
	if (client->sockets == NULL || client->retry == NULL) {
		link_client_close(client);
		return -ENOMEM;
	}
	connect_now(-1, 0, client);
	*out = client;
	return 0;
}

void link_client_close(struct link_client *client)
{
	if (client->socket_event != NULL)
		event_free(client->socket_event);
	if (client->socket >= 0)
		close(client->socket);
	link_session_close(client);
	if (client->retry != NULL)
		event_free(client->retry);
	if (client->sockets != NULL)
		link_sockets_close(client);
	free(client->sockets);
	free(client);
}

int link_client_fault(const struct link_client *client, int *listener, const char **what)
{
	*listener = client->fault_listener;
	*what = client->what;
	return client->fault;
}

bool link_client_is_up(const struct link_client *client)
{
	return client->phase == LINK_PHASE_UP;
}

unsigned link_client_workers(const struct link_client *client)
{
	return client->region.workers;
}
