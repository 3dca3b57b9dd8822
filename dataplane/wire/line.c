// line.c: see line.h.

#include "line.h"

#include "header.h"
#include "octet.h"
#include "poison.h"
#include "scan.h"
#include "start_line.h"

struct line_reader {
	struct message *message;
	uint32_t begin; // of the line last returned
	uint32_t end; // its CR
	uint32_t next; // where the next line begins
	unsigned index; // of its end in scan.ends
	enum scan_stop stop;
	struct scan scan;
	uint8_t last[HEADER_COUNT]; // the last line of each header that has a first one
};

static bool line_next(struct line_reader *reader)
{
	if (reader->index == reader->scan.count) {
		if (reader->stop != SCAN_FULL)
			return false;
		reader->stop =
			scan_lines(reader->message->octets, reader->message->length, &reader->scan);
		reader->index = 0;
		if (reader->scan.count == 0)
			return false;
	}
	reader->begin = reader->next;
	reader->end = reader->scan.ends[reader->index++];
	reader->next = reader->end + 2;
	return true;
}

// RFC 3261 section 25.1 lets a backslash in a quoted string take a control octet (RFC 4475 section 3.1.1.2 tries it); nowhere
// else may one stand. CR and LF in a line are the breaks of its folds.
static bool controls_are_quoted(const uint8_t *base, uint32_t at, uint32_t end)
{
	bool quoted = false;

	for (; at < end; at++) {
		if (base[at] == '"')
			quoted = !quoted;
		else if (base[at] == '\\' && quoted && at + 1 < end)
			at++;
		else if ((base[at] < ' ' && !octet_is(base[at], OCTET_SPACE)) || base[at] == 0x7f)
			return false;
	}
	return true;
}

static enum message_fault line_keep(
	struct line_reader *reader, enum header header, uint32_t value_begin)
{
	struct message *message = reader->message;
	uint8_t index = message->line_count;
	struct slice value = slice_trim(message->octets, value_begin, reader->end);

	if (index == MESSAGE_LINES_MAX)
		return MESSAGE_TOO_MANY_LINES;
	message->lines[index] = (struct header_line){
		.offset = (uint16_t)reader->begin,
		.length = (uint16_t)(reader->next - reader->begin),
		.value_offset = value.offset,
		.value_length = value.length,
		.header = (uint8_t)header,
		.next = MESSAGE_LINE_NONE,
	};
	if (message->first[header] == MESSAGE_LINE_NONE)
		message->first[header] = index;
	else
		message->lines[reader->last[header]].next = index;
	reader->last[header] = index;
	message->line_count++;
	return MESSAGE_OK;
}

static enum message_fault line_take(struct line_reader *reader)
{
	const struct message *message = reader->message;
	const uint8_t *base = message->octets;
	uint32_t name_end = octets_skip(base, reader->begin, reader->end, OCTET_TOKEN);
	uint32_t colon = name_end;

	while (colon < reader->end && (base[colon] == ' ' || base[colon] == '\t'))
		colon++;
	if (name_end == reader->begin || colon == reader->end || base[colon] != ':')
		return MESSAGE_HEADER_SYNTAX;
	if (reader->scan.control && !controls_are_quoted(base, colon + 1, reader->end))
		return MESSAGE_HEADER_SYNTAX;
	enum header header = header_find(span_of(base + reader->begin, name_end - reader->begin));

	if (header == HEADER_OTHER)
		return MESSAGE_OK;
	if (message->first[header] != MESSAGE_LINE_NONE && header_is_single(header))
		return MESSAGE_HEADER_REPEATED;
	return line_keep(reader, header, colon + 1);
}

enum message_fault lines_parse(struct message *message)
{
	struct line_reader reader;

	reader.message = message;
	reader.next = 0;
	reader.index = 0;
	reader.stop = SCAN_FULL;
	reader.scan.next = 0;
	reader.scan.count = 0;
	reader.scan.control = false;
	if (!line_next(&reader))
		return MESSAGE_START_LINE;
	enum message_fault fault = start_line_parse(message, reader.end);

	while (line_next(&reader)) {
		enum message_fault line_fault = line_take(&reader);

		if (fault == MESSAGE_OK)
			fault = line_fault;
	}
	message->body_offset = (uint16_t)reader.scan.next;
	if (reader.stop != SCAN_BLANK && fault == MESSAGE_OK)
		fault = MESSAGE_HEADER_SYNTAX;
	return fault;
}
