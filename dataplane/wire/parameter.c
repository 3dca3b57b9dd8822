// parameter.c: see parameter.h.

#include "parameter.h"

#include "octet.h"
#include "poison.h"

#include <weir/uri.h>

void parameter_begin(struct parameter_cursor *cursor, const uint8_t *base, struct slice parameters)
{
	cursor->base = base;
	cursor->at = parameters.offset;
	cursor->end = slice_end(parameters);
}

// Names in URIs may hold what tokens may not and the other way round; none of it divides.
enum { NAME = OCTET_TOKEN | OCTET_URI_PARAMETER };

// The end of the value that begins at `at`; 0 for an unclosed quote.
static uint32_t value_skip(const struct parameter_cursor *cursor, uint32_t at)
{
	if (at < cursor->end && cursor->base[at] == '"')
		return octets_skip_quoted(cursor->base, at, cursor->end);
	return octets_skip(cursor->base, at, cursor->end, OCTET_VALUE);
}

bool parameter_next(struct parameter_cursor *cursor)
{
	const uint8_t *base = cursor->base;
	uint32_t end = cursor->end, begin = cursor->at;

	if (begin == end || base[begin] != ';')
		return false;
	uint32_t name = octets_skip(base, begin + 1, end, OCTET_SPACE);
	uint32_t name_end = octets_skip(base, name, end, NAME);

	if (name == name_end)
		return false;
	uint32_t value = name_end, value_end = name_end;
	uint32_t at = octets_skip(base, name_end, end, OCTET_SPACE);

	if (at < end && base[at] == '=') {
		value = octets_skip(base, at + 1, end, OCTET_SPACE);
		value_end = value_skip(cursor, value);
		if (value_end == 0)
			return false;
		at = octets_skip(base, value_end, end, OCTET_SPACE);
	}
	cursor->parameter = (struct parameter){
		.whole = slice_between(begin, value_end),
		.name = slice_between(name, name_end),
		.value = slice_between(value, value_end),
	};
	cursor->at = at;
	return true;
}

bool parameter_find(
	const uint8_t *base, struct slice parameters, struct span name, struct slice *value)
{
	struct parameter_cursor cursor;

	parameter_begin(&cursor, base, parameters);
	while (parameter_next(&cursor)) {
		if (!parameter_is(&cursor, name))
			continue;
		*value = cursor.parameter.value;
		return true;
	}
	return false;
}

unsigned parameter_count(const uint8_t *base, struct slice parameters, struct span name)
{
	struct parameter_cursor cursor;
	unsigned count = 0;

	parameter_begin(&cursor, base, parameters);
	while (parameter_next(&cursor))
		count += parameter_is(&cursor, name);
	return count;
}
