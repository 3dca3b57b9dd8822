// range_table.c: prefixes laid flat by one pass in the order of their beginnings.

#include "range_table.h"

#include <errno.h>
#include <stdlib.h>

enum {
	NESTED_MAX = 129, // prefixes of different lengths around one address
};

struct ranked {
	range_address first;
	range_address last;
	uint32_t value;
	uint32_t metric;
	uint32_t order;
	bool local;
};

static struct ranked ranked_make(const struct range_prefix *prefix, size_t order)
{
	const range_address all = ~(range_address)0;
	unsigned length = prefix->prefix.length;
	range_address rest = length == 0 ? all : ((range_address)1 << (128 - length)) - 1;
	range_address first = range_address_read(prefix->prefix.address) & ~rest;

	return (struct ranked){
		.first = first,
		.last = first | rest,
		.value = prefix->value,
		.metric = prefix->metric,
		.order = (uint32_t)order,
		.local = prefix->local,
	};
}

// Outer before inner, and of equal ones the one that counts before the others.
static int ranked_compare(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->last != b->last)
		return a->last > b->last ? -1 : 1;
	if (a->local != b->local)
		return a->local ? -1 : 1;
	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static void range_put(struct range_table *table, range_address from, uint32_t value)
{
	// A prefix that begins where another one begins or ended is the last to say.
	if (table->from[table->count - 1] != from)
		table->from[table->count++] = from;
	table->value[table->count - 1] = value;
}

// The prefixes around the place that the pass has come to.
struct nest {
	struct ranked around[NESTED_MAX];
	unsigned depth;
};

// All that end before `from` do so.
static void nest_leave(struct nest *nest, struct range_table *table, range_address from)
{
	while (nest->depth > 0 && nest->around[nest->depth - 1].last < from) {
		range_address last = nest->around[--nest->depth].last;

		range_put(table, last + 1,
			nest->depth == 0 ? 0 : nest->around[nest->depth - 1].value);
	}
}

static void nest_enter(struct nest *nest, struct range_table *table, struct ranked inner)
{
	const struct ranked *outer = nest->depth == 0 ? NULL : &nest->around[nest->depth - 1];

	if (outer != NULL && outer->first == inner.first && outer->last == inner.last)
		return;
	if (outer != NULL && outer->local) {
		inner.value = outer->value;
		inner.local = true;
	}
	range_put(table, inner.first, inner.value);
	nest->around[nest->depth++] = inner;
}

static void ranges_lay(struct range_table *table, const struct ranked *ranked, size_t count)
{
	const range_address highest = ~(range_address)0;
	struct nest nest = {.depth = 0};

	for (size_t i = 0; i < count; i++) {
		nest_leave(&nest, table, ranked[i].first);
		nest_enter(&nest, table, ranked[i]);
	}
	nest_leave(&nest, table, highest);
}

int range_table_init(struct range_table *table, uint8_t family, const struct range_prefix *prefixes,
	size_t count)
{
	struct ranked *ranked = calloc(count + 1, sizeof(*ranked));
	size_t used = 0;

	// A prefix begins a range and ends one, which begins the next.
	*table = (struct range_table){
		.from = calloc(2 * count + 1, sizeof(*table->from)),
		.value = calloc(2 * count + 1, sizeof(*table->value)),
		.count = 1,
	};
	if (ranked == NULL || table->from == NULL || table->value == NULL) {
		free(ranked);
		range_table_fini(table);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		if (prefixes[i].prefix.family == family)
			ranked[used++] = ranked_make(&prefixes[i], i);
	qsort(ranked, used, sizeof(*ranked), ranked_compare);
	ranges_lay(table, ranked, used);
	free(ranked);
	return 0;
}

void range_table_fini(struct range_table *table)
{
	free(table->from);
	free(table->value);
	*table = (struct range_table){.from = NULL};
}
