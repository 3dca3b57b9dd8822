#include "scalar.h"

#include "arena.h"
#include "cpus.h"
#include "device.h"
#include "quantity.h"

#include <weir/uri.h>

enum {
	HOST_OCTETS_MAX = 255,
	URI_OCTETS_MAX = 512,
};

typedef bool scalar_reader(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault);

static bool refuse(struct scalar_fault *fault, const char *message, const char *hint)
{
	fault->message = message;
	fault->hint = hint;
	return false;
}

static bool refuse_memory(struct scalar_fault *fault)
{
	return refuse(fault, "out of memory", NULL);
}

static void number_keep(const struct schema_row *row, uint64_t number, void *out)
{
	uint8_t octet = (uint8_t)number;
	uint16_t half = (uint16_t)number;
	uint32_t word = (uint32_t)number;

	if (row->size == sizeof(octet))
		memcpy(out, &octet, sizeof(octet));
	else if (row->size == sizeof(half))
		memcpy(out, &half, sizeof(half));
	else if (row->size == sizeof(word))
		memcpy(out, &word, sizeof(word));
}

static bool number_keep_within(const struct schema_row *row, uint64_t number, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	char limits[64];

	if (number < row->minimum || number > row->maximum) {
		if (!schema_write_limits(row, limits, sizeof(limits)))
			limits[0] = '\0';
		return refuse(fault,
			number < row->minimum ? "this is too little" : "this is too much",
			arena_format(arena, "%s may be from %s", row->path, limits));
	}
	number_keep(row, number, out);
	return true;
}

static const struct unit *row_units(const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_OCTETS:
		return octet_units;
	case SCHEMA_RATE:
		return rate_units;
	case SCHEMA_PERCENT:
		return percent_units;
	default:
		return count_units;
	}
}

static bool read_number(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	uint64_t number;

	if (!quantity_read(text, row_units(row), &number)) {
		switch (row->type) {
		case SCHEMA_OCTETS:
			return refuse(fault, "this is no number of octets",
				"write for example '1500' or '16KiB'");
		case SCHEMA_RATE:
			return refuse(
				fault, "this is no rate", "write for example '50/s' or '20k/s'");
		case SCHEMA_PERCENT:
			return refuse(fault, "this is no share", "write for example '10%'");
		default:
			return refuse(fault, "this is no number",
				"write for example '12', '20k' or '1M'");
		}
	}
	return number_keep_within(row, number, arena, out, fault);
}

static bool text_is_digits(struct span text)
{
	uint64_t number;

	return number_parse(text, UINT64_MAX, &number);
}

static bool read_duration(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	uint64_t number;

	if (!quantity_read(text, duration_units, &number))
		return refuse(fault,
			text_is_digits(text) ? "a duration needs a unit" : "this is no duration",
			"write for example '30s', '15m', '6h' or '7d'");
	if (row->unit == UNIT_S && number % 1000 != 0)
		return refuse(fault, "this takes whole seconds", "write for example '1s'");
	return number_keep_within(
		row, row->unit == UNIT_S ? number / 1000 : number, arena, out, fault);
}

static bool read_flag(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	bool yes = span_equal(text, SPAN("yes"));

	if (!yes && !span_equal(text, SPAN("no")))
		return refuse(fault, "this is neither yes nor no", "write 'yes' or 'no'");
	memcpy(out, &yes, sizeof(yes));
	return true;
}

// The next word of "a|b|!c"; *later is set if it begins with '!'. False: there is none.
static bool words_next(const char **words, struct span *word, bool *later)
{
	const char *begin = *words;
	const char *end = begin;

	if (*begin == '\0')
		return false;
	*later = *begin == '!';
	begin += *later;
	for (end = begin; *end != '\0' && *end != '|'; end++)
		;
	*word = span_of(begin, (size_t)(end - begin));
	*words = *end == '|' ? end + 1 : end;
	return true;
}

static const char *words_list(const char *words, struct arena *arena)
{
	const char *list = "write";
	struct span word;
	bool later;

	for (const char *divider = ""; list != NULL && words_next(&words, &word, &later);) {
		if (later)
			continue;
		list = arena_format(arena, "%s%s '%.*s'", list, divider, (int)word.length,
			(const char *)word.octets);
		divider = " or";
	}
	return list;
}

