// command.h: what can be asked of weir-control: one table for the text socket, JSON-RPC, weirctl, its help and its completion.
//
// A command is a noun and a verb ("flows show"; some are a noun alone); its JSON-RPC method is "flows.show". A result is a JSON
// object. Text is made of it by one renderer: a list as a table by the command's columns, everything else as lines of key and
// value. A key that ends in a unit (_s, _ms, _us, _octets, _percent, _count) is shown without it, its number in a readable form.

#pragma once

#include <weir/span.h>

#include <jansson.h>
#include <stdio.h>

// Who may: read-group, operator-group, group of `admin` in the configuration.
enum command_level {
	COMMAND_NOBODY,
	COMMAND_VIEW,
	COMMAND_OPERATOR,
	COMMAND_ADMIN,
};

enum parameter_type {
	PARAMETER_TEXT, // JSON string
	PARAMETER_NUMBER, // JSON integer, 0 to 2^32-1
	PARAMETER_DURATION, // JSON string, "10m"
	PARAMETER_FLAG, // JSON boolean; in text --name alone
	PARAMETER_WORD, // JSON string, one of `words`
};

struct command_parameter {
	const char *name;
	enum parameter_type type;
	bool positional; // in text without "--name"; required
	const char *words; // WORD: "error|warning"
	const char *help;
};

struct command_column {
	const char *key;
	const char *title;
};

enum {
	COMMAND_PARAMETERS_MAX = 6,
	COMMAND_COLUMNS_MAX = 12,
	COMMAND_LINE_MAX = 4096, // octets of a text command
	COMMAND_TEXT_MAX = 1024, // octets of a parameter
};

struct command {
	const char *noun;
	const char *verb; // "" for a noun alone
	enum command_level level;
	const char *help;
	const char *list; // key of the result's list of objects; NULL: none
	struct command_column columns[COMMAND_COLUMNS_MAX]; // end with a NULL key
	struct command_parameter parameters[COMMAND_PARAMETERS_MAX]; // end with a NULL name
};

extern const struct command command_table[];
extern const size_t command_count;

// By "flows.show" or "status"; NULL: there is none.
const struct command *command_find(struct span method);
// Writes "flows.show"; returns out, which holds 64.
const char *command_method(const struct command *command, char *out, size_t capacity);
// "flows show [--limit NUMBER]"
void command_print_usage(const struct command *command, FILE *out);
// All commands, a line each.
void command_print_list(FILE *out);

// JSON parameters, an object or NULL. False: `why` (COMMAND_WHY octets) says what is wrong with them.
enum {
	COMMAND_WHY = 160,
};
[[nodiscard]] bool command_check(const struct command *command, json_t *parameters, char *why);

// Words of a text command: "flows show --limit 5", quotes around what contains spaces. Returns the command and sets *parameters, a new
// reference; NULL: `why` says what is wrong. "show flows" is read as "flows show".
[[nodiscard]] const struct command *command_read_line(
	struct span line, json_t **parameters, char *why);
// The same from words that are apart already.
[[nodiscard]] const struct command *command_read_words(
	const char *const *words, size_t count, json_t **parameters, char *why);

// A result as text. color: mark what is wrong with ANSI colours.
void command_render(const struct command *command, const json_t *result, bool color, FILE *out);
