#include "render.h"

#include "arena.h"
#include "scalar.h"
#include "schema.h"

struct renderer {
	const struct config *config;
	struct arena *arena;
	bool defaults;
};

struct list {
	const uint8_t *items;
	size_t count;
};

static json_t *render_section(
	const struct renderer *renderer, const char *path, const uint8_t *base);

static json_t *render_word(
	const struct renderer *renderer, const struct schema_row *row, const void *value)
{
	const char *word = scalar_write(row, value, renderer->arena);

	if (word == NULL)
		return NULL;
	return json_string(row->flags & SCHEMA_SECRET ? "(hidden)" : word);
}

static json_t *render_list(
	const struct renderer *renderer, const struct schema_row *row, const uint8_t *member)
{
	json_t *array = json_array();
	struct list list;

	memcpy(&list, member, sizeof(list));
	for (size_t i = 0; i < list.count; i++) {
		const uint8_t *item = list.items + i * row->size;
		json_t *value = row->flags & SCHEMA_MANY
			? render_word(renderer, row, item)
			: render_section(renderer, row->path, item);

		if (value == NULL || json_array_append_new(array, value) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static bool row_is_shown(
	const struct renderer *renderer, const struct schema_row *row, const uint8_t *base)
{
	unsigned roles = row->flags & (SCHEMA_EDGE | SCHEMA_CORE);
	unsigned role = renderer->config->role == ROLE_EDGE ? SCHEMA_EDGE : SCHEMA_CORE;

	if (row->flags & SCHEMA_LATER || (roles != 0 && (roles & role) == 0))
		return false;
	if (row->type == SCHEMA_SECTION)
		return true;
	return row->size != 0
		&& (renderer->defaults || config_line(renderer->config, base + row->offset) != 0);
}

static json_t *render_row(
	const struct renderer *renderer, const struct schema_row *row, const uint8_t *base)
{
	json_t *section;

	if (row->type == SCHEMA_LIST || row->flags & SCHEMA_MANY)
		return render_list(renderer, row, base + row->offset);
	if (row->type != SCHEMA_SECTION)
		return render_word(renderer, row, base + row->offset);
	section = render_section(renderer, row->path, base);
	if (json_object_size(section) > 0)
		return section;
	json_decref(section);
	return NULL;
}

// Keys without a value are left out.
static json_t *render_section(
	const struct renderer *renderer, const char *path, const uint8_t *base)
{
	json_t *section = json_object();

	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++) {
		if (!schema_is_child(path, row) || !row_is_shown(renderer, row, base))
			continue;
		struct span key = schema_key(row);
		json_t *value = render_row(renderer, row, base);

		if (value != NULL
			&& json_object_setn_new(
				   section, (const char *)key.octets, key.length, value)
				!= 0) {
			json_decref(section);
			return NULL;
		}
	}
	return section;
}

json_t *config_render(const struct config *config, bool defaults)
{
	struct renderer renderer = {.config = config, .defaults = defaults};
	json_t *rendered;

	renderer.arena = arena_new();
	if (renderer.arena == NULL)
		return NULL;
	rendered = render_section(&renderer, "", (const uint8_t *)config);
	arena_free(renderer.arena);
	return rendered;
}

static json_t *fault_write(const struct config_fault *fault)
{
	return json_pack("{s:i, s:i, s:s, s:s, s:s*}", "line", (int)fault->mark.line, "column",
		(int)fault->mark.column, "severity",
		fault->severity == CONFIG_ERROR ? "error" : "warning", "message", fault->message,
		"hint", fault->hint);
}

json_t *config_render_report(const struct config_report *report)
{
	json_t *list = json_array();

	for (const struct config_fault *fault = report->faults; fault != NULL; fault = fault->next)
		json_array_append_new(list, fault_write(fault));
	return json_pack("{s:s, s:b, s:i, s:i, s:o}", "file", report->file, "ok",
		report->errors == 0, "errors", (int)report->errors, "warnings",
		(int)report->warnings, "faults", list);
}
