// book_remove.c: what the registrar does not hold any more.

#include "book_private.h"

// Rows that match are kept as a memory of who was here.
static void rows_remove(struct flow_book *book, struct flow_id id,
	bool (*match)(const struct book_row *row, const struct book_row *key),
	const struct book_row *key, struct flow_time time)
{
	struct book_flow *flow = book_find(book, id);
	bool removed = false;

	if (flow == NULL || flow->row_count == 0)
		return;
	for (struct book_row *row = flow->rows; row != NULL; row = row->flow_next) {
		if (row->removed || !match(row, key))
			continue;
		row->removed = removed = true;
		row->deadline_ms = time.now_ms + FLOW_LINGER_MS;
		flow->row_count--;
	}
	if (!removed)
		return;
	flow->lingering = flow->row_count == 0 && !book_is_stream(flow);
	flow->until_ms = time.now_ms + FLOW_LINGER_MS;
	book_mark_changed(book, id.slot);
	book_settle(book, id.slot, time);
}

static bool match_binding(const struct book_row *row, const struct book_row *key)
{
	return row->row.reg_id == key->row.reg_id
		&& (row->row.uak == key->row.uak || row->parent == key->row.uak);
}

void flow_book_remove(struct flow_book *book, struct flow_id id, uint64_t uak, uint32_t reg_id,
	struct flow_time time)
{
	const struct book_row key = {.row = {.uak = uak, .reg_id = reg_id}};

	rows_remove(book, id, match_binding, &key, time);
}

static bool match_stale(const struct book_row *row, const struct book_row *key)
{
	return row->row.reg_id == key->row.reg_id && row->parent == key->row.uak
		&& row->row.committed_at_ms < key->row.committed_at_ms;
}

void flow_book_remove_stale(struct flow_book *book, struct flow_id id, uint64_t parent,
	uint32_t reg_id, struct flow_time time)
{
	struct book_flow *flow = book_find(book, id);
	struct book_row *row = flow == NULL ? NULL : book_find_row(flow, parent, reg_id);

	if (row != NULL)
		rows_remove(book, id, match_stale, row, time);
}

// By index, and never twice: a removed row is not found any more.
static void rows_remove_all(struct flow_book *book, const struct row_removal *removal,
	struct book_row *row, struct book_row *(*next)(const struct book_row *),
	struct flow_time time)
{
	for (; row != NULL; row = next(row)) {
		const struct flow_id id = {
			book->options.edge, row->slot, book->slots.slot[row->slot].generation};

		if (row->row.committed_at_ms <= removal->at_ms)
			flow_book_remove(book, id, row->row.uak, row->row.reg_id, time);
	}
}

void flow_book_remove_everywhere(
	struct flow_book *book, const struct row_removal *removal, struct flow_time time)
{
	if (removal->uak == 0)
		rows_remove_all(book, removal, rows_find_aor(&book->rows, removal->aor),
			rows_find_next_aor, time);
	else
		rows_remove_all(book, removal,
			rows_find(&book->rows, removal->uak, removal->reg_id), rows_find_next,
			time);
}

uint64_t flow_book_order(struct flow_book *book, struct flow_time time)
{
	if (time.wall_ms > book->newest_commit_ms)
		book->newest_commit_ms = time.wall_ms;
	return book->newest_commit_ms;
}

void flow_book_hear_removal(
	struct flow_book *book, const struct row_removal *removal, struct flow_time time)
{
	if (removal->at_ms >= time.wall_ms + BOOK_CLOCK_AHEAD_MAX_MS)
		return;
	if (removal->at_ms >= book->newest_commit_ms)
		book->newest_commit_ms = removal->at_ms + 1;
	flow_book_remove_everywhere(book, removal, time);
}
