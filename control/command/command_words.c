// command_words.c: text commands become a command and its parameters.

#include "command.h"

#include <weir/uri.h>

#include <string.h>

enum {
	WORDS_MAX = 32,
};

// The words of a line, cut up in a copy of it.
struct words {
	char text[COMMAND_LINE_MAX + 1];
	const char *word[WORDS_MAX];
	size_t count;
};

static bool is_space(char octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

// One word, in quotes of either kind or without; returns what follows it, NULL for a quote that does not end.
static char *word_cut(char *at, const char **word)
{
	char quote = *at == '"' || *at == '\'' ? *at : '\0';
	char *end;

	if (quote != '\0') {
		*word = ++at;
		end = strchr(at, quote);
		if (end == NULL)
			return NULL;
	} else {
		*word = at;
		for (end = at; *end != '\0' && !is_space(*end); end++)
			;
	}
	if (*end != '\0')
		*end++ = '\0';
	return end;
}

static bool line_cut(struct span line, struct words *words, char *why)
{
	char *at = words->text;

	words->count = 0;
	if (line.length > COMMAND_LINE_MAX || memchr(line.octets, '\0', line.length) != NULL) {
		snprintf(why, COMMAND_WHY, "a command is text of at most %d octets",
			COMMAND_LINE_MAX);
		return false;
	}
	memcpy(words->text, line.octets, line.length);
	words->text[line.length] = '\0';
	while (at != NULL) {
		while (is_space(*at))
			at++;
		if (*at == '\0')
			return true;
		if (words->count == WORDS_MAX)
			break;
		at = word_cut(at, &words->word[words->count++]);
	}
	snprintf(why, COMMAND_WHY, at == NULL ? "a quote does not end" : "too many words");
	return false;
}

static const struct command *find_pair(const char *noun, const char *verb)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(command_table[i].noun, noun) == 0
			&& strcmp(command_table[i].verb, verb) == 0)
			return &command_table[i];
	return NULL;
}

// *used is set to the number of words that name the command.
static const struct command *find_words(
	const char *const *words, size_t count, size_t *used, char *why)
{
	const struct command *command = NULL;

	*used = 2;
	if (count >= 2)
		command = find_pair(words[0], words[1]);
	if (command == NULL && count >= 2)
		command = find_pair(words[1], words[0]);
	if (command == NULL && count >= 1) {
		command = find_pair(words[0], "");
		*used = 1;
	}
	if (command == NULL)
		snprintf(why, COMMAND_WHY, "there is no command '%.64s%s%.64s'; 'help' lists them",
			count > 0 ? words[0] : "", count > 1 ? " " : "", count > 1 ? words[1] : "");
	return command;
}

static json_t *value_make(const struct command_parameter *parameter, const char *word)
{
	uint64_t number;

	if (parameter->type == PARAMETER_NUMBER
		&& number_parse(span_of(word, strlen(word)), UINT32_MAX, &number))
		return json_integer((json_int_t)number);
	return json_string(
		word); // command_check() refuses what is no number; so it does NULL: not UTF-8
}

static const struct command_parameter *option_find(const struct command *command, const char *word)
{
	for (const struct command_parameter *parameter = command->parameters;
		parameter->name != NULL; parameter++)
		if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, parameter->name) == 0)
			return parameter;
	return NULL;
}

// The first positional parameter that has no value yet.
static const struct command_parameter *positional_find(
	const struct command *command, const json_t *parameters)
{
	for (const struct command_parameter *parameter = command->parameters;
		parameter->name != NULL; parameter++)
		if (parameter->positional && json_object_get(parameters, parameter->name) == NULL)
			return parameter;
	return NULL;
}

static bool parameter_put(
	json_t *parameters, const struct command_parameter *parameter, json_t *value, char *why)
{
	if (value != NULL && json_object_set_new(parameters, parameter->name, value) == 0)
		return true;
	snprintf(why, COMMAND_WHY, "'%s' takes text in UTF-8", parameter->name);
	return false;
}

static bool read_parameters(const struct command *command, const char *const *words, size_t count,
	json_t *parameters, char *why)
{
	for (size_t i = 0; i < count; i++) {
		const struct command_parameter *parameter = option_find(command, words[i]);
		json_t *value;

		if (parameter == NULL && words[i][0] != '-')
			parameter = positional_find(command, parameters);
		else if (parameter != NULL && parameter->type != PARAMETER_FLAG && ++i == count) {
			snprintf(why, COMMAND_WHY, "'--%s' takes a value", parameter->name);
			return false;
		}
		if (parameter == NULL) {
			snprintf(why, COMMAND_WHY, "'%.64s' does not belong to this command",
				words[i]);
			return false;
		}
		value = parameter->type == PARAMETER_FLAG ? json_true()
							  : value_make(parameter, words[i]);
		if (!parameter_put(parameters, parameter, value, why))
			return false;
	}
	return true;
}

const struct command *command_read_words(
	const char *const *words, size_t count, json_t **parameters, char *why)
{
	size_t used;
	const struct command *command = find_words(words, count, &used, why);
	json_t *made;

	if (command == NULL)
		return NULL;
	made = json_object();
	if (made == NULL) {
		snprintf(why, COMMAND_WHY, "out of memory");
		return NULL;
	}
	if (!read_parameters(command, words + used, count - used, made, why)
		|| !command_check(command, made, why)) {
		json_decref(made);
		return NULL;
	}
	*parameters = made;
	return command;
}

const struct command *command_read_line(struct span line, json_t **parameters, char *why)
{
	struct words words;

	if (!line_cut(line, &words, why))
		return NULL;
	return command_read_words(words.word, words.count, parameters, why);
}
