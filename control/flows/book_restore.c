// book_restore.c: flows of an earlier process, from the store.

#include "book_private.h"

static void row_restore(
	struct flow_book *book, uint32_t slot, const struct row *row, struct flow_time time)
{
	struct book_flow *flow = &book->flows[slot];
	uint64_t wall_s = time.wall_ms / 1000;

	if (row->expires_at_s <= wall_s)
		return;
	struct book_row *added = rows_add(&book->rows, &flow->rows, slot, row);
	if (added == NULL)
		return;
	added->parent = row->uak;
	added->deadline_ms = time.now_ms + (row->expires_at_s - wall_s) * 1000;
	flow->row_count++;
	if (row->committed_at_ms > book->newest_commit_ms)
		book->newest_commit_ms = row->committed_at_ms;
}

static bool record_is_good(const struct flow_book *book, const struct flow_record *record)
{
	// Connections died with the process that held them.
	return record->id.edge == book->options.edge && record->transport == TRANSPORT_UDP
		&& record->state != FLOW_GONE;
}

void flow_book_restore(struct flow_book *book, const struct flow_record *record, uint64_t outage_ms,
	struct flow_time time)
{
	const uint32_t slot = record->id.slot;

	if (!record_is_good(book, record)
		|| !slots_restore(&book->slots, slot, record->id.generation))
		return;
	struct book_flow *flow = &book->flows[slot];
	*flow = (struct book_flow){
		.source = {.listener = record->listener,
			.transport = record->transport,
			.peer = record->peer},
		.flags = record->flags,
		.state = FLOW_DOUBTFUL,
		.unheard = true,
		.away = outage_ms > FLOW_OUTAGE_MS,
		.lingering = record->row_count == 0,
		.until_ms = time.now_ms + FLOW_LINGER_MS,
	};
	book_link_source(book, slot);
	book->held++;
	for (unsigned i = 0; i < record->row_count; i++)
		row_restore(book, slot, &record->rows[i], time);
	book_settle(book, slot, time);
	if (flow->row_count == 0 && !flow->lingering)
		book_end(book, slot, time.now_ms);
}
