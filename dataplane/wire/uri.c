// uri.c: parses SIP URIs (RFC 3261 sections 19.1.1 and 25.1).

#include "escape.h"
#include "host.h"
#include "octet.h"
#include "poison.h"
#include "transport.h"

#include <weir/side.h>
#include <weir/uri.h>

enum {
	// Every name is compared with those before it; nobody needs more, and nobody shall make us compare more.
	PARAMETERS_MAX = 32,
};

static uint32_t scheme_skip(const uint8_t *base, uint32_t at, uint32_t end)
{
	if (at == end || !octet_is(base[at], OCTET_ALPHA))
		return at;
	while (at < end
		&& (octet_is(base[at], OCTET_ALPHA | OCTET_DIGIT) || base[at] == '+'
			|| base[at] == '-' || base[at] == '.'))
		at++;
	return at;
}

static enum uri_scheme scheme_find(struct span name)
{
	if (span_equal_nocase(name, SPAN("sip")))
		return URI_SIP;
	return span_equal_nocase(name, SPAN("sips")) ? URI_SIPS : URI_OTHER;
}

// Takes user and password up to the '@', if there is one. Each of these returns the octet behind what it has taken, or 0.
static uint32_t userinfo_take(const uint8_t *base, uint32_t at, uint32_t end, struct uri *uri)
{
	const uint8_t *mark = memchr(base + at, '@', end - at);

	// Neither host, parameters nor headers may hold an '@', so the first one is this one, and a second one is refused.
	if (mark == NULL)
		return at;
	uint32_t mark_at = (uint32_t)(mark - base);
	uint32_t user_end = octets_skip_escaped(base, at, mark_at, OCTET_USER);

	if (user_end == at)
		return 0;
	uri->has_user = true;
	uri->user = slice_between(at, user_end);
	if (user_end == mark_at)
		return mark_at + 1;
	uint32_t password_end = octets_skip_escaped(base, user_end + 1, mark_at, OCTET_PASSWORD);

	if (base[user_end] != ':' || password_end != mark_at)
		return 0;
	uri->password = slice_between(user_end + 1, password_end);
	return mark_at + 1;
}

static uint32_t hostport_take(const uint8_t *base, uint32_t at, uint32_t end, struct uri *uri)
{
	uint32_t host_end = host_skip(base, at, end);

	if (host_end == 0)
		return 0;
	uri->host = slice_between(at, host_end);
	if (host_end == end || base[host_end] != ':')
		return host_end;
	uri->has_port = true;
	return port_skip(base, host_end + 1, end, &uri->port);
}

// RFC 3261 section 19.1.1: a parameter name must not appear more than once. Which of two counts is anybody's guess.
static bool name_is_repeated(const uint8_t *base, const struct slice *names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (escaped_equal_nocase(
			    slice_span(base, names[i]), slice_span(base, names[count])))
			return true;
	return false;
}

// An escaped transport is refused: who reads escapes there and who does not would send to different places.
static bool transport_take(
	const uint8_t *base, struct slice name, struct slice value, struct uri *uri)
{
	if (!escaped_equal_nocase(slice_span(base, name), SPAN("transport")))
		return true;
	uri->transport = (uint8_t)transport_find(slice_span(base, value));
	return memchr(base + value.offset, '%', value.length) == NULL;
}

// One ";name" or ";name=value" that begins at `at`.
static uint32_t parameter_take(
	const uint8_t *base, uint32_t at, uint32_t end, struct slice *name, struct uri *uri)
{
	uint32_t name_end = octets_skip_escaped(base, at + 1, end, OCTET_URI_PARAMETER);
	uint32_t value = name_end, value_end = name_end;

	if (name_end == at + 1)
		return 0;
	if (name_end < end && base[name_end] == '=') {
		value = name_end + 1;
		value_end = octets_skip_escaped(base, value, end, OCTET_URI_PARAMETER);
	}
	*name = slice_between(at + 1, name_end);
	return transport_take(base, *name, slice_between(value, value_end), uri) ? value_end : 0;
}

static uint32_t parameters_take(const uint8_t *base, uint32_t at, uint32_t end, struct uri *uri)
{
	struct slice names[PARAMETERS_MAX];
	uint32_t begin = at;

	for (unsigned count = 0; at < end && base[at] == ';'; count++) {
		if (count == PARAMETERS_MAX)
			return 0;
		at = parameter_take(base, at, end, &names[count], uri);
		if (at == 0 || name_is_repeated(base, names, count))
			return 0;
	}
	uri->parameters = slice_between(begin, at);
	return at;
}

static bool headers_take(const uint8_t *base, uint32_t at, uint32_t end, struct uri *uri)
{
	if (at == end)
		return true;
	if (base[at] != '?' || at + 1 == end)
		return false;
	uri->headers = slice_between(at + 1, end);
	return octets_skip_escaped(base, at + 1, end, OCTET_URI_HEADER) == end;
}

static bool sip_parse(const uint8_t *base, uint32_t at, uint32_t end, struct uri *uri)
{
	at = userinfo_take(base, at, end, uri);
	if (at == 0)
		return false;
	at = hostport_take(base, at, end, uri);
	if (at == 0)
		return false;
	at = parameters_take(base, at, end, uri);
	return at != 0 && headers_take(base, at, end, uri);
}

bool uri_parse(const uint8_t *base, struct slice text, struct uri *uri)
{
	struct uri parsed = {.text = text};
	uint32_t end = slice_end(text);
	uint32_t colon = scheme_skip(base, text.offset, end);

	if (colon == text.offset || colon >= end - 1 || base[colon] != ':')
		return false;
	parsed.scheme_name = slice_between(text.offset, colon);
	parsed.scheme = (uint8_t)scheme_find(slice_span(base, parsed.scheme_name));
	if (parsed.scheme == URI_OTHER) {
		if (octets_skip_escaped(base, colon + 1, end, OCTET_URI) != end)
			return false;
	} else if (!sip_parse(base, colon + 1, end, &parsed)) {
		return false;
	}
	*uri = parsed;
	return true;
}

uint16_t uri_port(const struct uri *uri)
{
	if (uri->has_port)
		return uri->port;
	return uri->scheme == URI_SIPS || uri->transport == TRANSPORT_TLS ? 5061 : 5060;
}
