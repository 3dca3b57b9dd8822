// message.c: parses a message and judges what routing relies on (RFC 3261 sections 8.1.1, 16.3 and 18.3).

#include "line.h"
#include "name_address.h"
#include "octet.h"
#include "parameter.h"
#include "poison.h"

#include <weir/message.h>
#include <weir/uri.h>

#include <assert.h>

enum {
	KEEPALIVE_BELOW = 20, // octets: no SIP message and no STUN message is shorter
	CSEQ_MAX = INT32_MAX, // RFC 3261 section 8.1.1.5: below 2^31
	MAX_FORWARDS_MAX = 255, // RFC 3261 section 20.22
};

static bool datagram_is_stun(const uint8_t *octets, size_t length)
{
	static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};

	return length >= KEEPALIVE_BELOW && octets[0] >> 6 == 0
		&& memcmp(octets + 4, cookie, sizeof(cookie)) == 0;
}

static bool datagram_is_keepalive(const uint8_t *octets, size_t length)
{
	if (length < KEEPALIVE_BELOW)
		return true;
	for (size_t i = 0; i < length; i++)
		if (octets[i] != '\r' && octets[i] != '\n' && octets[i] != '\0')
			return false;
	return true;
}

// The lines are left as they are: 1.3 KiB of them, and only those below line_count are read.
static void message_reset(struct message *message, const uint8_t *octets, size_t length)
{
	memset(message, 0, offsetof(struct message, first));
	memset(message->first, MESSAGE_LINE_NONE, sizeof(message->first));
	message->octets = octets;
	message->length = (uint16_t)length;
	message->max_forwards = MAX_FORWARDS_ABSENT;
}

static struct slice line_value(const struct header_line *line)
{
	return (struct slice){line->value_offset, line->value_length};
}

// Octets behind the body are cut off (RFC 3261 section 18.3); a body that was cut short is refused.
static enum message_fault length_judge(struct message *message)
{
	const struct header_line *line = message_line(message, HEADER_CONTENT_LENGTH);
	uint64_t length;

	if (line == NULL)
		return MESSAGE_OK;
	if (!number_parse(message_span(message, line_value(line)),
		    (uint64_t)(message->length - message->body_offset), &length))
		return MESSAGE_CONTENT_LENGTH;
	message->length = (uint16_t)(message->body_offset + length);
	return MESSAGE_OK;
}

static enum message_fault presence_judge(struct message *message)
{
	static const uint8_t required[] = {
		HEADER_VIA, HEADER_FROM, HEADER_TO, HEADER_CALL_ID, HEADER_CSEQ};

	for (unsigned i = 0; i < sizeof(required); i++)
		if (message->first[required[i]] == MESSAGE_LINE_NONE)
			return MESSAGE_HEADER_MISSING;
	return MESSAGE_OK;
}

static enum message_fault via_take(struct message *message)
{
	struct value_cursor cursor;

	value_begin(&cursor, message, HEADER_VIA);
	if (!value_next(&cursor))
		return MESSAGE_OK;
	if (via_parse(message->octets, cursor.value, &message->via))
		return MESSAGE_OK;
	message->via = (struct via){0};
	return MESSAGE_VIA;
}

// The tag, if there is one; false if there are two, it has no value, or something is no parameter.
static bool tag_find(const struct message *message, struct slice parameters, struct slice *tag)
{
	struct parameter_cursor cursor;

	*tag = (struct slice){0};
	parameter_begin(&cursor, message->octets, parameters);
	while (parameter_next(&cursor)) {
		if (!parameter_is(&cursor, SPAN("tag")))
			continue;
		if (tag->length > 0 || cursor.parameter.value.length == 0)
			return false;
		*tag = cursor.parameter.value;
	}
	return parameter_is_done(&cursor);
}

static enum message_fault address_take(
	struct message *message, enum header header, struct slice *uri_text, struct slice *tag)
{
	const struct header_line *line = message_line(message, header);
	struct name_address address;
	struct uri uri;
	struct slice found;

	if (line == NULL)
		return MESSAGE_OK;
	if (!name_address_divide(message->octets, line_value(line), &address)
		|| !uri_parse(message->octets, address.uri, &uri)
		|| !tag_find(message, address.parameters, &found))
		return MESSAGE_ADDRESS;
	*uri_text = address.uri;
	*tag = found;
	return MESSAGE_OK;
}

