#include "apply.h"

#include "arena.h"
#include "scalar.h"

#include <errno.h>

struct applier {
	struct arena *scratch;
	config_changed *changed;
	void *context;
};

struct list {
	uint8_t *items;
	size_t count;
};

static bool row_is_list(const struct schema_row *row)
{
	return row->type == SCHEMA_LIST || row->flags & SCHEMA_MANY;
}

static bool word_equal(
	struct applier *applier, const struct schema_row *row, const uint8_t *a, const uint8_t *b)
{
	const char *left = scalar_write(row, a, applier->scratch);
	const char *right = scalar_write(row, b, applier->scratch);

	if (left == NULL || right == NULL)
		return left == right;
	return strcmp(left, right) == 0;
}

static struct list list_at(const uint8_t *member)
{
	struct list list;

	memcpy(&list, member, sizeof(list));
	return list;
}

// True if the rows under `path` are equal, those that are live apart if `but_live`.
static bool section_equal(struct applier *applier, const char *path, const uint8_t *a,
	const uint8_t *b, bool but_live);

static bool list_equal(struct applier *applier, const struct schema_row *row, const uint8_t *a,
	const uint8_t *b, bool but_live)
{
	struct list left = list_at(a);
	struct list right = list_at(b);

	if (left.count != right.count)
		return false;
	for (size_t i = 0; i < left.count; i++) {
		const uint8_t *x = left.items + i * row->size;
		const uint8_t *y = right.items + i * row->size;

		if (row->flags & SCHEMA_MANY ? !word_equal(applier, row, x, y)
					     : !section_equal(applier, row->path, x, y, but_live))
			return false;
	}
	return true;
}

static bool row_equal(struct applier *applier, const struct schema_row *row, const uint8_t *a,
	const uint8_t *b, bool but_live)
{
	if (row->type == SCHEMA_SECTION)
		return section_equal(applier, row->path, a, b, but_live);
	if (row_is_list(row))
		return list_equal(applier, row, a + row->offset, b + row->offset, but_live);
	return word_equal(applier, row, a + row->offset, b + row->offset);
}

static bool section_equal(struct applier *applier, const char *path, const uint8_t *a,
	const uint8_t *b, bool but_live)
{
	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++) {
		if (!schema_is_child(path, row) || row->flags & SCHEMA_LATER)
			continue;
		if (row->type != SCHEMA_SECTION && row->size == 0)
			continue;
		if (but_live && row->applies == APPLIES_LIVE && row->type != SCHEMA_SECTION)
			continue;
		if (!row_equal(applier, row, a, b, but_live))
			return false;
	}
	return true;
}

static void apply_section(
	struct applier *applier, const char *path, uint8_t *running, const uint8_t *fresh);

static void apply_entries(struct applier *applier, const struct schema_row *row, uint8_t *running,
	const uint8_t *fresh)
{
	struct list left = list_at(running + row->offset);
	struct list right = list_at(fresh + row->offset);

	for (size_t i = 0; i < left.count; i++)
		apply_section(applier, row->path, left.items + i * row->size,
			right.items + i * row->size);
}

static void apply_row(struct applier *applier, const struct schema_row *row, uint8_t *running,
	const uint8_t *fresh)
{
	size_t size = row_is_list(row) ? sizeof(struct list) : row->size;
	bool live = row->applies == APPLIES_LIVE;

	if (row->type == SCHEMA_LIST
		&& list_equal(applier, row, running + row->offset, fresh + row->offset, true)) {
		apply_entries(applier, row, running, fresh);
		return;
	}
	applier->changed(applier->context, row, live);
	if (live)
		memcpy(running + row->offset, fresh + row->offset, size);
}

static void apply_section(
	struct applier *applier, const char *path, uint8_t *running, const uint8_t *fresh)
{
	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++) {
		if (!schema_is_child(path, row) || row->flags & SCHEMA_LATER)
			continue;
		if (row->type == SCHEMA_SECTION)
			apply_section(applier, row->path, running, fresh);
		else if (row->size != 0 && !row_equal(applier, row, running, fresh, false))
			apply_row(applier, row, running, fresh);
	}
}

int config_apply(
	struct config *running, struct config *fresh, config_changed *changed, void *context)
{
	struct applier applier = {.changed = changed, .context = context};

	applier.scratch = arena_new();
	if (applier.scratch == NULL) {
		config_free(fresh);
		return -ENOMEM;
	}
	if (section_equal(&applier, "", (uint8_t *)running, (uint8_t *)fresh, false)) {
		config_free(fresh);
	} else {
		apply_section(&applier, "", (uint8_t *)running, (uint8_t *)fresh);
		arena_adopt(running->arena, fresh->arena);
	}
	arena_free(applier.scratch);
	return 0;
}
