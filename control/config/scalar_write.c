// scalar_write.c: values as they would be written in a file.

#include "arena.h"
#include "cpus.h"
#include "quantity.h"
#include "scalar.h"

static uint64_t number_of(const struct schema_row *row, const void *value)
{
	uint8_t octet;
	uint16_t half;
	uint32_t word;

	switch (row->size) {
	case sizeof(octet):
		memcpy(&octet, value, sizeof(octet));
		return octet;
	case sizeof(half):
		memcpy(&half, value, sizeof(half));
		return half;
	default:
		memcpy(&word, value, sizeof(word));
		return word;
	}
}

static const char *write_quantity(uint64_t number, const struct unit *units, struct arena *arena)
{
	char text[32];

	quantity_write(number, units, text, sizeof(text));
	return arena_format(arena, "%s", text);
}

static const char *write_choice(
	const struct schema_row *row, const void *value, struct arena *arena)
{
	uint64_t left = number_of(row, value) - row->minimum;
	const char *word = row->words;

	for (; left > 0 && word != NULL; left--) {
		word = strchr(word, '|');
		word = word == NULL ? NULL : word + 1;
	}
	if (word == NULL)
		return NULL;
	word += *word == '!';
	return arena_format(arena, "%.*s", (int)strcspn(word, "|"), word);
}

static const char *write_span(struct span text, struct arena *arena)
{
	return text.length == 0 ? NULL : arena_copy(arena, text);
}

static const char *write_path(const struct schema_row *row, const void *value, struct arena *arena)
{
	const char *path;

	memcpy(&path, value, sizeof(path));
	if (path == NULL)
		return row->type == SCHEMA_PATH_OR_OFF ? "off" : NULL;
	return arena_format(arena, "%s", path);
}

static const char *write_endpoint(const struct endpoint *endpoint, struct arena *arena)
{
	uint8_t text[ENDPOINT_TEXT_MAX];

	if (endpoint->family == ENDPOINT_NONE)
		return NULL;
	return arena_copy(arena, span_of(text, endpoint_format(endpoint, text)));
}

static const char *write_network(const struct prefix *prefix, struct arena *arena)
{
	struct endpoint endpoint = {.family = prefix->family};
	uint8_t text[ENDPOINT_TEXT_MAX];
	size_t length;

	if (prefix->family == ENDPOINT_NONE)
		return NULL;
	memcpy(endpoint.address, prefix->address, sizeof(endpoint.address));
	length = endpoint_format_host(&endpoint, text);
	if (prefix->family == ENDPOINT_V6) // a network has no brackets
		return arena_format(
			arena, "%.*s/%u", (int)length - 2, (char *)text + 1, prefix->length);
	return arena_format(arena, "%.*s/%u", (int)length, (char *)text, prefix->length);
}

static const char *write_cpus(const struct cpus *cpus, struct arena *arena)
{
	char text[256];

	if (cpus_count(cpus) == 0)
		return "auto";
	return arena_format(arena, "%s", cpus_write(cpus, text, sizeof(text)));
}

const char *scalar_write(const struct schema_row *row, const void *value, struct arena *arena)
{
	const struct config_host *host = value;
	const struct config_uri *uri = value;
	const struct span *text = value;
	const bool *flag = value;

	switch (row->type) {
	case SCHEMA_NUMBER:
		return write_quantity(number_of(row, value), count_units, arena);
	case SCHEMA_OCTETS:
		return write_quantity(number_of(row, value), octet_units, arena);
	case SCHEMA_RATE:
		return write_quantity(number_of(row, value), rate_units, arena);
	case SCHEMA_PERCENT:
		return write_quantity(number_of(row, value), percent_units, arena);
	case SCHEMA_DURATION:
		return write_quantity(number_of(row, value) * (row->unit == UNIT_S ? 1000 : 1),
			duration_units, arena);
	case SCHEMA_FLAG:
		return *flag ? "yes" : "no";
	case SCHEMA_CHOICE:
		return write_choice(row, value, arena);
	case SCHEMA_NAME:
	case SCHEMA_TEXT:
	case SCHEMA_HOST:
	case SCHEMA_DEVICE:
		return write_span(*text, arena);
	case SCHEMA_PATH:
	case SCHEMA_PATH_OR_OFF:
		return write_path(row, value, arena);
	case SCHEMA_ENDPOINT:
		return write_endpoint(value, arena);
	case SCHEMA_NETWORK:
		return write_network(value, arena);
	case SCHEMA_HOST_PORT:
		return write_span(host->text, arena);
	case SCHEMA_URI:
		return write_span(uri->text, arena);
	case SCHEMA_CPUS:
		return write_cpus(value, arena);
	default:
		return NULL;
	}
}
