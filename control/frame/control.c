#include "control.h"

#include "../tls/tls_check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static bool module_is_wanted(const struct control *control, const struct control_module *module)
{
	unsigned role = control->config->role == ROLE_EDGE ? CONTROL_EDGE : CONTROL_CORE;

	return (module->roles & role) != 0;
}

static void close_first(struct control *control, size_t count)
{
	while (count-- > 0)
		if (module_is_wanted(control, &control_modules[count]))
			control_modules[count].close(control);
}

int control_open(struct control *control)
{
	for (size_t i = 0; i < control_module_count; i++) {
		const struct control_module *module = &control_modules[i];
		int status;

		if (!module_is_wanted(control, module))
			continue;
		status = module->open(control);
		if (status != 0) {
			log_event(control->log, LOG_LEVEL_ERROR, "start-failed",
				LOG_TEXT("module", module->name),
				LOG_TEXT("error", strerror(-status)));
			close_first(control, i);
			return status;
		}
	}
	return 0;
}

void control_close(struct control *control)
{
	close_first(control, control_module_count);
}

static void log_report(struct control *control, const struct config_report *report)
{
	for (const struct config_fault *fault = report->faults; fault != NULL; fault = fault->next)
		log_event(control->log,
			fault->severity == CONFIG_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
			"config-fault", LOG_TEXT("file", report->file),
			LOG_NUMBER("line", fault->mark.line), LOG_TEXT("message", fault->message),
			LOG_TEXT("hint", fault->hint));
}

struct observer {
	struct control *control;
	config_changed *changed; // or NULL
	void *context;
};

static void observe(void *context, const struct schema_row *row, bool applied)
{
	const struct observer *observer = context;

	if (observer->changed != NULL)
		observer->changed(observer->context, row, applied);
	log_event(observer->control->log, applied ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
		"config-changed", LOG_TEXT("key", row->path),
		LOG_TEXT("applied", applied ? "yes" : "no"),
		LOG_TEXT("needs", applied ? "nothing" : schema_applies_name(row->applies)));
}

static void reload_modules(struct control *control)
{
	log_set_level(control->log, control->config->log.level);
	for (size_t i = 0; i < control_module_count; i++)
		if (control_modules[i].reload != NULL
			&& module_is_wanted(control, &control_modules[i]))
			control_modules[i].reload(control);
}

int control_reload(struct control *control, config_changed *changed, void *context)
{
	struct observer observer = {control, changed, context};
	struct config_report report = {0};
	struct config *fresh = tls_config_load(control->config_path, &report);

	log_report(control, &report);
	config_report_free(&report);
	if (fresh == NULL || config_apply(control->config, fresh, observe, &observer) != 0) {
		log_event(control->log, LOG_LEVEL_ERROR, "reload-failed",
			LOG_TEXT("file", control->config_path),
			LOG_TEXT("in-force", "what was before"));
		return -EINVAL;
	}
	reload_modules(control);
	log_event(
		control->log, LOG_LEVEL_NOTICE, "reloaded", LOG_TEXT("file", control->config_path));
	return 0;
}

void control_set_ready(struct control *control, const char *waits_for)
{
	bool changed = control->ready != (waits_for == NULL) || control->waits_for != waits_for;

	control->ready = waits_for == NULL;
	control->waits_for = waits_for;
	if (!changed)
		return;
	if (control->ready)
		log_event(control->log, LOG_LEVEL_NOTICE, "ready");
	else
		log_event(control->log, LOG_LEVEL_NOTICE, "not-ready",
			LOG_TEXT("waits-for", waits_for));
	if (control->ready_changed != NULL)
		control->ready_changed(control->ready_context);
}

void control_fault(
	const struct control *control, const char *id, const char *hint, const char *format, ...)
{
	const char *priority = log_is_journal(STDERR_FILENO) ? "<3>" : "";
	char what[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	fprintf(stderr, "%sweir-control: %s   [%s]\n", priority, what, id);
	if (hint != NULL)
		fprintf(stderr, "%s  = %s\n", priority, hint);
}

const char *control_place(
	const struct control *control, const void *member, char *out, size_t capacity)
{
	unsigned line = config_line(control->config, member);
	const char *slash = strrchr(control->config_path, '/');
	const char *file = slash == NULL ? control->config_path : slash + 1;

	if (line == 0)
		snprintf(out, capacity, "%s", file);
	else
		snprintf(out, capacity, "%s:%u", file, line);
	return out;
}
