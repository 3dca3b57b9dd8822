// flow_book.c: sources, records and changes.

#include "book_private.h"
#include "mix.h"

#include <stdlib.h>

static int book_allocate(struct flow_book *book)
{
	const struct flow_book_options *options = &book->options;
	size_t flows = (size_t)options->flows_max + 1;

	book->flows = calloc(flows, sizeof(*book->flows));
	book->due_s = calloc(flows, sizeof(*book->due_s));
	book->changes = calloc(flows, sizeof(*book->changes));
	book->source_mask = mix_mask(options->flows_max);
	book->sources = calloc((size_t)book->source_mask + 1, sizeof(*book->sources));
	if (book->flows == NULL || book->due_s == NULL || book->changes == NULL
		|| book->sources == NULL)
		return -1;
	if (slots_init(&book->slots, options->flows_max, options->bounds.reserved_percent,
		    options->seed)
		!= 0)
		return -1;
	flow_book_set_bounds(book, &options->bounds);
	return rows_init(&book->rows, options->rows_max);
}

struct flow_book *flow_book_new(const struct flow_book_options *options, struct flow_time time)
{
	struct flow_book *book = calloc(1, sizeof(*book));

	if (book == NULL)
		return NULL;
	book->options = *options;
	book->start_ms = time.now_ms;
	if (book_allocate(book) != 0) {
		flow_book_free(book);
		return NULL;
	}
	slots_note_generation(&book->slots, (uint32_t)(time.wall_ms / 1000));
	return book;
}

void flow_book_free(struct flow_book *book)
{
	if (book == NULL)
		return;
	for (uint32_t slot = 1; slot <= book->highest; slot++)
		while (book->flows[slot].rows != NULL)
			rows_delete(&book->rows, &book->flows[slot].rows);
	rows_fini(&book->rows);
	slots_fini(&book->slots);
	free(book->flows);
	free(book->due_s);
	free(book->changes);
	free(book->sources);
	free(book);
}

void flow_book_set_bounds(struct flow_book *book, const struct flow_bounds *bounds)
{
	book->options.bounds = *bounds;
	slots_set_bounds(&book->slots, bounds->reserved_percent, bounds->reserved_per_network);
}

uint32_t *book_source_list(struct flow_book *book, const struct flow_source *source)
{
	uint64_t hash = mix_number(book->options.seed, source->listener);

	hash = mix_octets(hash, span_of(&source->peer, sizeof(source->peer)));
	return &book->sources[hash & book->source_mask];
}

void book_link_source(struct flow_book *book, uint32_t slot)
{
	uint32_t *list = book_source_list(book, &book->flows[slot].source);

	book->flows[slot].source_next = *list;
	*list = slot;
	if (slot > book->highest)
		book->highest = slot;
}

static void source_unlink(struct flow_book *book, uint32_t slot)
{
	uint32_t *link = book_source_list(book, &book->flows[slot].source);

	while (*link != slot)
		link = &book->flows[*link].source_next;
	*link = book->flows[slot].source_next;
}

uint32_t book_find_source(
	const struct flow_book *book, const struct flow_source *source, enum slot_phase phase)
{
	uint32_t slot = *book_source_list((struct flow_book *)book, source);

	while (slot != 0) {
		const struct book_flow *flow = &book->flows[slot];

		if (book->slots.slot[slot].phase == phase
			&& flow->source.listener == source->listener
			&& flow->source.outgoing == source->outgoing
			&& endpoint_equal(&flow->source.peer, &source->peer))
			break;
		slot = flow->source_next;
	}
	return slot;
}

struct book_flow *book_find(const struct flow_book *book, struct flow_id id)
{
	if (id.edge != book->options.edge || id.slot == 0 || id.slot > book->options.flows_max)
		return NULL;
	const struct slot *slot = &book->slots.slot[id.slot];
	if (slot->generation != id.generation
		|| (slot->phase != SLOT_RESERVED && slot->phase != SLOT_HELD))
		return NULL;
	return &book->flows[id.slot];
}

