#include "answers.h"

#include <stdlib.h>

// As text: "flows show [--limit NUMBER]".
static json_t *usage_write(const struct command *command)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	json_t *usage;

	if (stream == NULL)
		return NULL;
	command_print_usage(command, stream);
	fclose(stream);
	usage = json_stringn(text, length);
	free(text);
	return usage;
}

void answer_help(void *context, struct command_call *call)
{
	static const char *const levels[] = {"nobody", "view", "operator", "admin"};
	json_t *list = json_array();

	for (size_t i = 0; i < command_count; i++)
		json_array_append_new(list,
			json_pack("{s:o, s:s, s:s}", "command", usage_write(&command_table[i]),
				"level", levels[command_table[i].level], "help",
				command_table[i].help));
	command_reply(call, json_pack("{s:o}", "commands", list));
}