static bool read_choice(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	const char *words = row->words;
	uint64_t value = row->minimum;
	struct span word;
	bool later;

	for (; words_next(&words, &word, &later); value++) {
		if (!span_equal(word, text))
			continue;
		if (later)
			return refuse(fault,
				arena_format(arena, "'%s' is not supported by this release",
					(const char *)text.octets),
				words_list(row->words, arena));
		number_keep(row, value, out);
		return true;
	}
	return refuse(fault,
		arena_format(
			arena, "'%s' is none of the words for this key", (const char *)text.octets),
		words_list(row->words, arena));
}

static bool text_keep(
	struct span text, struct arena *arena, struct span *out, struct scalar_fault *fault)
{
	*out = span_of(arena_copy(arena, text), text.length);
	return out->octets != NULL || refuse_memory(fault);
}

static bool octet_is_of_name(uint8_t octet)
{
	uint8_t lower = octet_lower(octet);

	return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9') || octet == '.'
		|| octet == '_' || octet == '-';
}

static bool read_text(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	if (text.length > row->maximum)
		return refuse(fault, "this is too long",
			arena_format(arena, "at most %llu characters",
				(unsigned long long)row->maximum));
	for (size_t i = 0; row->type == SCHEMA_NAME && i < text.length; i++)
		if (!octet_is_of_name(text.octets[i]))
			return refuse(fault, "this is no name",
				"a name is made of letters, digits, '.', '_' and '-'");
	return text_keep(text, arena, out, fault);
}

static bool read_path(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	char *path = NULL;

	if (row->type != SCHEMA_PATH_OR_OFF || !span_equal(text, SPAN("off"))) {
		if (text.octets[0] != '/')
			return refuse(fault, "this is no absolute path",
				row->type == SCHEMA_PATH_OR_OFF
					? "begin it with '/', or write 'off'"
					: "begin it with '/'");
		if (text.length > row->maximum)
			return refuse(fault, "this path is too long",
				arena_format(arena, "at most %llu characters",
					(unsigned long long)row->maximum));
		path = arena_copy(arena, text);
		if (path == NULL)
			return refuse_memory(fault);
	}
	memcpy(out, &path, sizeof(path));
	return true;
}

static bool read_endpoint(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct endpoint endpoint;

	if (!endpoint_parse(text, &endpoint) || endpoint.port == 0)
		return refuse(fault, "this is no address with a port",
			"write for example 192.0.2.1:5060 or '[2001:db8::1]:5060'");
	memcpy(out, &endpoint, sizeof(endpoint));
	return true;
}

static bool read_network(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct prefix prefix;

	if (!prefix_parse(text, &prefix))
		return refuse(fault, "this is no network",
			"write for example 192.0.2.0/24, 2001:db8::/32 or one address");
	memcpy(out, &prefix, sizeof(prefix));
	return true;
}

// The URI of which the text is what follows "sip:"; the whole stays in the arena, so that slices of it can be kept.
static bool host_parse(struct span text, struct arena *arena, struct uri *uri, struct span *base)
{
	char *whole = arena_format(arena, "sip:%s", (const char *)text.octets);

	if (whole == NULL || text.length > HOST_OCTETS_MAX)
		return false;
	*base = span_of(whole, text.length + 4);
	return uri_parse(base->octets, (struct slice){0, (uint16_t)base->length}, uri)
		&& !uri->has_user && uri->parameters.length == 0 && uri->headers.length == 0;
}

// A part of a URI as a text of its own, ending in a NUL.
static bool part_keep(const uint8_t *base, struct slice part, struct arena *arena, struct span *out,
	struct scalar_fault *fault)
{
	return text_keep(slice_span(base, part), arena, out, fault);
}

static bool read_host(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct span base;
	struct uri uri;

	if (!host_parse(text, arena, &uri, &base) || uri.has_port)
		return refuse(
			fault, "this is no host", "write a name or an address, without a port");
	return text_keep(text, arena, out, fault);
}

static bool read_host_port(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct config_host host = {0};
	struct span base;
	struct uri uri;

	if (!host_parse(text, arena, &uri, &base))
		return refuse(fault, "this is no host",
			"write a name or an address, with or without a port");
	host.port = uri.port;
	if (!text_keep(text, arena, &host.text, fault)
		|| !part_keep(base.octets, uri.host, arena, &host.host, fault))
		return false;
	memcpy(out, &host, sizeof(host));
	return true;
}

