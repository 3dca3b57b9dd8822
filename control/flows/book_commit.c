// book_commit.c: what the registrar says becomes rows; newer rows supersede older ones.

#include "book_private.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

// Keeps the flow's rows below their limit: what is only remembered makes way.
static bool room_make(struct flow_book *book, struct book_flow *flow)
{
	struct book_row **oldest = NULL;
	unsigned count = 0;

	for (struct book_row **link = &flow->rows; *link != NULL; link = &(*link)->flow_next) {
		count++;
		if ((*link)->removed && oldest == NULL)
			oldest = link;
	}
	if (count < FLOW_ROWS_MAX)
		return true;
	if (oldest == NULL)
		return false;
	rows_delete(&book->rows, oldest);
	return true;
}

struct book_row *book_find_row(struct book_flow *flow, uint64_t uak, uint32_t reg_id)
{
	struct book_row *row = flow->rows;

	while (row != NULL && (row->row.uak != uak || row->row.reg_id != reg_id))
		row = row->flow_next;
	return row;
}

static enum flow_result row_put(struct flow_book *book, uint32_t slot, const struct row *row,
	const struct flow_binding *binding, uint64_t now_ms)
{
	struct book_flow *flow = &book->flows[slot];
	struct book_row *found = book_find_row(flow, row->uak, row->reg_id);
	bool explicit = found != NULL && !found->removed && found->parent == row->uak;

	if (found == NULL) {
		if (!room_make(book, flow))
			return FLOW_ROWS_FULL;
		found = rows_add(&book->rows, &flow->rows, slot, row);
		if (found == NULL)
			return FLOW_FULL;
		flow->row_count++;
	} else if (found->removed) {
		found->removed = false;
		flow->row_count++;
	}
	found->row = *row;
	found->deadline_ms = now_ms + (uint64_t)binding->expires_s * 1000;
	found->place = binding->place;
	// An AOR registered in its own right stays when the registration that implies it ends.
	found->parent = explicit ? row->uak : binding->parent;
	return FLOW_OK;
}

// Marks own rows of (uak, reg_id) that are older than a commit at another flow or edge.
static void rows_supersede(
	struct flow_book *book, const struct row *newer, struct flow_id by, struct flow_time time)
{
	struct book_row *row = rows_find(&book->rows, newer->uak, newer->reg_id);

	for (; row != NULL; row = rows_find_next(row)) {
		bool own = by.edge == book->options.edge;
		bool older = row->row.committed_at_ms < newer->committed_at_ms
			|| (row->row.committed_at_ms == newer->committed_at_ms
				&& (own || book->options.edge < by.edge));

		if (row->row.superseded || !older || (own && row->slot == by.slot))
			continue;
		row->row.superseded = true;
		book_mark_changed(book, row->slot);
		book_settle(book, row->slot, time);
	}
}

// A reserved slot becomes the flow of its source, and what the source was before ends.
static void flow_hold(struct flow_book *book, uint32_t slot, uint64_t now_ms)
{
	struct book_flow *flow = &book->flows[slot];
	uint32_t before = book_find_source(book, &flow->source, SLOT_HELD);

	if (before != 0)
		book_end(book, before, now_ms);
	slots_hold(&book->slots, slot, &flow->source.peer);
	flow->flags = book_is_shared(book, &flow->source.peer) ? FLOW_SHARED : 0;
	flow->state = FLOW_DOUBTFUL;
	book->held++;
}

static struct row binding_row(
	struct flow_book *book, const struct flow_binding *binding, struct flow_time time)
{
	uint64_t expires_at_s = time.wall_ms / 1000 + binding->expires_s;

	return (struct row){
		.uak = binding->uak,
		.aor = binding->aor,
		.instance = binding->instance,
		.contact = binding->contact,
		.committed_at_ms = flow_book_order(book, time),
		.expires_at_s = expires_at_s < UINT32_MAX ? (uint32_t)expires_at_s : UINT32_MAX,
		.reg_id = binding->reg_id,
	};
}

static enum flow_result commit_try(struct flow_book *book, struct flow_id id,
	const struct flow_binding *binding, struct flow_time time)
{
	struct book_flow *flow = book_find(book, id);

	if (flow == NULL)
		return FLOW_UNKNOWN;
	struct row row = binding_row(book, binding, time);
	enum flow_result result = row_put(book, id.slot, &row, binding, time.now_ms);
	if (result != FLOW_OK)
		return result;
	if (book->slots.slot[id.slot].phase == SLOT_RESERVED)
		flow_hold(book, id.slot, time.now_ms);
	flow->unheard = flow->away = flow->suspect = flow->silent = flow->lingering = false;
	book_mark_changed(book, id.slot);
	book_settle(book, id.slot, time);
	rows_supersede(book, &row, id, time);
	return FLOW_OK;
}

enum flow_result flow_book_commit(struct flow_book *book, struct flow_id id,
	const struct flow_binding *binding, struct flow_time time)
{
	enum flow_result result = commit_try(book, id, binding, time);

	book->refused[result] += result != FLOW_OK;
	return result;
}

void flow_book_hear_peer(
	struct flow_book *book, const struct flow_record *record, struct flow_time time)
{
	for (unsigned i = 0; record->state != FLOW_GONE && i < record->row_count; i++) {
		const struct row *row = &record->rows[i];

		if (row->committed_at_ms < time.wall_ms + BOOK_CLOCK_AHEAD_MAX_MS)
			book->newest_commit_ms =
				larger(book->newest_commit_ms, row->committed_at_ms + 1);
		if (!row->superseded && row->expires_at_s > time.wall_ms / 1000)
			rows_supersede(book, row, record->id, time);
	}
}
