#include "reader.h"

#include "arena.h"
#include "scalar.h"
#include "schema.h"
#include "suggest.h"
#include "tree.h"

#include <stdarg.h>
#include <stdlib.h>

static void refuse(struct config_reader *reader, struct config_mark mark, const char *message,
	const char *hint)
{
	config_report_add(reader->report, mark, CONFIG_ERROR,
		message == NULL ? "out of memory" : message, hint);
}

// A section's name for people: "cluster.peers[]" is "cluster.peers", the top nothing.
static const char *section_phrase(struct arena *arena, const char *section)
{
	size_t length = strlen(section);

	if (length == 0)
		return "";
	if (section[length - 1] == ']')
		length -= 2;
	const char *phrase = arena_format(arena, " in '%.*s'", (int)length, section);

	return phrase == NULL ? "" : phrase;
}

static void member_mark(struct config_reader *reader, const void *member, struct config_mark mark)
{
	struct config_marks *entry = arena_take(reader->config->arena, sizeof(*entry));

	if (entry == NULL) {
		refuse(reader, mark, NULL, NULL);
		return;
	}
	entry->member = member;
	entry->mark = mark;
	entry->next = reader->config->marks;
	reader->config->marks = entry;
}

static unsigned role_flag(const struct config_reader *reader)
{
	return reader->config->role == ROLE_EDGE ? SCHEMA_EDGE : SCHEMA_CORE;
}

// Keys that belong to the other role.
static bool row_is_foreign(const struct config_reader *reader, const struct schema_row *row)
{
	unsigned roles = row->flags & (SCHEMA_EDGE | SCHEMA_CORE);

	return roles != 0 && (roles & role_flag(reader)) == 0;
}

static void check_key(struct config_reader *reader, const char *section, const struct node *key)
{
	const struct schema_row *row = schema_find(section, key->text);
	struct arena *arena = reader->report->arena;
	const char *name = (const char *)key->text.octets;

	if (row == NULL)
		refuse(reader, key->mark,
			arena_format(
				arena, "unknown key '%s'%s", name, section_phrase(arena, section)),
			suggest_key(arena, section, key->text));
	else if (row->flags & SCHEMA_LATER)
		refuse(reader, key->mark,
			arena_format(arena, "'%s' is not supported by this release", name),
			"take it out");
	else if (row_is_foreign(reader, row))
		refuse(reader, key->mark,
			arena_format(arena, "'%s' is not for 'role: %s'", name,
				reader->config->role == ROLE_EDGE ? "edge" : "core"),
			"take it out");
}

static void refuse_kind(
	struct config_reader *reader, const struct schema_row *row, const struct node *value)
{
	struct arena *arena = reader->report->arena;
	struct span key = schema_key(row);
	const char *hint = NULL;

	if (value->kind == NODE_REFUSED)
		return;
	if (value->kind == NODE_WORD && value->text.length == 0)
		hint = "leave the key out to get its default";
	else if (row->flags & SCHEMA_MANY && value->kind == NODE_WORD)
		hint = arena_format(arena, "write [%s]", (const char *)value->text.octets);
	else if (row->type == SCHEMA_LIST)
		hint = "write one '- {key: value, ...}' a line";
	else if (row->type == SCHEMA_SECTION)
		hint = "write {key: value, ...}";
	refuse(reader, value->mark,
		arena_format(arena, "'%.*s' is a %s", (int)key.length, (const char *)key.octets,
			schema_type_name(row)),
		hint);
}

static void read_word(struct config_reader *reader, const struct schema_row *row,
	const struct node *value, void *out)
{
	struct scalar_fault fault;

	if (value->kind != NODE_WORD) {
		refuse_kind(reader, row, value);
		return;
	}
	// What is not kept is still checked.
	uint64_t discarded[8];

	// Refused ones are marked too: they are not missing.
	if (row->size != 0)
		member_mark(reader, out, value->mark);
	if (!scalar_read(row, value->text, reader->config->arena, row->size == 0 ? discarded : out,
		    &fault))
		refuse(reader, value->mark, fault.message, fault.hint);
}

