// name_address.c: one element of From, To, Contact, Route, Record-Route or Path (RFC 3261 sections 20.10 and 25.1).

#include "name_address.h"

#include "octet.h"
#include "parameter.h"
#include "poison.h"

// The first octet behind the display name, white space included; end when a quote is not closed.
static uint32_t display_skip(const uint8_t *base, uint32_t at, uint32_t end)
{
	if (base[at] == '"') {
		at = octets_skip_quoted(base, at, end);
		return at == 0 ? end : octets_skip(base, at, end, OCTET_SPACE);
	}
	// Tokens and white space; peers write UTF-8 there without quotes.
	while (at < end && (octet_is(base[at], OCTET_TOKEN | OCTET_SPACE) || base[at] >= 0x80))
		at++;
	return at;
}

// "<", a URI without white space, ">".
static uint32_t brackets_take(
	const uint8_t *base, uint32_t open, uint32_t end, struct name_address *address)
{
	uint32_t close = octets_skip(base, open + 1, end, OCTET_URI | OCTET_VALUE);

	if (close == end || base[close] != '>' || close == open + 1)
		return 0;
	address->bracketed = true;
	address->uri = slice_between(open + 1, close);
	return close + 1;
}

// Without brackets a URI ends at the first ';', and may hold neither ',' nor '?' (RFC 3261 section 20).
static uint32_t bare_take(
	const uint8_t *base, uint32_t at, uint32_t end, struct name_address *address)
{
	uint32_t uri_end = at;

	while (uri_end < end && base[uri_end] != '?' && octet_is(base[uri_end], OCTET_VALUE))
		uri_end++;
	if (uri_end == at)
		return 0;
	address->uri = slice_between(at, uri_end);
	return uri_end;
}

bool name_address_divide(const uint8_t *base, struct slice value, struct name_address *address)
{
	uint32_t end = slice_end(value), begin = value.offset;

	value = slice_trim(base, begin, end);
	begin = value.offset;
	end = slice_end(value);
	struct name_address parsed = {.value = value};

	if (begin == end)
		return false;
	uint32_t open = display_skip(base, begin, end), at = 0;

	if (open < end && base[open] == '<') {
		parsed.display = slice_trim(base, begin, open);
		at = brackets_take(base, open, end, &parsed);
	} else if (base[begin] != '"') {
		at = bare_take(base, begin, end, &parsed);
	}
	if (at == 0)
		return false;
	parsed.parameters = slice_between(octets_skip(base, at, end, OCTET_SPACE), end);
	*address = parsed;
	return true;
}

bool name_address_parse(const uint8_t *base, struct slice value, struct name_address *address)
{
	struct name_address parsed;
	struct parameter_cursor cursor;

	if (!name_address_divide(base, value, &parsed))
		return false;
	parameter_begin(&cursor, base, parsed.parameters);
	while (parameter_next(&cursor)) {
	}
	if (!parameter_is_done(&cursor))
		return false;
	*address = parsed;
	return true;
}
