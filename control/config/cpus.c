#include "cpus.h"

#include <weir/uri.h>

#include <stdio.h>

static size_t index_of(struct span text, uint8_t octet)
{
	size_t at = 0;

	while (at < text.length && text.octets[at] != octet)
		at++;
	return at;
}

// "3" or "3-5", beginning at or after *next, which moves behind it.
static bool range_read(struct span text, unsigned *next, struct cpus *cpus)
{
	size_t dash = index_of(text, '-');
	uint64_t first;
	uint64_t last;

	if (!number_parse(span_of(text.octets, dash), CPUS_MAX - 1, &first) || first < *next)
		return false;
	last = first;
	if (dash < text.length
		&& (!number_parse(span_of(text.octets + dash + 1, text.length - dash - 1),
			    CPUS_MAX - 1, &last)
			|| last < first))
		return false;
	for (uint64_t cpu = first; cpu <= last; cpu++)
		cpus->set[cpu / 64] |= UINT64_C(1) << (cpu % 64);
	*next = (unsigned)last + 1;
	return true;
}

bool cpus_read(struct span text, struct cpus *cpus)
{
	struct cpus read = {0};
	unsigned next = 0;

	for (;;) {
		size_t comma = index_of(text, ',');

		if (!range_read(span_of(text.octets, comma), &next, &read))
			return false;
		if (comma == text.length)
			break;
		text = span_of(text.octets + comma + 1, text.length - comma - 1);
	}
	*cpus = read;
	return true;
}

static unsigned range_end(const struct cpus *cpus, unsigned first)
{
	while (cpus_has(cpus, first + 1))
		first++;
	return first;
}

const char *cpus_write(const struct cpus *cpus, char *out, size_t capacity)
{
	size_t length = 0;

	out[0] = '\0';
	for (unsigned cpu = 0; cpu < CPUS_MAX && length < capacity; cpu++) {
		const char *comma = length == 0 ? "" : ",";
		unsigned last;

		if (!cpus_has(cpus, cpu))
			continue;
		last = range_end(cpus, cpu);
		if (last == cpu)
			length += (size_t)snprintf(
				out + length, capacity - length, "%s%u", comma, cpu);
		else
			length += (size_t)snprintf(
				out + length, capacity - length, "%s%u-%u", comma, cpu, last);
		cpu = last;
	}
	return out;
}

unsigned cpus_count(const struct cpus *cpus)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CPUS_MAX / 64; i++)
		count += (unsigned)__builtin_popcountll(cpus->set[i]);
	return count;
}

int cpus_find(const struct cpus *cpus, unsigned index)
{
	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++)
		if (cpus_has(cpus, cpu) && index-- == 0)
			return (int)cpu;
	return -1;
}