static void read_default(struct config_reader *reader, const struct schema_row *row, uint8_t *base)
{
	struct span text = span_of(row->initial, strlen(row->initial));
	struct scalar_fault fault;

	if (row->size == 0)
		return;
	if (!scalar_read(row, text, reader->config->arena, base + row->offset, &fault))
		refuse(reader, (struct config_mark){0}, fault.message, row->path);
}

static void read_section(struct config_reader *reader, const char *path, const struct node *section,
	struct config_mark where, uint8_t *base);

// The generic form of CONFIG_LIST.
struct list {
	void *items;
	size_t count;
};

static void read_item(struct config_reader *reader, const struct schema_row *row,
	const struct node *item, uint8_t *out)
{
	if (row->flags & SCHEMA_MANY) {
		read_word(reader, row, item, out);
	} else if (item->kind == NODE_SECTION) {
		member_mark(reader, out, item->mark);
		read_section(reader, row->path, item, item->mark, out);
	} else if (item->kind != NODE_REFUSED) {
		refuse(reader, item->mark, "each entry of this list is a section",
			"write {key: value, ...}");
	}
}

static bool list_begin(struct config_reader *reader, const struct schema_row *row,
	const struct node *value, struct list *list)
{
	struct arena *arena = reader->report->arena;

	for (const struct node *item = value->first; item != NULL; item = item->next)
		list->count++;
	if (row->maximum != 0 && list->count > row->maximum) {
		refuse(reader, value->mark, "this list is too long",
			arena_format(
				arena, "at most %llu entries", (unsigned long long)row->maximum));
		return false;
	}
	list->items = arena_take(reader->config->arena, list->count * row->size);
	if (list->items == NULL)
		refuse(reader, value->mark, NULL, NULL);
	return list->items != NULL;
}

static void read_list(struct config_reader *reader, const struct schema_row *row,
	const struct node *value, uint8_t *base)
{
	struct list list = {0};
	uint8_t *out;

	if (value->kind != NODE_LIST) {
		refuse_kind(reader, row, value);
		return;
	}
	if (!list_begin(reader, row, value, &list))
		return;
	out = list.items;
	for (const struct node *item = value->first; item != NULL; item = item->next) {
		read_item(reader, row, item, out);
		out += row->size;
	}
	memcpy(base + row->offset, &list, sizeof(list));
	member_mark(reader, base + row->offset, value->mark);
}

static void read_value(struct config_reader *reader, const struct schema_row *row,
	const struct node *value, uint8_t *base)
{
	if (row->flags & SCHEMA_LATER || row_is_foreign(reader, row))
		return; // check_key() has refused it
	if (row->type == SCHEMA_LIST || row->flags & SCHEMA_MANY)
		read_list(reader, row, value, base);
	else if (row->type != SCHEMA_SECTION)
		read_word(reader, row, value, base + row->offset);
	else if (value->kind == NODE_SECTION)
		read_section(reader, row->path, value, value->mark, base);
	else
		refuse_kind(reader, row, value);
}

// A required key is there, but misspelt: that is one fault.
static bool row_is_misspelt(
	const struct schema_row *row, const char *path, const struct node *section)
{
	for (const struct node *key = section == NULL ? NULL : section->first; key != NULL;
		key = key->next)
		if (schema_find(path, key->text) == NULL && suggest_row(path, key->text) == row)
			return true;
	return false;
}

static bool row_is_missing(const struct config_reader *reader, const struct schema_row *row,
	const char *path, const struct node *section)
{
	return row->flags & SCHEMA_REQUIRED && !row_is_foreign(reader, row)
		&& !row_is_misspelt(row, path, section);
}

