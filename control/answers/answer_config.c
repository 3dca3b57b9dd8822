#include "../config/apply.h"
#include "../config/render.h"
#include "../tls/tls_check.h"
#include "answers.h"

void answer_config_check(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;
	struct config_report report = {0};

	config_free(tls_config_load(control->config_path, &report));
	command_reply(call, config_render_report(&report));
	config_report_free(&report);
}

void answer_config_show(void *context, struct command_call *call)
{
	const struct control *control = ((struct answers *)context)->control;

	command_reply(call, config_render(control->config, command_flag(call, "defaults")));
}

static json_t *row_write(const struct schema_row *row)
{
	char limits[64];
	json_t *key =
		json_pack("{s:s, s:s, s:s, s:s*}", "key", row->path, "value", schema_type_name(row),
			"change", schema_applies_name(row->applies), "default", row->initial);

	if (schema_write_limits(row, limits, sizeof(limits)))
		json_object_set_new(key, "limits", json_string(limits));
	if (row->words != NULL)
		json_object_set_new(key, "words", json_string(row->words));
	json_object_set_new(key, "help", json_string(row->help));
	return key;
}

void answer_config_schema(void *context, struct command_call *call)
{
	json_t *list = json_array();

	for (size_t i = 0; i < schema_row_count; i++)
		if (!(schema_rows[i].flags & SCHEMA_LATER) && schema_rows[i].type != SCHEMA_SECTION)
			json_array_append_new(list, row_write(&schema_rows[i]));
	command_reply(call, json_pack("{s:o}", "keys", list));
}

static void change_write(void *context, const struct schema_row *row, bool applied)
{
	json_t *list = context;

	json_array_append_new(list,
		json_pack("{s:s, s:b, s:s}", "key", row->path, "applied", applied, "needs",
			applied ? "nothing" : schema_applies_name(row->applies)));
}

void answer_reload(void *context, struct command_call *call)
{
	struct control *control = ((struct answers *)context)->control;
	json_t *changes = json_array();

	if (control_reload(control, change_write, changes) != 0) {
		json_decref(changes);
		command_refuse(call, COMMAND_REFUSED,
			"the file has errors and nothing was changed; 'config check' lists them");
		return;
	}
	command_reply(call, json_pack("{s:o}", "changes", changes));
}
