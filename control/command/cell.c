#include "cell.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
	NUMBER_OCTETS = 32,
};

enum unit {
	UNIT_PLAIN, // an id, or a small number
	UNIT_COUNT,
	UNIT_SECONDS,
	UNIT_MILLISECONDS,
	UNIT_MICROSECONDS,
	UNIT_OCTETS,
	UNIT_PERCENT,
};

static const struct {
	const char *suffix;
	enum unit unit;
} units[] = {
	{"_count", UNIT_COUNT},
	{"_s", UNIT_SECONDS},
	{"_ms", UNIT_MILLISECONDS},
	{"_us", UNIT_MICROSECONDS},
	{"_octets", UNIT_OCTETS},
	{"_percent", UNIT_PERCENT},
};

// The key's unit, and its length without it.
static enum unit key_unit(const char *key, size_t *length)
{
	*length = strlen(key);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t suffix = strlen(units[i].suffix);

		if (*length <= suffix || strcmp(key + *length - suffix, units[i].suffix) != 0)
			continue;
		*length -= suffix;
		return units[i].unit;
	}
	return UNIT_PLAIN;
}

size_t cell_title_length(const char *key)
{
	size_t length;

	(void)key_unit(key, &length);
	return length;
}

// 1,204,331
static void write_grouped(long long number, char *out, size_t capacity)
{
	char digits[NUMBER_OCTETS];
	size_t length = (size_t)snprintf(digits, sizeof(digits), "%lld", number);
	size_t at = 0;

	for (size_t i = 0; i < length && at + 2 < capacity; i++) {
		if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
}

// The two largest units: 3d 4h, 5m 2s, 12s.
static void write_time(long long seconds, char *out)
{
	static const struct {
		const char *name;
		long long seconds;
	} parts[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
	unsigned i = 0;

	while (i < 3 && seconds < parts[i].seconds)
		i++;
	if (i == 3)
		snprintf(out, CELL_OCTETS, "%llds", seconds);
	else
		snprintf(out, CELL_OCTETS, "%lld%s %lld%s", seconds / parts[i].seconds,
			parts[i].name, seconds % parts[i].seconds / parts[i + 1].seconds,
			parts[i + 1].name);
}

static void write_number(enum unit unit, long long number, char *out)
{
	char grouped[NUMBER_OCTETS * 2];

	write_grouped(number, grouped, sizeof(grouped));
	switch (unit) {
	case UNIT_SECONDS:
		write_time(number, out);
		break;
	case UNIT_MILLISECONDS:
		snprintf(out, CELL_OCTETS, "%s ms", grouped);
		break;
	case UNIT_MICROSECONDS:
		snprintf(out, CELL_OCTETS, "%s us", grouped);
		break;
	case UNIT_OCTETS:
		snprintf(out, CELL_OCTETS, "%s octets", grouped);
		break;
	case UNIT_PERCENT:
		snprintf(out, CELL_OCTETS, "%s%%", grouped);
		break;
	case UNIT_COUNT:
		snprintf(out, CELL_OCTETS, "%s", grouped);
		break;
	default:
		snprintf(out, CELL_OCTETS, "%lld", number);
	}
}

// Texts may hold what came from outside: nothing of it may drive a terminal.
static void write_text(const char *text, char *out)
{
	size_t at = 0;

	for (; *text != '\0' && at + 1 < CELL_OCTETS; text++)
		out[at++] = (uint8_t)*text < 0x20 || *text == 0x7f ? '?' : *text;
	out[at] = '\0';
}

static void write_array(const char *key, const json_t *array, char *out)
{
	const json_t *entry;
	size_t index;
	size_t at = 0;

	snprintf(out, CELL_OCTETS, "%s", json_array_size(array) == 0 ? "-" : "");
	json_array_foreach(array, index, entry)
	{
		char text[CELL_OCTETS] = "...";
		size_t length;

		if (!json_is_array(entry) && !json_is_object(entry))
			cell_write(key, entry, text);
		length = strlen(text) + (index > 0 ? 2 : 0);
		if (at + length >= CELL_OCTETS)
			return;
		at += (size_t)snprintf(
			out + at, CELL_OCTETS - at, "%s%s", index > 0 ? ", " : "", text);
	}
}

// Characters, not octets: what continues a character takes no column.
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

size_t cell_write(const char *key, const json_t *value, char *out)
{
	size_t length;

	if (json_is_string(value))
		write_text(json_string_value(value), out);
	else if (json_is_integer(value))
		write_number(key_unit(key, &length), json_integer_value(value), out);
	else if (json_is_real(value))
		snprintf(out, CELL_OCTETS, "%.2f", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(out, CELL_OCTETS, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		write_array(key, value, out);
	else
		snprintf(out, CELL_OCTETS, "-");
	return width_of(out);
}

const char *cell_color(const json_t *value)
{
	static const struct {
		const char *word;
		const char *paint;
	} words[] = {
		{"down", "\033[31m"},
		{"dead", "\033[31m"},
		{"error", "\033[31m"},
		{"forged", "\033[31m"},
		{"suspect", "\033[33m"},
		{"doubtful", "\033[33m"},
		{"warning", "\033[33m"},
		{"up", "\033[32m"},
		{"live", "\033[32m"},
	};
	const char *text = json_string_value(value);

	for (size_t i = 0; text != NULL && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, text) == 0)
			return words[i].paint;
	return json_is_false(value) ? "\033[33m" : "";
}
