#include "forward.h"

#include "header_lines.h"
#include "reply.h"
#include "strict.h"

#include <weir/base64url.h>
#include <weir/identity.h>

enum {
	MAX_FORWARDS_DEFAULT = 70,
	VIA_MAX = 2048,
};

void forward_write_branch(const struct hash_keys *hashes, const struct message *message,
	const struct via *via, uint8_t out[FORWARD_BRANCH_TEXT])
{
	uint8_t branch[BRANCH_HASH_OCTETS];

	identity_hash_branch(hashes, message, via, branch);
	base64url_encode(out, branch, sizeof(branch));
}

// RFC 3261 section 20.42: the sent-protocol's last part.
static struct span protocol_of(uint8_t transport)
{
	if (transport == TRANSPORT_TLS)
		return SPAN("TLS");
	return transport == TRANSPORT_TCP ? SPAN("TCP") : SPAN("UDP");
}

static void plan_via(
	const struct forward *forward, const struct message *request, struct edit_plan *plan)
{
	const struct header_line *line = message_line(request, HEADER_VIA);
	uint8_t hashed[FORWARD_BRANCH_TEXT];
	struct span branch = forward->branch;
	uint8_t via_octets[VIA_MAX];
	struct text via = text_begin(via_octets, sizeof(via_octets));

	if (branch.length == 0) {
		forward_write_branch(forward->hashes, request, &request->via, hashed);
		branch = span_of(hashed, sizeof(hashed));
	}
	edit_open(plan, line->offset, 0);
	edit_add(plan, SPAN("Via: SIP/2.0/"));
	edit_add(plan, protocol_of(forward->transport));
	edit_add(plan, SPAN(" "));
	edit_add(plan, forward->sent_by);
	edit_add(plan,
		forward->alias ? SPAN(";alias;rport;branch=z9hG4bK")
			       : SPAN(";rport;branch=z9hG4bK"));
	edit_add(plan, branch);
	edit_add(plan, SPAN("\r\n"));
	edit_close(plan);
	reply_add_via(&via, request, &forward->source);
	edit_replace(plan, request->via.value, text_span(&via));
	plan->overflow |= via.overflow;
}

static void plan_max_forwards(const struct message *request, struct edit_plan *plan)
{
	const struct header_line *line = message_line(request, HEADER_MAX_FORWARDS);

	if (line == NULL) {
		edit_open(plan, message_line(request, HEADER_VIA)->offset, 0);
		edit_add(plan, SPAN("Max-Forwards: "));
		edit_add_number(plan, MAX_FORWARDS_DEFAULT);
		edit_add(plan, SPAN("\r\n"));
	} else {
		edit_open(plan, line->value_offset, line->value_length);
		edit_add_number(plan, request->max_forwards - 1u);
	}
	edit_close(plan);
}

static void plan_breadth(const struct message *request, uint32_t breadth, struct edit_plan *plan)
{
	struct header_text line;

	if (header_line_find(request, SPAN("Max-Breadth"), 0, &line)) {
		edit_open(plan, line.value.offset, line.value.length);
		edit_add_number(plan, breadth);
	} else {
		edit_open(plan, message_line(request, HEADER_VIA)->offset, 0);
		edit_add(plan, SPAN("Max-Breadth: "));
		edit_add_number(plan, breadth);
		edit_add(plan, SPAN("\r\n"));
	}
	edit_close(plan);
}

// Cut the first `count` Route values: whole lines where they hold nothing else.
static void plan_pop_routes(const struct message *request, unsigned count, struct edit_plan *plan)
{
	struct value_cursor cursor;
	uint8_t line = MESSAGE_LINE_NONE; // being cut
	bool more;

	value_begin(&cursor, request, HEADER_ROUTE);
	for (more = value_next(&cursor); more && count > 0; count--) {
		line = cursor.line;
		more = value_next(&cursor);
		const struct header_line *popped = &request->lines[line];
		if (!more || cursor.line != line) {
			edit_cut(plan, (struct slice){popped->offset, popped->length});
			line = MESSAGE_LINE_NONE;
		}
	}
	if (more && line != MESSAGE_LINE_NONE) {
		uint16_t begin = request->lines[line].value_offset;
		edit_cut(plan, (struct slice){begin, (uint16_t)(cursor.value.offset - begin)});
	}
}

static void plan_line(struct edit_plan *plan, uint16_t offset, struct span name, struct span value)
{
	edit_open(plan, offset, 0);
	edit_add(plan, name);
	edit_add(plan, value);
	edit_add(plan, SPAN("\r\n"));
	edit_close(plan);
}

