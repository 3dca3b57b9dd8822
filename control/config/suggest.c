#include "suggest.h"

#include "arena.h"
#include "schema.h"

#include <limits.h>

enum {
	WORD_MAX = 63,
};

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

// Restricted Damerau-Levenshtein distance with three rows of the table.
unsigned suggest_distance(struct span a, struct span b)
{
	unsigned rows[3][WORD_MAX + 1] = {0};
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];

	if (a.length > WORD_MAX || b.length > WORD_MAX)
		return UINT_MAX;
	for (unsigned j = 0; j <= b.length; j++)
		last[j] = j;
	for (unsigned i = 1; i <= a.length; i++) {
		row[0] = i;
		for (unsigned j = 1; j <= b.length; j++) {
			unsigned change = a.octets[i - 1] != b.octets[j - 1];

			row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + change);
			if (i > 1 && j > 1 && a.octets[i - 1] == b.octets[j - 2]
				&& a.octets[i - 2] == b.octets[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		unsigned *spare = before;

		before = last;
		last = row;
		row = spare;
	}
	return last[b.length];
}

const struct schema_row *suggest_row(const char *section, struct span key)
{
	const struct schema_row *nearest = NULL;
	unsigned best = key.length > 3 ? 3 : 2; // farther than that is another word

	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++) {
		if (!schema_is_child(section, row) || row->flags & SCHEMA_LATER)
			continue;
		unsigned distance = suggest_distance(key, schema_key(row));

		if (distance < best) {
			best = distance;
			nearest = row;
		}
	}
	return nearest;
}

static const struct schema_row *elsewhere(struct span key)
{
	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++)
		if (span_equal(schema_key(row), key) && !(row->flags & SCHEMA_LATER))
			return row;
	return NULL;
}

static const char *list_keys(struct arena *arena, const char *section)
{
	const char *list = "known here:";
	const char *comma = "";

	for (const struct schema_row *row = schema_rows; row < schema_rows + schema_row_count;
		row++) {
		if (!schema_is_child(section, row) || row->flags & SCHEMA_LATER || list == NULL)
			continue;
		list = arena_format(arena, "%s%s %.*s", list, comma, (int)schema_key(row).length,
			(const char *)schema_key(row).octets);
		comma = ",";
	}
	return list;
}

const char *suggest_key(struct arena *arena, const char *section, struct span key)
{
	const struct schema_row *row = suggest_row(section, key);

	if (row != NULL)
		return arena_format(arena, "did you mean '%.*s'?", (int)schema_key(row).length,
			(const char *)schema_key(row).octets);
	row = elsewhere(key);
	if (row != NULL)
		return arena_format(arena, "there is '%s'", row->path);
	return list_keys(arena, section);
}
