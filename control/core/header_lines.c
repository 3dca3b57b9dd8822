#include "header_lines.h"

static bool is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

// Behind the CRLF that no folded continuation follows; `end` is where the headers end.
static uint16_t line_end(const uint8_t *octets, uint16_t at, uint16_t end)
{
	while (at < end) {
		const uint8_t *feed = memchr(octets + at, '\n', (size_t)(end - at));
		if (feed == NULL)
			return end;
		at = (uint16_t)(feed - octets + 1);
		if (at < end && octets[at] != ' ' && octets[at] != '\t')
			return at;
	}
	return end;
}

static struct slice trim(const uint8_t *octets, uint16_t begin, uint16_t end)
{
	while (begin < end && is_blank(octets[begin]))
		begin++;
	while (end > begin && is_blank(octets[end - 1]))
		end--;
	return (struct slice){begin, (uint16_t)(end - begin)};
}

static bool line_read(const uint8_t *octets, uint16_t begin, uint16_t end, struct span name,
	struct header_text *found)
{
	const uint8_t *colon = memchr(octets + begin, ':', (size_t)(end - begin));

	if (colon == NULL)
		return false;
	uint16_t middle = (uint16_t)(colon - octets);
	if (!span_equal_nocase(slice_span(octets, trim(octets, begin, middle)), name))
		return false;
	found->line = (struct slice){begin, (uint16_t)(end - begin)};
	found->value = trim(octets, (uint16_t)(middle + 1), end);
	return true;
}

bool header_line_find(
	const struct message *message, struct span name, uint16_t from, struct header_text *found)
{
	const uint8_t *octets = message->octets;
	uint16_t end = message->body_offset;
	uint16_t at = from > 0 ? from : line_end(octets, 0, end);

	while (at < end) {
		uint16_t next = line_end(octets, at, end);
		if (line_read(octets, at, next, name, found))
			return true;
		at = next;
	}
	return false;
}

struct slice header_list_first(struct span list)
{
	bool quoted = false;
	bool bracketed = false;
	uint16_t length = 0;

	for (; length < list.length; length++) {
		uint8_t octet = list.octets[length];
		if (octet == '"')
			quoted = !quoted;
		else if (!quoted && (octet == '<' || octet == '>'))
			bracketed = octet == '<';
		else if (!quoted && !bracketed && octet == ',')
			break;
	}
	return (struct slice){0, length};
}
