// start_line.c: see start_line.h.

#include "start_line.h"

#include "octet.h"
#include "poison.h"

#include <weir/uri.h>

static enum message_fault version_judge(struct span version)
{
	uint32_t length = (uint32_t)version.length;

	if (span_equal_nocase(version, SPAN("SIP/2.0")))
		return MESSAGE_OK;
	if (length < 4 || !span_equal_nocase(span_of(version.octets, 4), SPAN("SIP/")))
		return MESSAGE_START_LINE;
	uint32_t dot = octets_skip(version.octets, 4, length, OCTET_DIGIT);

	if (dot == 4 || dot + 1 >= length || version.octets[dot] != '.')
		return MESSAGE_START_LINE;
	return octets_skip(version.octets, dot + 1, length, OCTET_DIGIT) == length
		? MESSAGE_VERSION
		: MESSAGE_START_LINE;
}

// Text and HTAB; CR would be a fold, and a start line has none.
static bool reason_is_well_formed(const uint8_t *base, uint32_t at, uint32_t end)
{
	for (; at < end; at++)
		if ((base[at] < ' ' && base[at] != '\t') || base[at] == 0x7f)
			return false;
	return true;
}

static uint32_t space_find(const uint8_t *base, uint32_t at, uint32_t end)
{
	const uint8_t *space = memchr(base + at, ' ', end - at);

	return space == NULL ? end : (uint32_t)(space - base);
}

static enum message_fault status_line_parse(struct message *message, uint32_t end)
{
	const uint8_t *base = message->octets;
	uint32_t version_end = space_find(base, 0, end);
	uint32_t status = version_end + 1, reason = version_end + 5;
	uint64_t number;
	enum message_fault fault = version_judge(span_of(base, version_end));

	if (fault != MESSAGE_OK)
		return fault;
	// The space before an empty reason phrase stays (RFC 4475 section 3.1.1.13).
	if (reason > end || base[status + 3] != ' ')
		return MESSAGE_START_LINE;
	if (!number_parse(span_of(base + status, 3), 699, &number) || number < 100)
		return MESSAGE_START_LINE;
	if (!reason_is_well_formed(base, reason, end))
		return MESSAGE_START_LINE;
	message->status = (uint16_t)number;
	return MESSAGE_OK;
}

// A request-URI with headers is refused: what a next hop makes of "?Route=..." is out of our hands (RFC 4475 section
// 3.1.2.11). Which schemes are served is decided later.
static bool target_is_well_formed(const struct message *message)
{
	struct uri uri;

	return uri_parse(message->octets, message->target, &uri) && uri.headers.length == 0;
}

static enum message_fault request_line_parse(
	struct message *message, uint32_t method_end, uint32_t end)
{
	const uint8_t *base = message->octets;

	if (method_end == 0 || method_end == end || !octet_is(base[method_end], OCTET_SPACE))
		return MESSAGE_START_LINE;
	// Whatever follows: its sender may be told that it is wrong.
	message->request = true;
	message->method_name = slice_between(0, method_end);
	message->method = (uint8_t)method_find(message_span(message, message->method_name));
	if (base[method_end] != ' ')
		return MESSAGE_START_LINE;
	uint32_t target = method_end + 1;
	uint32_t target_end = space_find(base, target, end);

	if (target_end == target || target_end == end)
		return MESSAGE_START_LINE;
	enum message_fault fault =
		version_judge(span_of(base + target_end + 1, end - target_end - 1));

	if (fault != MESSAGE_OK)
		return fault;
	message->target = slice_between(target, target_end);
	return target_is_well_formed(message) ? MESSAGE_OK : MESSAGE_URI;
}

enum message_fault start_line_parse(struct message *message, uint32_t end)
{
	uint32_t token_end = octets_skip(message->octets, 0, end, OCTET_TOKEN);

	// No method holds a '/', every version does.
	if (token_end < end && message->octets[token_end] == '/')
		return status_line_parse(message, end);
	return request_line_parse(message, token_end, end);
}
