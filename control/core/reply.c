#include "reply.h"

enum {
	SIP_PORT = 5060,
	SIPS_PORT = 5061,
};

static const struct {
	unsigned status;
	const char *reason;
} REASONS[] = {
	{100, "Trying"},
	{200, "OK"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{408, "Request Timeout"},
	{416, "Unsupported URI Scheme"},
	{420, "Bad Extension"},
	{423, "Interval Too Brief"},
	{430, "Flow Failed"},
	{439, "First Hop Lacks Outbound Support"},
	{440, "Max-Breadth Exceeded"},
	{480, "Temporarily Unavailable"},
	{482, "Loop Detected"},
	{483, "Too Many Hops"},
	{487, "Request Terminated"},
	{500, "Server Internal Error"},
	{503, "Service Unavailable"},
	{505, "Version Not Supported"},
	{513, "Message Too Large"},
};

const char *reply_reason(unsigned status)
{
	for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++)
		if (REASONS[i].status == status)
			return REASONS[i].reason;
	return "Error";
}

// The value without the octets of one parameter.
static void add_without(struct text *out, const uint8_t *base, struct slice value,
	struct slice first, struct slice second)
{
	uint16_t at = value.offset;
	uint16_t end = (uint16_t)(value.offset + value.length);
	struct slice cuts[2] = {first, second};

	if (cuts[1].length > 0 && (cuts[0].length == 0 || cuts[1].offset < cuts[0].offset)) {
		cuts[0] = second;
		cuts[1] = first;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (cuts[i].length == 0)
			continue;
		text_add(out, span_of(base + at, (size_t)(cuts[i].offset - at)));
		at = (uint16_t)(cuts[i].offset + cuts[i].length);
	}
	text_add(out, span_of(base + at, (size_t)(end - at)));
}

void reply_add_via(struct text *out, const struct message *request, const struct endpoint *source)
{
	uint8_t host[ENDPOINT_TEXT_MAX];
	size_t length = endpoint_format_host(source, host);
	const struct via *via = &request->via;

	add_without(
		out, request->octets, via->value, via->received_parameter, via->rport_parameter);
	text_add(out, SPAN(";received="));
	// received carries a bare address (RFC 5118 section 4.5).
	bool bracketed = length > 2 && host[0] == '[';
	text_add(out, bracketed ? span_of(host + 1, length - 2) : span_of(host, length));
	if (via->has_rport)
		text_format(out, ";rport=%u", source->port);
}

// Lines stay as they came, so that no list of values becomes more lines than anybody reads.
static void add_vias(struct text *out, const struct message *request, const struct endpoint *source)
{
	uint8_t index = request->first[HEADER_VIA];
	uint16_t at = (uint16_t)(request->via.value.offset + request->via.value.length);

	text_add(out, SPAN("Via: "));
	reply_add_via(out, request, source);
	for (bool first = true; index != MESSAGE_LINE_NONE; first = false) {
		const struct header_line *line = &request->lines[index];
		uint16_t end = (uint16_t)(line->value_offset + line->value_length);
		if (!first) {
			text_add(out, SPAN("Via: "));
			at = line->value_offset;
		}
		text_add(out, span_of(request->octets + at, (size_t)(end - at)));
		text_add(out, SPAN("\r\n"));
		index = line->next;
	}
}

static void add_line(struct text *out, const struct message *request, enum header header)
{
	const struct header_line *line = message_line(request, header);

	if (line == NULL)
		return;
	text_add(out, header_name(header));
	text_add(out, SPAN(": "));
	text_add(out, span_of(request->octets + line->value_offset, line->value_length));
	if (header == HEADER_TO)
		return; // its tag may follow
	text_add(out, SPAN("\r\n"));
}

void reply_write(struct text *out, const struct message *request, const struct endpoint *source,
	unsigned status, struct span to_tag, struct span headers)
{
	text_format(out, "SIP/2.0 %u %s\r\n", status, reply_reason(status));
	add_vias(out, request, source);
	add_line(out, request, HEADER_FROM);
	add_line(out, request, HEADER_TO);
	if (request->to_tag.length == 0 && to_tag.length > 0) {
		text_add(out, SPAN(";tag="));
		text_add(out, to_tag);
	}
	text_add(out, SPAN("\r\n"));
	add_line(out, request, HEADER_CALL_ID);
	add_line(out, request, HEADER_CSEQ);
	text_add(out, headers);
	text_add(out, SPAN("Content-Length: 0\r\n\r\n"));
}

struct hop reply_hop(const struct message *request, const struct hop *source)
{
	struct hop destination = *source;
	uint16_t port = source->transport == TRANSPORT_TLS ? SIPS_PORT : SIP_PORT;

	if (hop_is_reliable(source) || !request->via.has_rport)
		destination.peer.port = request->via.port != 0 ? request->via.port : port;
	return destination;
}
