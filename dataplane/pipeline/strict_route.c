#include "strict_route.h"

#include "own.h"
#include "stage.h"

// Ours and loose: what no phone would take for a destination.
static bool target_is_record_route(const struct directory *directory, const struct message *message)
{
	struct uri uri;
	struct slice value;

	return uri_parse(message->octets, message->target, &uri) && uri.scheme != URI_OTHER
		&& parameter_find(message->octets, uri.parameters, SPAN("lr"), &value)
		&& own_names(directory, message, &uri);
}

// The last Route value of all lines, and what is to be cut with it: its line, or the comma before it.
static bool route_find_last(const struct message *message, struct slice *last, struct slice *cut)
{
	struct value_cursor cursor;
	uint8_t line = MESSAGE_LINE_NONE;
	uint16_t end = 0;

	value_begin(&cursor, message, HEADER_ROUTE);
	while (value_next(&cursor)) {
		const struct header_line *at = &message->lines[cursor.line];

		*last = cursor.value;
		*cut = (struct slice){at->offset, at->length};
		if (cursor.line == line)
			*cut = (struct slice){
				end, (uint16_t)(cursor.value.offset + cursor.value.length - end)};
		line = cursor.line;
		end = (uint16_t)(cursor.value.offset + cursor.value.length);
	}
	return line != MESSAGE_LINE_NONE;
}

bool strict_route_repair(const struct directory *directory, struct edit_plan *plan,
	struct packet *packet, const struct message *message)
{
	struct slice last;
	struct slice cut;
	struct name_address address;
	uint8_t *out;
	size_t length;

	if (!message->request || message_line(message, HEADER_ROUTE) == NULL
		|| !target_is_record_route(directory, message)
		|| !route_find_last(message, &last, &cut)
		|| !name_address_parse(message->octets, last, &address))
		return false;
	edit_begin(plan);
	edit_replace(plan, message->target, message_span(message, address.uri));
	edit_open(plan, message_line(message, HEADER_ROUTE)->offset, 0);
	edit_add(plan, SPAN("Route: <"));
	edit_add(plan, message_span(message, message->target));
	edit_add(plan, SPAN(">\r\n"));
	edit_close(plan);
	edit_cut(plan, cut);
	if (!edit_apply(plan, packet->buffer, packet->capacity, packet->octets, message->length,
		    &out, &length))
		return false;
	packet->octets = out;
	packet->length = (uint32_t)length;
	return true;
}

static uint16_t routes_end(const struct message *message)
{
	uint8_t last = message->first[HEADER_ROUTE];

	while (message->lines[last].next != MESSAGE_LINE_NONE)
		last = message->lines[last].next;
	return (uint16_t)(message->lines[last].offset + message->lines[last].length);
}

// RFC 3261 table 1 allows no headers in a request-URI.
static struct slice without_headers(const struct uri *uri)
{
	struct slice text = uri->text;

	if (uri->headers.length != 0)
		text.length = (uint16_t)(uri->headers.offset - 1 - text.offset);
	return text;
}

void strict_route_write(
	struct edit_plan *plan, const struct message *message, const struct routes *routes)
{
	edit_replace(
		plan, message->target, message_span(message, without_headers(&routes->next_uri)));
	edit_open(plan, routes_end(message), 0);
	edit_add(plan, SPAN("Route: <"));
	edit_add(plan, message_span(message, message->target));
	edit_add(plan, SPAN(">\r\n"));
	edit_close(plan);
}