// --- Where it goes ---

// Request-URI and Routes that the request leaves with.
struct way {
	struct span target; // length 0: as it is
	struct span path; // to be put in front; length 0: none
	struct span last; // a URI, to be put behind all of them; length 0: none
	unsigned popped;
};

static bool value_behind(const struct message *request, unsigned count, struct slice *value)
{
	struct value_cursor cursor;

	value_begin(&cursor, request, HEADER_ROUTE);
	for (unsigned i = 0; i < count; i++)
		if (!value_next(&cursor))
			return false;
	if (!value_next(&cursor))
		return false;
	*value = cursor.value;
	return true;
}

// What follows the first value of a list.
static struct span list_rest(struct span list)
{
	size_t at = header_list_first(list).length;

	while (at < list.length && (list.octets[at] == ',' || list.octets[at] == ' '))
		at++;
	return span_of(list.octets + at, list.length - at);
}

// RFC 3261 section 16.6 step 6: a strict router finds itself in the request-URI, and what stood there at the end of the Routes.
static struct way way_find(const struct forward *forward, const struct message *request)
{
	struct way way = {
		.target = forward->target, .path = forward->path, .popped = forward->own_routes};
	struct span target = forward->target.length > 0 ? forward->target
							: message_span(request, request->target);
	struct slice next;

	if (way.path.length > 0) {
		if (strict_hop(way.path.octets, header_list_first(way.path), &way.target)) {
			way.last = target;
			way.path = list_rest(way.path);
		}
	} else if (value_behind(request, way.popped, &next)
		&& strict_hop(request->octets, next, &way.target)) {
		way.last = target;
		way.popped++;
	}
	return way;
}

static uint16_t lines_end(const struct message *request, enum header header, uint16_t otherwise)
{
	uint8_t index = request->first[header];
	uint16_t end = otherwise;

	for (; index != MESSAGE_LINE_NONE; index = request->lines[index].next)
		end = (uint16_t)(request->lines[index].offset + request->lines[index].length);
	return end;
}

static void plan_way(
	const struct forward *forward, const struct message *request, struct edit_plan *plan)
{
	const struct header_line *routes = message_line(request, HEADER_ROUTE);
	uint16_t top = message_line(request, HEADER_VIA)->offset;
	struct way way = way_find(forward, request);

	if (way.target.length > 0)
		edit_replace(plan, request->target, way.target);
	plan_pop_routes(request, way.popped, plan);
	if (way.path.length > 0)
		plan_line(plan, routes != NULL ? routes->offset : top, SPAN("Route: "), way.path);
	if (way.last.length == 0)
		return;
	edit_open(plan, lines_end(request, HEADER_ROUTE, top), 0);
	edit_add(plan, SPAN("Route: <"));
	edit_add(plan, way.last);
	edit_add(plan, SPAN(">\r\n"));
	edit_close(plan);
}

bool forward_plan(
	const struct forward *forward, const struct message *request, struct edit_plan *plan)
{
	const struct header_line *top = message_line(request, HEADER_VIA);

	edit_begin(plan);
	// What is new stands above the Vias, so that they stay together.
	if (forward->record_route.length > 0) {
		const struct header_line *others = message_line(request, HEADER_RECORD_ROUTE);
		plan_line(plan, others != NULL ? others->offset : top->offset,
			SPAN("Record-Route: "), forward->record_route);
	}
	plan_way(forward, request, plan);
	plan_max_forwards(request, plan);
	if (forward->breadth > 0)
		plan_breadth(request, forward->breadth, plan);
	plan_via(forward, request, plan);
	return !plan->overflow;
}

bool forward_next_via(const struct message *message, struct via *via)
{
	struct value_cursor cursor;

	value_begin(&cursor, message, HEADER_VIA);
	return value_next(&cursor) && value_next(&cursor)
		&& via_parse(message->octets, cursor.value, via);
}

bool forward_plan_response(const struct message *response, struct edit_plan *plan)
{
	const struct header_line *line = message_line(response, HEADER_VIA);
	struct value_cursor cursor;

	edit_begin(plan);
	value_begin(&cursor, response, HEADER_VIA);
	if (!value_next(&cursor) || !value_next(&cursor))
		return false;
	if (&response->lines[cursor.line] != line)
		edit_cut(plan, (struct slice){line->offset, line->length});
	else
		edit_cut(plan,
			(struct slice){line->value_offset,
				(uint16_t)(cursor.value.offset - line->value_offset)});
	return !plan->overflow;
}
