#include "commands.h"

#include "../config/quantity.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	COMMANDS_MAX = 64,
	SECTIONS_MAX = 16,
	MESSAGE_OCTETS = 256,
};

struct commands {
	struct {
		command_handler *handler;
		void *context;
	} answers[COMMANDS_MAX]; // by place in command_table
	struct {
		const char *name;
		status_handler *handler;
		void *context;
	} sections[SECTIONS_MAX];
	size_t section_count;
};

struct command_call {
	json_t *parameters; // or NULL
	command_done *done; // NULL: abandoned
	void *context;
	bool starting; // inside commands_start(), which frees it
	bool answered;
};

struct commands *commands_new(void)
{
	assert(command_count <= COMMANDS_MAX);
	return calloc(1, sizeof(struct commands));
}

void commands_free(struct commands *commands)
{
	free(commands);
}

void commands_register(
	struct commands *commands, const char *method, command_handler *handler, void *context)
{
	const struct command *command = command_find(span_of(method, strlen(method)));

	assert(command != NULL);
	commands->answers[command - command_table].handler = handler;
	commands->answers[command - command_table].context = context;
}

int commands_register_status(
	struct commands *commands, const char *section, status_handler *handler, void *context)
{
	if (commands->section_count == SECTIONS_MAX)
		return -ENOSPC;
	commands->sections[commands->section_count].name = section;
	commands->sections[commands->section_count].handler = handler;
	commands->sections[commands->section_count].context = context;
	commands->section_count++;
	return 0;
}

void commands_unregister_status(struct commands *commands, const char *section)
{
	size_t kept = 0;

	for (size_t i = 0; i < commands->section_count; i++)
		if (strcmp(commands->sections[i].name, section) != 0)
			commands->sections[kept++] = commands->sections[i];
	commands->section_count = kept;
}

void commands_describe(const struct commands *commands, json_t *result)
{
	for (size_t i = 0; i < commands->section_count; i++) {
		json_t *section = json_object();

		if (section == NULL)
			return;
		commands->sections[i].handler(commands->sections[i].context, section);
		json_object_set_new(result, commands->sections[i].name, section);
	}
}

static void call_free(struct command_call *call)
{
	json_decref(call->parameters);
	free(call);
}

// result is consumed.
static void call_end(
	struct command_call *call, json_t *result, enum command_error error, const char *message)
{
	assert(!call->answered);
	call->answered = true;
	if (call->done != NULL)
		call->done(call->context, result, error, message);
	else
		json_decref(result);
	if (!call->starting)
		call_free(call);
}

void command_reply(struct command_call *call, json_t *result)
{
	if (result == NULL)
		call_end(call, NULL, COMMAND_INTERNAL_ERROR, "out of memory");
	else
		call_end(call, result, 0, NULL);
}

void command_refuse(struct command_call *call, enum command_error error, const char *format, ...)
{
	char message[MESSAGE_OCTETS];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	call_end(call, NULL, error, message);
}

const char *command_text(const struct command_call *call, const char *name)
{
	return json_string_value(json_object_get(call->parameters, name));
}

uint32_t command_number(const struct command_call *call, const char *name, uint32_t otherwise)
{
	const json_t *value = json_object_get(call->parameters, name);

	return value == NULL ? otherwise : (uint32_t)json_integer_value(value);
}

bool command_flag(const struct command_call *call, const char *name)
{
	return json_is_true(json_object_get(call->parameters, name));
}

uint64_t command_duration(const struct command_call *call, const char *name)
{
	const char *text = command_text(call, name);
	uint64_t milliseconds;

	if (text == NULL
		|| !quantity_read(span_of(text, strlen(text)), duration_units, &milliseconds))
		return 0;
	return milliseconds;
}

static const char *level_name(enum command_level level)
{
	static const char *const names[] = {"nobody", "view", "operator", "admin"};

	return names[level];
}

// Refuses, or hands the call to its handler.
static void call_begin(struct commands *commands, const struct command *command,
	enum command_level level, struct command_call *call)
{
	size_t place = (size_t)(command - command_table);
	char why[COMMAND_WHY];

	if (level < command->level)
		command_refuse(call, COMMAND_FORBIDDEN, "this takes level %s, and you have %s",
			level_name(command->level), level_name(level));
	else if (!command_check(command, call->parameters, why))
		command_refuse(call, COMMAND_INVALID_PARAMETERS, "%s", why);
	else if (commands->answers[place].handler == NULL)
		command_refuse(call, COMMAND_UNAVAILABLE, "nothing here answers '%s%s%s'",
			command->noun, command->verb[0] == '\0' ? "" : " ", command->verb);
	else
		commands->answers[place].handler(commands->answers[place].context, call);
}

struct command_call *commands_start(struct commands *commands, const struct command *command,
	json_t *parameters, enum command_level level, command_done *done, void *context)
{
	struct command_call *call = calloc(1, sizeof(*call));

	if (call == NULL) {
		done(context, NULL, COMMAND_INTERNAL_ERROR, "out of memory");
		return NULL;
	}
	call->parameters = json_incref(parameters);
	call->done = done;
	call->context = context;
	call->starting = true;
	call_begin(commands, command, level, call);
	call->starting = false;
	if (!call->answered)
		return call;
	call_free(call);
	return NULL;
}

void command_abandon(struct command_call *call)
{
	call->done = NULL;
}
