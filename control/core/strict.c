#include "strict.h"

#include "flow_token.h"

static bool is_loose(const uint8_t *base, const struct uri *uri)
{
	struct slice value;

	return parameter_find(base, uri->parameters, SPAN("lr"), &value);
}

// Ours and loose, and nobody's: what no phone would take for a destination.
static bool is_record_route(const struct own_names *own, const struct message *request)
{
	struct uri uri;

	return uri_parse(request->octets, request->target, &uri) && uri.scheme != URI_OTHER
		&& (!uri.has_user || uri.user.length == FLOW_TOKEN_TEXT)
		&& is_loose(request->octets, &uri) && own_names_hold(own, request->octets, &uri);
}

// The last Route value of all lines, and what is to be cut with it: its line, or the comma before it.
static bool route_find_last(const struct message *request, struct slice *last, struct slice *cut)
{
	struct value_cursor cursor;
	uint8_t line = MESSAGE_LINE_NONE;
	uint16_t end = 0;

	value_begin(&cursor, request, HEADER_ROUTE);
	while (value_next(&cursor)) {
		const struct header_line *at = &request->lines[cursor.line];

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

bool strict_repair(
	const struct own_names *own, const struct message *request, struct edit_plan *plan)
{
	struct name_address address;
	struct slice last;
	struct slice cut;

	if (!is_record_route(own, request) || !route_find_last(request, &last, &cut)
		|| !name_address_parse(request->octets, last, &address))
		return false;
	edit_begin(plan);
	edit_replace(plan, request->target, message_span(request, address.uri));
	// What is taken out stands in front of the Routes again, where it is found with all that it says.
	edit_open(plan, message_line(request, HEADER_ROUTE)->offset, 0);
	edit_add(plan, SPAN("Route: <"));
	edit_add(plan, message_span(request, request->target));
	edit_add(plan, SPAN(">\r\n"));
	edit_close(plan);
	edit_cut(plan, cut);
	return !plan->overflow;
}

bool strict_hop(const uint8_t *base, struct slice value, struct span *text)
{
	struct name_address address;
	struct uri uri;

	if (!name_address_parse(base, value, &address) || !uri_parse(base, address.uri, &uri)
		|| uri.scheme == URI_OTHER || is_loose(base, &uri))
		return false;
	*text = slice_span(base, address.uri);
	return true;
}