// RFC 3261 section 25.1, callid: no white space in it. The rest is its sender's affair.
static enum message_fault call_id_take(struct message *message)
{
	const struct header_line *line = message_line(message, HEADER_CALL_ID);

	if (line == NULL)
		return MESSAGE_OK;
	struct slice value = line_value(line);

	if (value.length == 0)
		return MESSAGE_HEADER_SYNTAX;
	for (uint32_t at = value.offset; at < slice_end(value); at++)
		if (octet_is(message->octets[at], OCTET_SPACE))
			return MESSAGE_HEADER_SYNTAX;
	message->call_id = value;
	return MESSAGE_OK;
}

// The method in CSeq is the request's own; a response has no other.
static bool cseq_method_take(struct message *message, struct slice name)
{
	struct span text = message_span(message, name);

	if (message->request)
		return span_equal(text, message_span(message, message->method_name));
	message->method_name = name;
	message->method = (uint8_t)method_find(text);
	return true;
}

static enum message_fault cseq_take(struct message *message)
{
	const struct header_line *line = message_line(message, HEADER_CSEQ);
	const uint8_t *base = message->octets;
	uint64_t number;

	if (line == NULL)
		return MESSAGE_OK;
	struct slice value = line_value(line);
	uint32_t end = slice_end(value);
	uint32_t digits_end = octets_skip(base, value.offset, end, OCTET_DIGIT);
	uint32_t method = octets_skip(base, digits_end, end, OCTET_SPACE);

	if (!number_parse(
		    span_of(base + value.offset, digits_end - value.offset), CSEQ_MAX, &number))
		return MESSAGE_CSEQ;
	if (method == digits_end || method == end
		|| octets_skip(base, method, end, OCTET_TOKEN) != end)
		return MESSAGE_CSEQ;
	message->cseq = (uint32_t)number;
	return cseq_method_take(message, slice_between(method, end)) ? MESSAGE_OK : MESSAGE_CSEQ;
}

static enum message_fault max_forwards_take(struct message *message)
{
	const struct header_line *line = message_line(message, HEADER_MAX_FORWARDS);
	uint64_t number;

	if (line == NULL)
		return MESSAGE_OK;
	if (!number_parse(message_span(message, line_value(line)), MAX_FORWARDS_MAX, &number))
		return MESSAGE_MAX_FORWARDS;
	message->max_forwards = (uint16_t)number;
	return MESSAGE_OK;
}

// RFC 3261 section 20.34: a Route value is always a name-addr.
static enum message_fault routes_judge(const struct message *message)
{
	struct value_cursor cursor;
	struct name_address address;

	value_begin(&cursor, message, HEADER_ROUTE);
	while (value_next(&cursor))
		if (!name_address_parse(message->octets, cursor.value, &address)
			|| !address.bracketed)
			return MESSAGE_ADDRESS;
	return MESSAGE_OK;
}

static void fault_note(enum message_fault *first, enum message_fault fault)
{
	if (*first == MESSAGE_OK)
		*first = fault;
}

// RFC 3261 section 8.2.6: a response copies Via, From, To, Call-ID and CSeq, and adds a tag to a To without one.
static bool message_is_answerable(const struct message *message)
{
	return message->request && message->via.value.length > 0 && message->from_uri.length > 0
		&& message->to_uri.length > 0 && message->call_id.length > 0
		&& message->first[HEADER_CSEQ] != MESSAGE_LINE_NONE;
}

enum message_fault message_parse(struct message *message, const uint8_t *octets, size_t length)
{
	assert(length <= UINT16_MAX);
	message_reset(message, octets, length);
	if (datagram_is_stun(octets, length))
		return MESSAGE_STUN;
	if (datagram_is_keepalive(octets, length))
		return MESSAGE_KEEPALIVE;

	enum message_fault fault = lines_parse(message);

	// All of them, whatever the fault: what can be read is what an answer is made of.
	fault_note(&fault, length_judge(message));
	fault_note(&fault, presence_judge(message));
	fault_note(&fault, via_take(message));
	fault_note(
		&fault, address_take(message, HEADER_FROM, &message->from_uri, &message->from_tag));
	fault_note(&fault, address_take(message, HEADER_TO, &message->to_uri, &message->to_tag));
	fault_note(&fault, call_id_take(message));
	fault_note(&fault, cseq_take(message));
	fault_note(&fault, max_forwards_take(message));
	fault_note(&fault, routes_judge(message));
	message->answerable = message_is_answerable(message);
	return fault;
}
