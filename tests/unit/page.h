// page.h: reads the tables and the fenced blocks of a Markdown page, for tests that take their vectors from the docs.

#pragma once

#include <weir/span.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

struct page {
	char *text; // ends in NUL
};

enum { TABLE_ROWS_MAX = 64 };

struct table {
	const char *row[TABLE_ROWS_MAX]; // each from its first '|'
	unsigned rows; // head and rule not counted
};

static inline void page_open(struct page *page, const char *path)
{
	FILE *file = fopen(path, "r");
	size_t size = 0;

	cr_assert(file != NULL, "%s", path);
	page->text = NULL;
	cr_assert(getdelim(&page->text, &size, 0, file) > 0);
	fclose(file);
}

static inline void page_close(struct page *page)
{
	free(page->text);
}

// The text behind a heading that stands on a line of its own.
static inline const char *heading_find(const struct page *page, const char *heading)
{
	size_t length = strlen(heading);
	const char *at = page->text;

	do {
		at = strstr(at + 1, heading);
		cr_assert(at != NULL, "no heading '%s'", heading);
	} while (at[-1] != '\n' || at[length] != '\n');
	return at + length + 1;
}

static inline const char *line_next(const char *line)
{
	const char *end = strchr(line, '\n');

	return end == NULL ? line + strlen(line) : end + 1;
}

// The first table under a heading.
static inline struct table table_find(const struct page *page, const char *heading)
{
	struct table table = {.rows = 0};
	const char *line = heading_find(page, heading);

	while (*line != '|' && *line != '\0')
		line = line_next(line);
	line = line_next(line_next(line));
	for (; *line == '|' && table.rows < TABLE_ROWS_MAX; line = line_next(line))
		table.row[table.rows++] = line;
	return table;
}

// A cell without the spaces and backticks around it.
static inline struct span cell(const struct table *table, unsigned row, unsigned column)
{
	const char *at = table->row[row] + 1;
	const char *end;

	while (column-- > 0) {
		at += strcspn(at, "|\n");
		cr_assert(*at == '|');
		at++;
	}
	end = at + strcspn(at, "|\n");
	while (at < end && (*at == ' ' || *at == '`'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '`'))
		end--;
	return span_of(at, (size_t)(end - at));
}

static inline uint64_t cell_number(
	const struct table *table, unsigned row, unsigned column, int base)
{
	struct span text = cell(table, row, column);
	char *end;
	uint64_t number = strtoull((const char *)text.octets, &end, base);

	cr_assert(text.length > 0 && (const uint8_t *)end == text.octets + text.length);
	return number;
}

static inline void cell_hex(
	const struct table *table, unsigned row, unsigned column, uint8_t *out, size_t length)
{
	struct span text = cell(table, row, column);

	cr_assert(text.length == 2 * length);
	for (size_t i = 0; i < length; i++) {
		char digits[3] = {(char)text.octets[2 * i], (char)text.octets[2 * i + 1]};
		char *end;

		out[i] = (uint8_t)strtoul(digits, &end, 16);
		cr_assert(end == digits + 2);
	}
}

// The first fenced block under a heading, its lines ended by CRLF. Returns its length.
static inline size_t fenced_read(
	const struct page *page, const char *heading, uint8_t *out, size_t capacity)
{
	const char *at = strstr(heading_find(page, heading), "```\n");
	size_t length = 0;

	cr_assert(at != NULL);
	for (at += 4; strncmp(at, "```", 3) != 0; at++) {
		cr_assert(*at != '\0' && length + 2 <= capacity);
		if (*at == '\n')
			out[length++] = '\r';
		out[length++] = (uint8_t)*at;
	}
	return length;
}
