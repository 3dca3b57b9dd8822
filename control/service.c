#include "service.h"

#include "base/clock.h"

#include <errno.h>
#include <systemd/sd-daemon.h>

static void status_tell(const struct service *service)
{
	const struct control *control = service->control;
	const struct config *config = control->config;

	sd_notifyf(0, "%sSTATUS=%s %.*s: %s%s", service->started ? "READY=1\n" : "",
		config->role == ROLE_EDGE ? "edge" : "core", (int)config->node.name.length,
		(const char *)config->node.name.octets, control->ready ? "ready" : "waits for ",
		control->ready ? "" : control->waits_for);
}

static void ready_changed(void *context)
{
	struct service *service = context;

	service->started |= service->control->ready;
	status_tell(service);
}

static void limit_reached(evutil_socket_t socket, short what, void *context)
{
	struct service *service = context;

	service->started = true;
	status_tell(service);
}

int service_open(struct service *service, struct control *control)
{
	struct timeval limit = {.tv_sec = SERVICE_STARTED_BY_S};

	*service = (struct service){.control = control};
	service->limit = evtimer_new(control->base, limit_reached, service);
	if (service->limit == NULL || evtimer_add(service->limit, &limit) != 0)
		return -ENOMEM;
	control->ready_changed = ready_changed;
	control->ready_context = service;
	ready_changed(service);
	return 0;
}

void service_close(struct service *service)
{
	sd_notify(0, "STOPPING=1");
	if (service->control != NULL)
		service->control->ready_changed = NULL;
	if (service->limit != NULL)
		event_free(service->limit);
}

void service_tell_reload(const struct service *service)
{
	// systemd 252 does not wait for it yet; later ones do (Type=notify-reload).
	if (service->started)
		sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
			(unsigned long long)clock_ms() * 1000);
}

void service_tell_reloaded(const struct service *service)
{
	status_tell(service);
}
