// value.c: walks the comma lists of headers (RFC 3261 section 7.3.1).

#include "octet.h"
#include "poison.h"

#include <weir/message.h>

void value_begin(struct value_cursor *cursor, const struct message *message, enum header header)
{
	*cursor = (struct value_cursor){
		.message = message,
		.line = MESSAGE_LINE_NONE,
		.next_line = message->first[header],
	};
}

// The comma that ends the value which begins at `at`, or end. A quote that is not closed goes on to the end of the line.
static uint32_t comma_find(const uint8_t *base, uint32_t at, uint32_t end)
{
	while (at < end) {
		const uint8_t *close;

		if (!octet_is(base[at], OCTET_DIVIDER)) {
			at++;
			continue;
		}
		if (base[at] == ',')
			return at;
		if (base[at] == '"') {
			at = octets_skip_quoted(base, at, end);
			if (at == 0)
				return end;
			continue;
		}
		// Nothing divides up to the bracket that closes this one.
		close = memchr(base + at, '>', end - at);
		if (close == NULL)
			return end;
		at = (uint32_t)(close - base) + 1;
	}
	return end;
}

bool value_next(struct value_cursor *cursor)
{
	if (cursor->next_line == MESSAGE_LINE_NONE)
		return false;
	const uint8_t *base = cursor->message->octets;
	const struct header_line *line = &cursor->message->lines[cursor->next_line];
	uint32_t begin = cursor->next_offset == 0 ? line->value_offset : cursor->next_offset;
	uint32_t end = (uint32_t)line->value_offset + line->value_length;
	uint32_t comma = comma_find(base, begin, end);

	cursor->value = slice_trim(base, begin, comma);
	cursor->line = cursor->next_line;
	if (comma < end) {
		cursor->next_offset = (uint16_t)(comma + 1);
	} else {
		cursor->next_line = line->next;
		cursor->next_offset = 0;
	}
	return true;
}

bool message_has_token(const struct message *message, enum header header, struct span token)
{
	struct value_cursor cursor;

	value_begin(&cursor, message, header);
	while (value_next(&cursor))
		if (span_equal_nocase(message_span(message, cursor.value), token))
			return true;
	return false;
}
