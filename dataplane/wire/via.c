// via.c: parses one Via value (RFC 3261 sections 20.42 and 25.1, RFC 3581).

#include "host.h"
#include "octet.h"
#include "parameter.h"
#include "poison.h"
#include "transport.h"

#include <weir/side.h>
#include <weir/uri.h>
#include <weir/via.h>

struct via_reader {
	const uint8_t *base;
	uint32_t at;
	uint32_t end;
};

static void spaces_skip(struct via_reader *reader)
{
	reader->at = octets_skip(reader->base, reader->at, reader->end, OCTET_SPACE);
}

static struct slice token_read(struct via_reader *reader)
{
	uint32_t begin = reader->at;

	reader->at = octets_skip(reader->base, begin, reader->end, OCTET_TOKEN);
	return slice_between(begin, reader->at);
}

// A '/' with white space around it.
static bool slash_read(struct via_reader *reader)
{
	spaces_skip(reader);
	if (reader->at == reader->end || reader->base[reader->at] != '/')
		return false;
	reader->at++;
	spaces_skip(reader);
	return true;
}

static bool protocol_read(struct via_reader *reader, struct via *via)
{
	uint32_t begin = reader->at;
	struct slice name = token_read(reader);

	if (!span_equal_nocase(slice_span(reader->base, name), SPAN("SIP")) || !slash_read(reader))
		return false;
	struct slice version = token_read(reader);

	if (!span_equal(slice_span(reader->base, version), SPAN("2.0")) || !slash_read(reader))
		return false;
	via->transport_name = token_read(reader);
	via->transport = (uint8_t)transport_find(slice_span(reader->base, via->transport_name));
	via->protocol = slice_between(begin, reader->at);
	return via->transport_name.length > 0;
}

static bool sent_by_read(struct via_reader *reader, struct via *via)
{
	uint32_t begin = octets_skip(reader->base, reader->at, reader->end, OCTET_SPACE);
	uint32_t end = host_skip(reader->base, begin, reader->end);

	// White space must divide the transport from the host.
	if (begin == reader->at || end == 0)
		return false;
	via->host = slice_between(begin, end);
	reader->at = end;
	spaces_skip(reader);
	if (reader->at < reader->end && reader->base[reader->at] == ':') {
		reader->at++;
		spaces_skip(reader);
		end = port_skip(reader->base, reader->at, reader->end, &via->port);
		if (end == 0)
			return false;
		via->has_port = true;
		reader->at = end;
		spaces_skip(reader);
	}
	via->sent_by = slice_between(begin, end);
	return true;
}

static bool rport_take(const uint8_t *base, struct via *via, const struct parameter *parameter)
{
	if (via->has_rport)
		return false;
	via->has_rport = true;
	via->rport_parameter = parameter->whole;
	if (parameter->value.length == 0)
		return true;
	uint64_t port;

	if (!number_parse(slice_span(base, parameter->value), UINT16_MAX, &port))
		return false;
	via->rport = (uint16_t)port;
	return true;
}

// One that stands twice could be read either way. No value begins at offset 0, even an empty one.
static bool value_take(struct slice *kept, const struct parameter *parameter)
{
	if (kept->offset > 0)
		return false;
	*kept = parameter->value;
	return true;
}

static bool parameter_take(const struct parameter_cursor *cursor, struct via *via)
{
	const struct parameter *parameter = &cursor->parameter;

	if (parameter_is(cursor, SPAN("branch")))
		return value_take(&via->branch, parameter);
	if (parameter_is(cursor, SPAN("rport")))
		return rport_take(cursor->base, via, parameter);
	if (parameter_is(cursor, SPAN("received"))) {
		via->received_parameter = parameter->whole;
		return value_take(&via->received, parameter);
	}
	if (parameter_is(cursor, SPAN("maddr")))
		return value_take(&via->maddr, parameter);
	if (parameter_is(cursor, SPAN("keep"))) {
		// With a value it is an answer, which is not ours to give again.
		if (parameter->value.length == 0)
			via->keep_offer = parameter->whole;
		return true;
	}
	if (parameter_is(cursor, SPAN("w")))
		return value_take(&via->proof, parameter);
	return true;
}

static bool parameters_read(struct via_reader *reader, struct via *via)
{
	struct parameter_cursor cursor;

	parameter_begin(&cursor, reader->base, slice_between(reader->at, reader->end));
	while (parameter_next(&cursor))
		if (!parameter_take(&cursor, via))
			return false;
	return parameter_is_done(&cursor);
}

bool via_parse(const uint8_t *base, struct slice value, struct via *via)
{
	struct slice trimmed = slice_trim(base, value.offset, slice_end(value));
	struct via_reader reader = {base, trimmed.offset, slice_end(trimmed)};

	*via = (struct via){.value = trimmed};
	return protocol_read(&reader, via) && sent_by_read(&reader, via)
		&& parameters_read(&reader, via);
}
