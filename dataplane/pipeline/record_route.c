#include "record_route.h"

static struct span minted(const struct burst *burst, uint16_t mint)
{
	return span_of(burst->minted[mint],
		burst->mint[mint].peer.family == ENDPOINT_V6 ? TOKEN_LENGTH_V6 : TOKEN_LENGTH_V4);
}

uint16_t place_below_vias(const struct message *message)
{
	unsigned last = message->first[HEADER_VIA];

	while (last + 1 < message->line_count && message->lines[last + 1].header == HEADER_VIA
		&& message->lines[last + 1].offset
			== message->lines[last].offset + message->lines[last].length)
		last++;
	return (uint16_t)(message->lines[last].offset + message->lines[last].length);
}

// Above the lines there are.
static uint16_t header_place(const struct message *message, enum header header)
{
	const struct header_line *line = message_line(message, header);

	return line != NULL ? line->offset : place_below_vias(message);
}

// RFC 3261 section 16.6, step 4: a sips request, or one that goes to a sips Route, keeps its promise in later ones.
static struct span scheme_of(const struct burst *burst, unsigned index)
{
	const struct message *message = &burst->message[index];
	struct span target = message_span(message, message->target);

	if (burst->routes[index].next_is_secure
		&& burst->decision[index].popped == burst->routes[index].count)
		return SPAN("sips:");
	return target.length > 5 && span_equal_nocase(span_of(target.octets, 5), SPAN("sips:"))
		? SPAN("sips:")
		: SPAN("sip:");
}

// RFC 5658 section 3.1 wants it where the two sides' transports differ; RFC 7118 section 8 knows `ws` for both WebSockets.
static struct span transport_parameter(const struct directory_listener *name)
{
	switch (name->listener.transport) {
	case TRANSPORT_TCP:
		return SPAN(";transport=tcp");
	case TRANSPORT_TLS:
		return SPAN(";transport=tls");
	case TRANSPORT_WS:
	case TRANSPORT_WSS:
		return SPAN(";transport=ws");
	default:
		return SPAN("");
	}
}

static void record_write(struct burst *burst, unsigned index, const struct record_route *record)
{
	const struct message *message = &burst->message[index];
	struct edit_plan *plan = &burst->plan;

	edit_add(plan, SPAN("Record-Route: <"));
	if (record->kind == RECORD_RECEIVED) {
		edit_add(plan, message_span(message, burst->routes[index].hop[record->hop].text));
	} else {
		edit_add(plan, scheme_of(burst, index));
		if (record->kind == RECORD_TOKEN) {
			edit_add(plan, minted(burst, record->mint));
			edit_add(plan, SPAN("@"));
		}
		edit_add(plan, record->name->written);
		edit_add(plan, transport_parameter(record->name));
		edit_add(plan, SPAN(";lr"));
	}
	edit_add(plan, SPAN(">\r\n"));
}

void record_route_write(struct burst *burst, unsigned index)
{
	const struct decision *decision = &burst->decision[index];

	if (decision->record_count == 0)
		return;
	edit_open(&burst->plan, header_place(&burst->message[index], HEADER_RECORD_ROUTE), 0);
	// Each was prepended to those before it.
	for (unsigned i = decision->record_count; i > 0; i--)
		record_write(burst, index, &decision->record[i - 1]);
	edit_close(&burst->plan);
}

void path_write(struct burst *burst, unsigned index)
{
	const struct decision *decision = &burst->decision[index];
	struct edit_plan *plan = &burst->plan;

	if (decision->path_mint == MINT_NONE)
		return;
	// A first hop's own Path lines are cut, and what is cut is no place to insert at.
	edit_open(plan,
		decision->strip_path ? place_below_vias(&burst->message[index])
				     : header_place(&burst->message[index], HEADER_PATH),
		0);
	edit_add(plan, SPAN("Path: <"));
	edit_add(plan, scheme_of(burst, index));
	edit_add(plan, minted(burst, decision->path_mint));
	edit_add(plan, SPAN("@"));
	edit_add(plan, decision->out->written);
	edit_add(plan, transport_parameter(decision->out));
	edit_add(plan, decision->outbound ? SPAN(";lr;ob>\r\n") : SPAN(";lr>\r\n"));
	edit_close(plan);
}

void relay_route_write(struct burst *burst, unsigned index)
{
	const struct decision *decision = &burst->decision[index];
	struct edit_plan *plan = &burst->plan;

	if (decision->relay_mint == MINT_NONE)
		return;
	edit_open(plan, header_place(&burst->message[index], HEADER_ROUTE), 0);
	edit_add(plan, SPAN("Route: <sip:"));
	edit_add(plan, minted(burst, decision->relay_mint));
	edit_add(plan, SPAN("@edge"));
	edit_add_number(plan, burst->mint[decision->relay_mint].flow.edge);
	edit_add(plan, SPAN(";lr>\r\n"));
	edit_close(plan);
}

// Cut the first `values` values of a header: whole lines, and of a line that keeps some, what stands before the first of these.
static void values_cut(
	struct edit_plan *plan, const struct message *message, enum header header, unsigned values)
{
	struct value_cursor cursor;
	uint8_t line = MESSAGE_LINE_NONE;

	value_begin(&cursor, message, header);
	while (value_next(&cursor)) {
		const struct header_line *at = &message->lines[cursor.line];

		if (line != cursor.line && line != MESSAGE_LINE_NONE)
			edit_cut(plan,
				(struct slice){
					message->lines[line].offset, message->lines[line].length});
		if (values == 0) {
			if (line == cursor.line)
				edit_cut(plan,
					(struct slice){at->value_offset,
						(uint16_t)(cursor.value.offset
							- at->value_offset)});
			return;
		}
		line = cursor.line;
		values--;
	}
	if (line != MESSAGE_LINE_NONE)
		edit_cut(plan,
			(struct slice){message->lines[line].offset, message->lines[line].length});
}

void routes_cut(struct edit_plan *plan, const struct message *message, unsigned popped)
{
	if (popped != 0)
		values_cut(plan, message, HEADER_ROUTE, popped);
}

void value_cut_top(struct edit_plan *plan, const struct message *message, enum header header)
{
	values_cut(plan, message, header, 1);
}
