// cell.h: one value of a result as people read it.

#pragma once

#include <jansson.h>

enum {
	CELL_OCTETS = 1024,
};

// Writes the value (NULL: absent, "-") by the unit that its key ends in; returns its length in characters. out holds CELL_OCTETS.
size_t cell_write(const char *key, const json_t *value, char *out);
// The key's length without its unit.
size_t cell_title_length(const char *key);
// The ANSI words that colour a value which an operator should notice, "" for others.
const char *cell_color(const json_t *value);