bool flow_book_find(
	const struct flow_book *book, const struct flow_source *source, struct flow_id *id)
{
	uint32_t slot = book_find_source(book, source, SLOT_HELD);

	if (slot == 0)
		return false;
	*id = (struct flow_id){book->options.edge, slot, book->slots.slot[slot].generation};
	return true;
}

void book_mark_changed(struct flow_book *book, uint32_t slot)
{
	if (book->flows[slot].changed)
		return;
	book->flows[slot].changed = true;
	book->changes[book->change_count++] = slot;
}

void book_end(struct flow_book *book, uint32_t slot, uint64_t now_ms)
{
	struct book_flow *flow = &book->flows[slot];

	while (flow->rows != NULL)
		rows_delete(&book->rows, &flow->rows);
	if (book->slots.slot[slot].phase == SLOT_HELD) {
		book_mark_changed(book, slot);
		book->held--;
		book->live -= flow->state == FLOW_LIVE;
	}
	source_unlink(book, slot);
	slots_release(&book->slots, slot, &flow->source.peer, now_ms);
	book->due_s[slot] = 0;
	*flow = (struct book_flow){.source = flow->source, .changed = flow->changed};
}

bool book_is_shared(const struct flow_book *book, const struct endpoint *peer)
{
	for (unsigned i = 0; i < book->options.bounds.shared_count; i++)
		if (prefix_contains(&book->options.bounds.shared[i], peer))
			return true;
	return false;
}

void book_write_record(const struct flow_book *book, uint32_t slot, struct flow_record *record)
{
	const struct book_flow *flow = &book->flows[slot];
	unsigned count = 0;

	for (const struct book_row *row = flow->rows; row != NULL; row = row->flow_next)
		if (!row->removed)
			record->rows[count++] = row->row;
	record->id = (struct flow_id){book->options.edge, slot, book->slots.slot[slot].generation};
	record->state = flow->state;
	record->listener = flow->source.listener;
	record->transport = flow->source.transport;
	record->flags = flow->flags;
	record->thread = flow->source.thread;
	record->row_count = (uint16_t)count;
	record->peer = flow->source.peer;
}

bool flow_book_next(const struct flow_book *book, uint32_t slot, struct flow_record *record)
{
	while (slot < book->highest)
		if (book->slots.slot[++slot].phase == SLOT_HELD) {
			book_write_record(book, slot, record);
			return true;
		}
	return false;
}

bool flow_book_has_changes(const struct flow_book *book)
{
	return book->change_count > 0;
}

void flow_book_walk_changes(const struct flow_book *book,
	void (*each)(void *context, const struct flow_record *record), void *context)
{
	struct flow_record record;

	for (uint32_t i = 0; i < book->change_count; i++) {
		book_write_record(book, book->changes[i], &record);
		each(context, &record);
	}
}

void flow_book_clear_changes(struct flow_book *book)
{
	for (uint32_t i = 0; i < book->change_count; i++)
		book->flows[book->changes[i]].changed = false;
	book->change_count = 0;
}

void flow_book_note_generation(struct flow_book *book, uint32_t generation)
{
	slots_note_generation(&book->slots, generation);
}

uint32_t flow_book_behind_s(const struct flow_book *book, struct flow_time time)
{
	uint64_t wall_s = time.wall_ms / 1000;

	return wall_s > book->slots.floor ? 0 : (uint32_t)(book->slots.floor - wall_s + 1);
}

void flow_book_count(const struct flow_book *book, struct flow_book_usage *usage)
{
	*usage = (struct flow_book_usage){
		.held = book->held,
		.live = book->live,
		.reserved = book->slots.reserved,
		.resting = book->slots.resting,
		.rows = book->rows.count,
		.newest_generation = book->slots.newest_generation,
	};
	memcpy(usage->refused, book->refused, sizeof(usage->refused));
}
