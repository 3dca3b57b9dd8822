#include "transaction_message.h"

static void add_line(struct text *out, const struct message *message, enum header header)
{
	const struct header_line *line = message_line(message, header);

	if (line == NULL)
		return;
	text_add(out, header_name(header));
	text_add(out, SPAN(": "));
	text_add(out, span_of(message->octets + line->value_offset, line->value_length));
	text_add(out, SPAN("\r\n"));
}

static void add_routes(struct text *out, const struct message *message)
{
	uint8_t index = message->first[HEADER_ROUTE];

	while (index != MESSAGE_LINE_NONE) {
		const struct header_line *line = &message->lines[index];
		text_add(out, SPAN("Route: "));
		text_add(out, span_of(message->octets + line->value_offset, line->value_length));
		text_add(out, SPAN("\r\n"));
		index = line->next;
	}
}

// Start line to From; the top Via alone.
static void add_front(struct text *out, const struct message *invite, const char *method)
{
	struct span target = message_span(invite, invite->target);

	text_format(out, "%s %.*s SIP/2.0\r\nVia: ", method, (int)target.length,
		(const char *)target.octets);
	text_add(out, message_span(invite, invite->via.value));
	text_add(out, SPAN("\r\n"));
	add_routes(out, invite);
	text_add(out, SPAN("Max-Forwards: 70\r\n"));
	add_line(out, invite, HEADER_FROM);
}

static void add_back(struct text *out, const struct message *invite, const char *method)
{
	add_line(out, invite, HEADER_CALL_ID);
	text_format(out, "CSeq: %u %s\r\nContent-Length: 0\r\n\r\n", invite->cseq, method);
}

void transaction_write_ack(
	struct text *out, const struct message *invite, const struct message *response)
{
	add_front(out, invite, "ACK");
	add_line(out, response, HEADER_TO);
	add_back(out, invite, "ACK");
}

void transaction_write_cancel(struct text *out, const struct message *invite)
{
	add_front(out, invite, "CANCEL");
	add_line(out, invite, HEADER_TO);
	add_back(out, invite, "CANCEL");
}
