// header_lines.h: header lines that the parser checks but does not keep: found by their name when somebody asks.

#pragma once

#include <weir/message.h>

// Slices of the message.
struct header_text {
	struct slice line; // with its CRLF and folded continuations
	struct slice value; // without white space at both ends
};

// The next line of that name at or behind `from` (0: from the first). False: none.
[[nodiscard]] bool header_line_find(
	const struct message *message, struct span name, uint16_t from, struct header_text *found);
// The first value of a comma-separated list: commas in quoted strings and angle brackets do not divide. The list is no longer than a message.
struct slice header_list_first(struct span list);