// Transports that the parser does not know count as none, so the parameter itself is looked for.
static bool uri_is_over_udp(const uint8_t *base, const struct uri *uri)
{
	struct slice value;

	return uri->scheme != URI_SIPS
		&& (uri->transport == TRANSPORT_UDP
			|| !parameter_find(base, uri->parameters, SPAN("transport"), &value));
}

static bool read_uri(const struct schema_row *row, struct span text, struct arena *arena, void *out,
	struct scalar_fault *fault)
{
	static const char hint[] = "write for example sip:core.example.net or sip:10.0.0.9:5060";
	struct config_uri target = {0};
	struct uri uri;

	if (text.length > URI_OCTETS_MAX
		|| !uri_parse(text.octets, (struct slice){0, (uint16_t)text.length}, &uri))
		return refuse(fault, "this is no SIP URI", hint);
	if (!uri_is_over_udp(text.octets, &uri))
		return refuse(fault, "this transport is not supported by this release", hint);
	if (uri.scheme != URI_SIP || uri.has_user || uri.headers.length > 0)
		return refuse(fault, "this is no SIP URI of a host", hint);
	target.port = uri.port;
	target.transport = uri.transport;
	if (!text_keep(text, arena, &target.text, fault)
		|| !part_keep(text.octets, uri.host, arena, &target.host, fault))
		return false;
	memcpy(out, &target, sizeof(target));
	return true;
}

// A card has one spelling from here on: lower case, with its domain.
static const char *device_write(struct span text, struct arena *arena)
{
	struct span base = device_name_base(text);
	bool short_form = base.length < sizeof("0000:00:00.0") - 1;
	char *name = arena_format(arena, "%s%.*s", device_is_pci(text) && short_form ? "0000:" : "",
		(int)text.length, (const char *)text.octets);

	for (char *at = name; device_is_pci(text) && at != NULL && *at != '\0' && *at != ','; at++)
		*at = (char)octet_lower((uint8_t)*at);
	return name;
}

static bool read_device(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct span name;
	const char *why;

	if (!device_name_check(text, &why))
		return refuse(fault, why,
			"write for example 0000:3b:00.0, \"net_af_xdp0,iface=eth0\" or "
			"\"net_af_packet0,iface=eth0\"");
	name.octets = (const uint8_t *)device_write(text, arena);
	if (name.octets == NULL)
		return refuse_memory(fault);
	name.length = strlen((const char *)name.octets);
	memcpy(out, &name, sizeof(name));
	return true;
}

static bool read_cpus(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct cpus cpus = {0};

	if (!span_equal(text, SPAN("auto")) && !cpus_read(text, &cpus))
		return refuse(fault, "these are no processors",
			"write 'auto', or numbers as '2-5' or '2,4,8-11', rising");
	memcpy(out, &cpus, sizeof(cpus));
	return true;
}

static scalar_reader *const readers[SCHEMA_TYPES] = {
	[SCHEMA_NUMBER] = read_number,
	[SCHEMA_OCTETS] = read_number,
	[SCHEMA_RATE] = read_number,
	[SCHEMA_PERCENT] = read_number,
	[SCHEMA_DURATION] = read_duration,
	[SCHEMA_FLAG] = read_flag,
	[SCHEMA_CHOICE] = read_choice,
	[SCHEMA_NAME] = read_text,
	[SCHEMA_TEXT] = read_text,
	[SCHEMA_PATH] = read_path,
	[SCHEMA_PATH_OR_OFF] = read_path,
	[SCHEMA_ENDPOINT] = read_endpoint,
	[SCHEMA_NETWORK] = read_network,
	[SCHEMA_HOST] = read_host,
	[SCHEMA_HOST_PORT] = read_host_port,
	[SCHEMA_URI] = read_uri,
	[SCHEMA_DEVICE] = read_device,
	[SCHEMA_CPUS] = read_cpus,
};

bool scalar_read(const struct schema_row *row, struct span text, struct arena *arena, void *out,
	struct scalar_fault *fault)
{
	if (text.length == 0)
		return refuse(
			fault, "there is no value here", "leave the key out to get its default");
	return readers[row->type](row, text, arena, out, fault);
}
