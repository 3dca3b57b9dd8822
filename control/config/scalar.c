#include "arena.h"
#include "quantity.h"
#include "scalar_private.h"

#include <weir/uri.h>

bool scalar_refuse(struct scalar_fault *fault, const char *message, const char *hint)
{
	fault->message = message;
	fault->hint = hint;
	return false;
}

bool scalar_refuse_memory(struct scalar_fault *fault)
{
	return scalar_refuse(fault, "out of memory", NULL);
}

bool scalar_text_keep(
	struct span text, struct arena *arena, struct span *out, struct scalar_fault *fault)
{
	*out = span_of(arena_copy(arena, text), text.length);
	return out->octets != NULL || scalar_refuse_memory(fault);
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
		return scalar_refuse(fault,
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
			return scalar_refuse(fault, "this is no number of octets",
				"write for example '1500' or '16KiB'");
		case SCHEMA_RATE:
			return scalar_refuse(
				fault, "this is no rate", "write for example '50/s' or '20k/s'");
		case SCHEMA_PERCENT:
			return scalar_refuse(fault, "this is no share", "write for example '10%'");
		default:
			return scalar_refuse(fault, "this is no number",
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
		return scalar_refuse(fault,
			text_is_digits(text) ? "a duration needs a unit" : "this is no duration",
			"write for example '30s', '15m', '6h' or '7d'");
	if (row->unit == UNIT_S && number % 1000 != 0)
		return scalar_refuse(fault, "this takes whole seconds", "write for example '1s'");
	return number_keep_within(
		row, row->unit == UNIT_S ? number / 1000 : number, arena, out, fault);
}

static bool read_flag(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	bool yes = span_equal(text, SPAN("yes"));

	if (!yes && !span_equal(text, SPAN("no")))
		return scalar_refuse(fault, "this is neither yes nor no", "write 'yes' or 'no'");
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
			return scalar_refuse(fault,
				arena_format(arena, "'%s' is not supported by this release",
					(const char *)text.octets),
				words_list(row->words, arena));
		number_keep(row, value, out);
		return true;
	}
	return scalar_refuse(fault,
		arena_format(
			arena, "'%s' is none of the words for this key", (const char *)text.octets),
		words_list(row->words, arena));
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
		return scalar_refuse(fault, "this is too long",
			arena_format(arena, "at most %llu characters",
				(unsigned long long)row->maximum));
	for (size_t i = 0; row->type == SCHEMA_NAME && i < text.length; i++)
		if (!octet_is_of_name(text.octets[i]))
			return scalar_refuse(fault, "this is no name",
				"a name is made of letters, digits, '.', '_' and '-'");
	return scalar_text_keep(text, arena, out, fault);
}

static bool read_path(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	char *path = NULL;

	if (row->type != SCHEMA_PATH_OR_OFF || !span_equal(text, SPAN("off"))) {
		if (text.octets[0] != '/')
			return scalar_refuse(fault, "this is no absolute path",
				row->type == SCHEMA_PATH_OR_OFF
					? "begin it with '/', or write 'off'"
					: "begin it with '/'");
		if (text.length > row->maximum)
			return scalar_refuse(fault, "this path is too long",
				arena_format(arena, "at most %llu characters",
					(unsigned long long)row->maximum));
		path = arena_copy(arena, text);
		if (path == NULL)
			return scalar_refuse_memory(fault);
	}
	memcpy(out, &path, sizeof(path));
	return true;
}

static bool read_endpoint(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct endpoint endpoint;

	if (!endpoint_parse(text, &endpoint) || endpoint.port == 0)
		return scalar_refuse(fault, "this is no address with a port",
			"write for example 192.0.2.1:5060 or '[2001:db8::1]:5060'");
	memcpy(out, &endpoint, sizeof(endpoint));
	return true;
}

static bool read_network(const struct schema_row *row, struct span text, struct arena *arena,
	void *out, struct scalar_fault *fault)
{
	struct prefix prefix;

	if (!prefix_parse(text, &prefix))
		return scalar_refuse(fault, "this is no network",
			"write for example 192.0.2.0/24, 2001:db8::/32 or one address");
	memcpy(out, &prefix, sizeof(prefix));
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
	[SCHEMA_HOST] = scalar_read_host,
	[SCHEMA_HOST_PORT] = scalar_read_host_port,
	[SCHEMA_URI] = scalar_read_uri,
	[SCHEMA_DEVICE] = scalar_read_device,
	[SCHEMA_CPUS] = scalar_read_cpus,
};

bool scalar_read(const struct schema_row *row, struct span text, struct arena *arena, void *out,
	struct scalar_fault *fault)
{
	if (text.length == 0)
		return scalar_refuse(
			fault, "there is no value here", "leave the key out to get its default");
	return readers[row->type](row, text, arena, out, fault);
}
