#include "flow_set.h"

#include "header_lines.h"

#include <errno.h>
#include <stdlib.h>

enum {
	RANK_LIVES,
	RANK_DEAD_HOP,
	RANK_FAILED,
	RANKS,
};

// The URI of the first value of a Path list.
static struct span path_first(struct span path)
{
	struct name_address address;

	if (!name_address_parse(path.octets, header_list_first(path), &address))
		return span_of(NULL, 0);
	return slice_span(path.octets, address.uri);
}

static struct span text_keep(uint8_t **at, struct span text)
{
	struct span kept = span_of(*at, text.length);

	if (text.length > 0)
		memcpy(*at, text.octets, text.length);
	*at += text.length;
	return kept;
}

static void flow_keep(struct flow *flow, uint8_t **at, const struct binding *binding)
{
	flow->contact = text_keep(at, binding->contact);
	flow->path = text_keep(at, binding->path);
	flow->connection = binding->flow;
	flow->hop = flow->path.length > 0 ? path_first(flow->path) : flow->contact;
}

static bool is_same_instance(const struct binding *a, const struct binding *b)
{
	return a == b || (a->instance.length > 0 && span_equal(a->instance, b->instance));
}

struct gathered {
	const struct binding *bindings[BINDINGS_MAX];
	uint8_t ranks[BINDINGS_MAX];
	bool placed[BINDINGS_MAX];
	unsigned count;
	size_t octets;
};

static void gather(struct gathered *all, const struct binding *bindings, struct span instance,
	flow_hop_lives *lives, void *context)
{
	for (; bindings != NULL && all->count < BINDINGS_MAX; bindings = bindings->next) {
		if (instance.length > 0 && !span_equal(bindings->instance, instance))
			continue;
		struct span hop =
			bindings->path.length > 0 ? path_first(bindings->path) : bindings->contact;
		// A connection that has closed is in no binding any more.
		bool alive = bindings->flow.connection != 0 || lives(context, hop);
		all->ranks[all->count] = bindings->failed ? RANK_FAILED
			: alive                           ? RANK_LIVES
							  : RANK_DEAD_HOP;
		all->bindings[all->count++] = bindings;
		all->octets += bindings->contact.length + bindings->path.length;
	}
}

int flow_set_fill(struct flow_set *set, const struct binding *bindings, struct span instance,
	flow_hop_lives *lives, void *context)
{
	struct gathered all = {0};
	unsigned flows = 0;

	gather(&all, bindings, instance, lives, context);
	set->instance_count = 0;
	set->text = malloc(all.octets + 1);
	if (set->text == NULL)
		return -ENOMEM;
	uint8_t *at = set->text;
	for (unsigned i = 0; i < all.count; i++) {
		struct instance *place = &set->instances[set->instance_count];
		if (all.placed[i])
			continue;
		*place = (struct instance){.first = (uint8_t)flows};
		for (unsigned rank = 0; rank < RANKS; rank++) {
			for (unsigned j = i; j < all.count; j++) {
				if (all.ranks[j] != rank
					|| !is_same_instance(all.bindings[i], all.bindings[j]))
					continue;
				all.placed[j] = true;
				flow_keep(&set->flows[flows++], &at, all.bindings[j]);
			}
		}
		place->count = (uint8_t)(flows - place->first);
		set->instance_count++;
	}
	return 0;
}

int flow_set_fill_one(struct flow_set *set, struct span hop)
{
	set->text = malloc(hop.length + 1);
	if (set->text == NULL)
		return -ENOMEM;
	uint8_t *at = set->text;
	set->flows[0] = (struct flow){.hop = text_keep(&at, hop)};
	set->instances[0] = (struct instance){0, 1};
	set->instance_count = 1;
	return 0;
}

void flow_set_free(struct flow_set *set)
{
	free(set->text);
	set->text = NULL;
	set->instance_count = 0;
}
