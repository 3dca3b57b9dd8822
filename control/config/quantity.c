// quantity.c: numbers with a unit.

#include "quantity.h"

#include <weir/uri.h>

#include <stdio.h>

static size_t digits_length(struct span text)
{
	size_t length = 0;

	while (length < text.length && text.octets[length] >= '0' && text.octets[length] <= '9')
		length++;
	return length;
}

bool quantity_read(struct span text, const struct unit *units, uint64_t *number)
{
	size_t digits = digits_length(text);
	struct span suffix = span_of(text.octets + digits, text.length - digits);
	uint64_t value;

	if (!number_parse(span_of(text.octets, digits), UINT32_MAX, &value))
		return false;
	for (; units->suffix != NULL; units++) {
		if (!span_equal(suffix, span_of(units->suffix, strlen(units->suffix))))
			continue;
		*number = value * units->factor; // 32 bits by less than 32 bits
		return true;
	}
	return false;
}

void quantity_write(uint64_t number, const struct unit *units, char *out, size_t capacity)
{
	const struct unit *best = units;

	for (; units->suffix != NULL; units++)
		if (number % units->factor == 0 && (number > 0 || units->factor == 1))
			best = units;
	snprintf(
		out, capacity, "%llu%s", (unsigned long long)(number / best->factor), best->suffix);
}

const struct unit count_units[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {NULL, 0}};
const struct unit octet_units[] = {
	{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
const struct unit rate_units[] = {{"/s", 1}, {"k/s", 1000}, {"M/s", 1000000}, {NULL, 0}};
const struct unit percent_units[] = {{"%", 1}, {NULL, 0}};
const struct unit duration_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
