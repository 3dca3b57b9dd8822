// book_reserve.c: which flow a REGISTER is for (ROUTING section 4: reserved slots, NAT reuse).

#include "book_private.h"

static bool row_is_claimed(
	const struct book_row *row, const struct flow_claim *claims, unsigned claim_count)
{
	for (unsigned i = 0; i < claim_count; i++)
		if (row->row.uak == claims[i].uak)
			return true;
	return false;
}

static bool row_is_at_place(
	const struct book_row *row, const struct flow_claim *claims, unsigned claim_count)
{
	for (unsigned i = 0; i < claim_count; i++)
		if (row->place == claims[i].place)
			return true;
	return false;
}

// Whether the source has become another user agent's: a NAT gives a port it took from one phone to the next. A known user agent
// says no; so does a Contact at the host and port of one of the flow's, unless the flow was silent or is only remembered.
static bool is_another(
	const struct book_flow *flow, const struct flow_claim *claims, unsigned claim_count)
{
	bool at_place = false;

	for (const struct book_row *row = flow->rows; row != NULL; row = row->flow_next) {
		if (row_is_claimed(row, claims, claim_count))
			return false;
		at_place = at_place || row_is_at_place(row, claims, claim_count);
	}
	return !at_place || flow->unheard || flow->silent;
}

// The held flow of the source, if the REGISTER is its own; else 0.
static uint32_t held_find(const struct flow_book *book, const struct flow_source *source,
	const struct flow_claim *claims, unsigned claim_count, bool first_hop)
{
	uint32_t slot = book_find_source(book, source, SLOT_HELD);
	const struct book_flow *flow = &book->flows[slot];

	// A gateway, and whoever a proxy speaks for, registers many user agents from one source.
	if (slot == 0 || !first_hop || source->transport != TRANSPORT_UDP
		|| (flow->flags & FLOW_SHARED) != 0)
		return slot;
	return is_another(flow, claims, claim_count) ? 0 : slot;
}

static enum flow_result slot_reserve(struct flow_book *book, const struct flow_source *source,
	struct flow_time time, uint32_t *slot)
{
	enum flow_result result = slots_take(&book->slots, &source->peer, time, slot);

	if (result != FLOW_OK)
		return result;
	book->flows[*slot] =
		(struct book_flow){.source = *source, .changed = book->flows[*slot].changed};
	book_link_source(book, *slot);
	return FLOW_OK;
}

enum flow_result flow_book_reserve(struct flow_book *book, const struct flow_source *source,
	const struct flow_claim *claims, unsigned claim_count, bool first_hop,
	struct flow_time time, struct flow_id *id)
{
	enum flow_result result = FLOW_OK;
	uint32_t slot = held_find(book, source, claims, claim_count, first_hop);

	if (slot == 0)
		slot = book_find_source(book, source, SLOT_RESERVED);
	if (slot == 0)
		result = slot_reserve(book, source, time, &slot);
	book->refused[result] += result != FLOW_OK;
	if (result != FLOW_OK)
		return result;
	if (book->slots.slot[slot].phase == SLOT_RESERVED) {
		book->flows[slot].until_ms = time.now_ms + FLOW_RESERVED_MS;
		book_settle(book, slot, time);
	}
	*id = (struct flow_id){book->options.edge, slot, book->slots.slot[slot].generation};
	return FLOW_OK;
}

static bool record_has(const struct flow_record *record, uint64_t uak)
{
	for (unsigned i = 0; i < record->row_count; i++)
		if (record->rows[i].uak == uak)
			return true;
	return false;
}

// Every row of it that counts is newer than all of the flow's, and none is of a user agent that the flow knows.
static bool is_replaced(const struct book_flow *flow, const struct flow_record *record)
{
	uint64_t newest_ms = 0;

	for (const struct book_row *row = flow->rows; row != NULL; row = row->flow_next) {
		if (record_has(record, row->row.uak))
			return false;
		if (row->row.committed_at_ms > newest_ms)
			newest_ms = row->row.committed_at_ms;
	}
	for (unsigned i = 0; i < record->row_count; i++)
		if (record->rows[i].committed_at_ms <= newest_ms)
			return false;
	return record->row_count > 0;
}

void flow_book_hear_namesake(struct flow_book *book, uint8_t listener,
	const struct flow_record *record, struct flow_time time)
{
	const struct flow_source source = {
		.listener = listener, .transport = TRANSPORT_UDP, .peer = record->peer};
	uint32_t slot = book_find_source(book, &source, SLOT_HELD);
	const struct book_flow *flow = &book->flows[slot];

	if (slot != 0 && record->state != FLOW_GONE && (flow->flags & FLOW_SHARED) == 0
		&& is_replaced(flow, record))
		book_end(book, slot, time.now_ms);
}
