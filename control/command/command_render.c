#include "cell.h"
#include "command.h"

#include <stdlib.h>
#include <string.h>

enum {
	DEPTH_MAX = 8,
	KEY_OCTETS = 128,
};

// --- A list as a table ---

static unsigned column_count(const struct command *command)
{
	unsigned count = 0;

	while (count < COMMAND_COLUMNS_MAX && command->columns[count].key != NULL)
		count++;
	return count;
}

// How wide each column must be; the last one needs no width. used[i]: some entry has it.
static void table_measure(
	const struct command *command, const json_t *list, size_t *widths, bool *used)
{
	char text[CELL_OCTETS];
	const json_t *entry;
	size_t index;

	for (unsigned i = 0; i < column_count(command); i++)
		widths[i] = strlen(command->columns[i].title);
	json_array_foreach(list, index, entry)
	{
		for (unsigned i = 0; i < column_count(command); i++) {
			const char *key = command->columns[i].key;
			const json_t *value = json_object_get(entry, key);
			size_t width = cell_write(key, value, text);

			used[i] |= value != NULL;
			if (width > widths[i])
				widths[i] = width;
		}
	}
}

static void cell_print(
	const char *key, const json_t *value, size_t width, bool last, bool color, FILE *out)
{
	char text[CELL_OCTETS];
	size_t length = cell_write(key, value, text);
	size_t blanks = width > length ? width - length : 0;
	bool right = json_is_number(value);
	const char *paint = color ? cell_color(value) : "";

	if (right)
		fprintf(out, "%*s", (int)blanks, "");
	fprintf(out, "%s%s%s", paint, text, paint[0] == '\0' ? "" : "\033[0m");
	if (!right && !last)
		fprintf(out, "%*s", (int)blanks, "");
	fputs(last ? "\n" : "  ", out);
}

static void table_print(const struct command *command, const json_t *list, bool color, FILE *out)
{
	size_t widths[COMMAND_COLUMNS_MAX] = {0};
	bool used[COMMAND_COLUMNS_MAX] = {false};
	unsigned last = 0;
	const json_t *entry;
	size_t index;

	table_measure(command, list, widths, used);
	for (unsigned i = 0; i < column_count(command); i++)
		if (used[i])
			last = i;
	for (unsigned i = 0; i <= last; i++)
		if (used[i])
			fprintf(out, "%-*s%s", i == last ? 0 : (int)widths[i],
				command->columns[i].title, i == last ? "\n" : "  ");
	json_array_foreach(list, index, entry)
	{
		for (unsigned i = 0; i <= last; i++)
			if (used[i])
				cell_print(command->columns[i].key,
					json_object_get(entry, command->columns[i].key), widths[i],
					i == last, color, out);
	}
}

// --- Everything else as lines of key and value ---

// Calls `each` for every value that is no object, with its whole name: "peers.up".
typedef void value_handler(void *context, const char *name, const json_t *value);

static void values_walk(const json_t *object, const char *prefix, const char *skip, unsigned depth,
	value_handler *each, void *context)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		char name[KEY_OCTETS];

		if (skip != NULL && strcmp(key, skip) == 0)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", key);
		if (json_is_object(value) && depth < DEPTH_MAX) {
			values_walk(value, name, NULL, depth + 1, each, context);
			continue;
		}
		const json_t *entry = json_array_get(value, 0);
		size_t index;

		if (!json_is_object(entry)) {
			each(context, name, value);
			continue;
		}
		json_array_foreach(value, index, entry)
		{
			char numbered[KEY_OCTETS + 24];

			snprintf(numbered, sizeof(numbered), "%s[%zu]", name, index + 1);
			values_walk(entry, numbered, NULL, depth + 1, each, context);
		}
	}
}

static void width_raise(void *context, const char *name, const json_t *value)
{
	size_t *width = context;
	size_t length = cell_title_length(name);

	if (length > *width)
		*width = length;
}

struct value_printer {
	size_t width;
	bool color;
	FILE *out;
};

static void value_print(void *context, const char *name, const json_t *value)
{
	struct value_printer *printer = context;
	char text[CELL_OCTETS];
	size_t length = cell_title_length(name);
	const char *paint = printer->color ? cell_color(value) : "";

	cell_write(name, value, text);
	fprintf(printer->out, "%.*s%*s  %s%s%s\n", (int)length, name,
		(int)(printer->width - length), "", paint, text, paint[0] == '\0' ? "" : "\033[0m");
}

void command_render(const struct command *command, const json_t *result, bool color, FILE *out)
{
	struct value_printer printer = {.color = color, .out = out};
	const json_t *list = command->list == NULL ? NULL : json_object_get(result, command->list);

	values_walk(result, "", command->list, 0, width_raise, &printer.width);
	values_walk(result, "", command->list, 0, value_print, &printer);
	if (json_array_size(list) > 0)
		table_print(command, list, color, out);
	else if (list != NULL && json_object_size(result) == 1)
		fprintf(out, "no %s\n", command->list);
}
