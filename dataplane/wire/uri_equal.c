// uri_equal.c: when two URIs are one (RFC 3261 section 19.1.4).

#include "escape.h"
#include "octet.h"
#include "parameter.h"
#include "poison.h"

#include <weir/endpoint.h>
#include <weir/uri.h>

static bool host_equal(struct span a, struct span b)
{
	struct endpoint address_a, address_b;

	// One IPv6 address has many spellings.
	if (a.octets[0] == '[' && endpoint_parse_address(a, &address_a)
		&& endpoint_parse_address(b, &address_b))
		return endpoint_equal(&address_a, &address_b);
	return span_equal_nocase(a, b);
}

// The parameters that never match when only one side has them. The text of RFC 3261 lists user, ttl, method and maddr; its
// examples hold that transport is one too.
static bool parameter_is_decisive(struct span name)
{
	return escaped_equal_nocase(name, SPAN("transport"))
		|| escaped_equal_nocase(name, SPAN("user"))
		|| escaped_equal_nocase(name, SPAN("ttl"))
		|| escaped_equal_nocase(name, SPAN("method"))
		|| escaped_equal_nocase(name, SPAN("maddr"));
}

static bool escaped_parameter_find(
	const uint8_t *base, struct slice parameters, struct span name, struct span *value)
{
	struct parameter_cursor cursor;

	parameter_begin(&cursor, base, parameters);
	while (parameter_next(&cursor)) {
		if (!escaped_equal_nocase(slice_span(base, cursor.parameter.name), name))
			continue;
		*value = slice_span(base, cursor.parameter.value);
		return true;
	}
	return false;
}

// Every parameter of a that b has too is the same there, and b has those of a that are decisive.
static bool parameters_match(
	const uint8_t *base_a, struct slice a, const uint8_t *base_b, struct slice b)
{
	struct parameter_cursor cursor;

	parameter_begin(&cursor, base_a, a);
	while (parameter_next(&cursor)) {
		struct span name = slice_span(base_a, cursor.parameter.name);
		struct span value = slice_span(base_a, cursor.parameter.value);
		struct span other;

		if (escaped_parameter_find(base_b, b, name, &other)) {
			if (!escaped_equal_nocase(value, other))
				return false;
		} else if (parameter_is_decisive(name)) {
			return false;
		}
	}
	return true;
}

// Cuts the part up to the next '&' off the text.
static struct span header_cut(struct span *text)
{
	const uint8_t *mark = memchr(text->octets, '&', text->length);
	size_t length = mark == NULL ? text->length : (size_t)(mark - text->octets);
	struct span header = span_of(text->octets, length);

	if (mark != NULL)
		length++;
	*text = span_of(text->octets + length, text->length - length);
	return header;
}

static unsigned header_count(struct span text, struct span header)
{
	unsigned count = 0;

	while (text.length > 0)
		count += escaped_equal_nocase(header_cut(&text), header);
	return count;
}

// Headers are never ignored, but their order is: each stands as often on one side as on the other.
static bool headers_match(struct span a, struct span b)
{
	struct span rest = a;

	while (rest.length > 0) {
		struct span header = header_cut(&rest);

		if (header_count(a, header) != header_count(b, header))
			return false;
	}
	return true;
}

bool uri_equal(
	const uint8_t *base_a, const struct uri *a, const uint8_t *base_b, const struct uri *b)
{
	if (a->scheme != b->scheme)
		return false;
	if (a->scheme == URI_OTHER)
		return span_equal(slice_span(base_a, a->text), slice_span(base_b, b->text));
	// A port that is left out is not the default one: the name may have SRV records (section 19.1.4, third example).
	if (a->has_user != b->has_user || a->has_port != b->has_port || a->port != b->port)
		return false;
	return escaped_equal(slice_span(base_a, a->user), slice_span(base_b, b->user))
		&& escaped_equal(slice_span(base_a, a->password), slice_span(base_b, b->password))
		&& host_equal(slice_span(base_a, a->host), slice_span(base_b, b->host))
		&& parameters_match(base_a, a->parameters, base_b, b->parameters)
		&& parameters_match(base_b, b->parameters, base_a, a->parameters)
		&& headers_match(slice_span(base_a, a->headers), slice_span(base_b, b->headers))
		&& headers_match(slice_span(base_b, b->headers), slice_span(base_a, a->headers));
}
