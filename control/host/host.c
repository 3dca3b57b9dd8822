#include "host.h"

#include "../config/device.h"
#include "host_private.h"

#include <errno.h>
#include <stdarg.h>

static const char *text_format(struct host *host, const char *format, va_list arguments)
{
	char text[2 * HOST_PATH_MAX];

	vsnprintf(text, sizeof(text), format, arguments);
	const char *kept = arena_format(host->report->arena, "%s", text);

	host->failed |= kept == NULL;
	return kept;
}

const char *host_text(struct host *host, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	const char *text = text_format(host, format, arguments);
	va_end(arguments);
	return text;
}

void host_tell(struct host *host, const char *topic, enum host_state state, const char *command,
	const char *format, ...)
{
	struct host_row *row = arena_take(host->report->arena, sizeof(*row));
	va_list arguments;

	if (row == NULL) {
		host->failed = true;
		return;
	}
	va_start(arguments, format);
	*row = (struct host_row){
		.topic = topic,
		.state = state,
		.what = text_format(host, format, arguments),
		.command = state == HOST_OK ? NULL : command,
	};
	va_end(arguments);
	*host->report->end = row;
	host->report->end = &row->next;
	host->report->count[state]++;
}

enum host_state host_judge_absent(const struct host *host, bool wanted)
{
	if (wanted)
		return HOST_MISSING;
	return host->config == NULL ? HOST_ADVICE : HOST_OK;
}

bool host_wants_devices(const struct host *host)
{
	return host->config != NULL && host->config->devices.count > 0;
}

bool host_wants_driver(const struct host *host, const char *driver)
{
	size_t length = strlen(driver);

	for (size_t i = 0; host_wants_devices(host) && i < host->config->devices.count; i++) {
		struct span port = host->config->devices.items[i].port;

		if (port.length >= length && memcmp(port.octets, driver, length) == 0)
			return true;
	}
	return false;
}

bool host_wants_pci(const struct host *host)
{
	for (size_t i = 0; host_wants_devices(host) && i < host->config->devices.count; i++)
		if (device_is_pci(host->config->devices.items[i].port))
			return true;
	return false;
}

bool host_wants_tap(const struct host *host)
{
	for (size_t i = 0; host_wants_devices(host) && i < host->config->devices.count; i++)
		if (host->config->devices.items[i].tap.length > 0)
			return true;
	return host_wants_driver(host, "net_tap");
}

int host_check(const struct host_options *options, struct host_report *report)
{
	struct host host = {
		.root = options->root,
		.config = options->config,
		.probes = options->probes != NULL ? options->probes : &host_kernel_probes,
		.report = report,
	};

	*report = (struct host_report){.arena = arena_new()};
	if (report->arena == NULL)
		return -ENOMEM;
	report->end = &report->rows;
	host_check_processor(&host);
	host_check_memory(&host);
	host_check_kernel(&host);
	host_check_network(&host);
	host_check_pci(&host);
	host_check_interfaces(&host);
	return host.failed ? -ENOMEM : 0;
}

void host_report_free(struct host_report *report)
{
	arena_free(report->arena);
}
