#include "../config/quantity.h"
#include "command.h"

#include <string.h>

static const struct command_parameter *parameter_find(
	const struct command *command, const char *name)
{
	for (const struct command_parameter *parameter = command->parameters;
		parameter->name != NULL; parameter++)
		if (strcmp(parameter->name, name) == 0)
			return parameter;
	return NULL;
}

static bool word_is_listed(const char *words, const char *word)
{
	size_t length = strlen(word);

	while (*words != '\0') {
		size_t next = strcspn(words, "|");

		if (next == length && memcmp(words, word, length) == 0)
			return true;
		words += next + (words[next] == '|');
	}
	return false;
}

static bool check_text(const struct command_parameter *parameter, const json_t *value, char *why)
{
	uint64_t milliseconds;
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);

	if (text == NULL || length == 0 || length > COMMAND_TEXT_MAX) {
		snprintf(why, COMMAND_WHY, "'%s' takes a text of 1 to %d octets", parameter->name,
			COMMAND_TEXT_MAX);
		return false;
	}
	if (parameter->type == PARAMETER_WORD && !word_is_listed(parameter->words, text)) {
		snprintf(why, COMMAND_WHY, "'%s' is one of %s", parameter->name, parameter->words);
		return false;
	}
	if (parameter->type == PARAMETER_DURATION
		&& !quantity_read(span_of(text, length), duration_units, &milliseconds)) {
		snprintf(why, COMMAND_WHY, "'%s' takes a duration such as 30s or 10m",
			parameter->name);
		return false;
	}
	return true;
}

static bool check_value(const struct command_parameter *parameter, const json_t *value, char *why)
{
	if (parameter->type == PARAMETER_FLAG) {
		if (json_is_boolean(value))
			return true;
		snprintf(why, COMMAND_WHY, "'%s' is true or false", parameter->name);
		return false;
	}
	if (parameter->type != PARAMETER_NUMBER)
		return check_text(parameter, value, why);
	if (json_is_integer(value) && json_integer_value(value) >= 0
		&& json_integer_value(value) <= UINT32_MAX)
		return true;
	snprintf(why, COMMAND_WHY, "'%s' takes a whole number", parameter->name);
	return false;
}

bool command_check(const struct command *command, json_t *parameters, char *why)
{
	const char *name;
	json_t *value;

	if (parameters != NULL && !json_is_object(parameters)) {
		snprintf(why, COMMAND_WHY, "parameters have names: write an object");
		return false;
	}
	json_object_foreach(parameters, name, value)
	{
		const struct command_parameter *parameter = parameter_find(command, name);

		if (parameter == NULL) {
			snprintf(why, COMMAND_WHY, "there is no parameter '%.64s'", name);
			return false;
		}
		if (!check_value(parameter, value, why))
			return false;
	}
	for (const struct command_parameter *parameter = command->parameters;
		parameter->name != NULL; parameter++) {
		if (!parameter->positional || json_object_get(parameters, parameter->name) != NULL)
			continue;
		snprintf(why, COMMAND_WHY, "'%s' is missing: %s", parameter->name, parameter->help);
		return false;
	}
	return true;
}
