// parameter.h: walks ";name" and ";name=value" of URIs, name-addrs and Vias (RFC 3261 section 25.1, generic-param).

#pragma once

#include <weir/span.h>

#include <stdbool.h>

struct parameter {
	struct slice whole; // from the ';' to the end of the value, white space behind it left out
	struct slice name;
	struct slice value; // with its quotes; length 0 if absent or empty
};

struct parameter_cursor {
	const uint8_t *base;
	uint32_t at; // where the next one begins
	uint32_t end;
	struct parameter parameter; // the one last returned
};

void parameter_begin(struct parameter_cursor *cursor, const uint8_t *base, struct slice parameters);
// True while there is one more. After the last one parameter_is_done() tells the end from what is no parameter.
[[nodiscard]] bool parameter_next(struct parameter_cursor *cursor);

static inline bool parameter_is_done(const struct parameter_cursor *cursor)
{
	return cursor->at == cursor->end;
}

static inline bool parameter_is(const struct parameter_cursor *cursor, struct span name)
{
	return span_equal_nocase(slice_span(cursor->base, cursor->parameter.name), name);
}
