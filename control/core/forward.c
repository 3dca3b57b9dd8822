#include "forward.h"

#include "header_lines.h"
#include "reply.h"

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
	edit_add(plan, SPAN("Via: SIP/2.0/UDP "));
	edit_add(plan, forward->sent_by);
	edit_add(plan, SPAN(";rport;branch=z9hG4bK"));
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

bool forward_plan(
	const struct forward *forward, const struct message *request, struct edit_plan *plan)
{
	const struct header_line *top = message_line(request, HEADER_VIA);
	const struct header_line *routes = message_line(request, HEADER_ROUTE);

	edit_begin(plan);
	if (forward->target.length > 0)
		edit_replace(plan, request->target, forward->target);
	// What is new stands above the Vias, so that they stay together.
	if (forward->record_route.length > 0) {
		const struct header_line *others = message_line(request, HEADER_RECORD_ROUTE);
		plan_line(plan, others != NULL ? others->offset : top->offset,
			SPAN("Record-Route: "), forward->record_route);
	}
	plan_pop_routes(request, forward->own_routes, plan);
	if (forward->path.length > 0)
		plan_line(plan, routes != NULL ? routes->offset : top->offset, SPAN("Route: "),
			forward->path);
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