// For defaults; nothing is missing in a section whose name was misspelt.
static void read_absent_section(struct config_reader *reader, const struct schema_row *row,
	const char *path, const struct node *section, struct config_mark where, uint8_t *base)
{
	if (row_is_misspelt(row, path, section))
		where.line = 0;
	read_section(reader, row->path, NULL, where, base);
}

static void read_absent(struct config_reader *reader, const struct schema_row *row,
	const char *path, const struct node *section, struct config_mark where, uint8_t *base)
{
	struct arena *arena = reader->report->arena;
	struct span key = schema_key(row);

	if (row->type == SCHEMA_SECTION && !(row->flags & SCHEMA_LATER))
		read_absent_section(reader, row, path, section, where, base);
	else if (row->initial != NULL)
		read_default(reader, row, base);
	else if (where.line != 0 && row_is_missing(reader, row, path, section))
		refuse(reader, where,
			arena_format(arena, "missing key '%.*s'%s", (int)key.length,
				(const char *)key.octets, section_phrase(arena, path)),
			row->help);
}

// section is NULL if the file does not have it: every key gets its default. where is the place to name for missing keys; line 0: name
// none.
static void read_section(struct config_reader *reader, const char *path, const struct node *section,
	struct config_mark where, uint8_t *base)
{
	where.width = 1;
	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++) {
		if (!schema_is_child(path, row))
			continue;
		const struct node *key =
			section == NULL ? NULL : node_find(section, schema_key(row));

		if (key == NULL)
			read_absent(reader, row, path, section, where, base);
		else
			read_value(reader, row, key->value, base);
	}
	// After the rows, since `role` must have been read.
	for (const struct node *key = section == NULL ? NULL : section->first; key != NULL;
		key = key->next)
		check_key(reader, path, key);
}

static void read_tree(struct config_reader *reader)
{
	struct config_mark top = {.line = 1, .column = 1, .width = 1};
	const struct node *root = tree_read(reader->report->text, reader->report);

	if (root == NULL)
		return;
	if (root->kind != NODE_SECTION) {
		refuse(reader, root->mark, "a configuration is made of sections",
			"begin with 'node:'");
		return;
	}
	read_section(reader, "", root, top, (uint8_t *)reader->config);
	if (config_complete(reader->config))
		config_check(reader);
	else
		refuse(reader, top, NULL, NULL);
}

static struct config *config_new(const char *file)
{
	struct arena *arena = arena_new();
	struct config *config = arena == NULL ? NULL : arena_take(arena, sizeof(*config));

	if (config == NULL) {
		arena_free(arena);
		return NULL;
	}
	config->arena = arena;
	config->file = arena_copy(arena, span_of(file, strlen(file)));
	if (config->file == NULL) {
		arena_free(arena);
		return NULL;
	}
	return config;
}

struct config *config_read(const char *file, struct span text, struct config_report *report)
{
	struct config_reader reader = {.report = report};

	if (!config_report_begin(report, file, text)) {
		report->errors++;
		return NULL;
	}
	reader.config = config_new(file);
	if (reader.config == NULL)
		refuse(&reader, (struct config_mark){0}, NULL, NULL);
	else
		read_tree(&reader);
	if (report->errors > 0) {
		config_free(reader.config);
		return NULL;
	}
	return reader.config;
}

void config_free(struct config *config)
{
	if (config != NULL)
		arena_free(config->arena);
}

struct config_mark config_find_mark(const struct config *config, const void *member)
{
	for (const struct config_marks *entry = config->marks; entry != NULL; entry = entry->next)
		if (entry->member == member)
			return entry->mark;
	return (struct config_mark){0};
}

unsigned config_line(const struct config *config, const void *member)
{
	return config_find_mark(config, member).line;
}

void config_fault(struct config_reader *reader, enum config_severity severity, const void *member,
	const char *hint, const char *format, ...)
{
	char message[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	config_report_add(
		reader->report, config_find_mark(reader->config, member), severity, message, hint);
}
