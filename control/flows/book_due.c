// book_due.c: what time does to flows: rows expire, reservations and lingers end, silence makes doubtful.

#include "book_private.h"

static bool has_current_row(const struct book_flow *flow)
{
	for (const struct book_row *row = flow->rows; row != NULL; row = row->flow_next)
		if (!row->removed && !row->row.superseded)
			return true;
	return false;
}

static enum flow_state state_of(const struct book_flow *flow)
{
	bool doubtful = !book_is_stream(flow)
		&& (flow->suspect || flow->away || flow->silent || !has_current_row(flow));

	return doubtful ? FLOW_DOUBTFUL : FLOW_LIVE;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t held_due_ms(const struct book_flow *flow, uint64_t now_ms)
{
	uint64_t due_ms = flow->lingering ? flow->until_ms : UINT64_MAX;

	if (flow->lingering && flow->silent)
		return now_ms;

	for (const struct book_row *row = flow->rows; row != NULL; row = row->flow_next)
		due_ms = earlier(due_ms, row->deadline_ms);
	return due_ms;
}

static void due_set(struct flow_book *book, uint32_t slot, uint64_t due_ms)
{
	uint64_t after_ms = due_ms > book->start_ms ? due_ms - book->start_ms : 0;
	uint64_t due_s = after_ms / 1000 + 1;

	book->due_s[slot] = due_s < UINT32_MAX ? (uint32_t)due_s : UINT32_MAX;
}

void book_settle(struct flow_book *book, uint32_t slot, struct flow_time time)
{
	struct book_flow *flow = &book->flows[slot];

	if (book->slots.slot[slot].phase == SLOT_RESERVED) {
		due_set(book, slot, flow->until_ms);
		return;
	}
	enum flow_state state = state_of(flow);
	if (state != flow->state) {
		book->live += state == FLOW_LIVE ? 1u : -1u;
		flow->state = (uint8_t)state;
		book_mark_changed(book, slot);
	}
	due_set(book, slot, held_due_ms(flow, time.now_ms));
}

static void rows_expire(struct flow_book *book, uint32_t slot, uint64_t now_ms)
{
	struct book_flow *flow = &book->flows[slot];
	struct book_row **link = &flow->rows;

	while (*link != NULL) {
		if ((*link)->deadline_ms > now_ms) {
			link = &(*link)->flow_next;
			continue;
		}
		if (!(*link)->removed) {
			flow->row_count--;
			book_mark_changed(book, slot);
		}
		rows_delete(&book->rows, link);
	}
}

static void flow_age(struct flow_book *book, uint32_t slot, struct flow_time time)
{
	struct book_flow *flow = &book->flows[slot];
	bool waits = book->slots.slot[slot].phase == SLOT_RESERVED || flow->lingering;
	bool open = book_is_stream(flow);

	rows_expire(book, slot, time.now_ms);
	bool over = waits ? flow->until_ms <= time.now_ms : flow->row_count == 0;
	if (!open && (over || (flow->lingering && flow->silent)))
		book_end(book, slot, time.now_ms);
	else
		book_settle(book, slot, time);
}

void flow_book_tick(struct flow_book *book, struct flow_time time)
{
	uint64_t since_ms = time.now_ms > book->start_ms ? time.now_ms - book->start_ms : 0;
	uint64_t now_s = since_ms / 1000;

	// due_s is one too high, so a flow is looked at when its second is over: never early.
	for (uint32_t slot = 1; slot <= book->highest; slot++)
		if (book->due_s[slot] != 0 && book->due_s[slot] <= now_s)
			flow_age(book, slot, time);
}

void flow_book_hear(
	struct flow_book *book, struct flow_id id, bool keepalive, struct flow_time time)
{
	struct book_flow *flow = book_find(book, id);

	if (flow == NULL)
		return;
	flow->silent = false;
	if (book->slots.slot[id.slot].phase != SLOT_HELD)
		return;
	if (keepalive && (flow->flags & FLOW_KEEPALIVE_SHOWN) == 0) {
		flow->flags |= FLOW_KEEPALIVE_SHOWN;
		book_mark_changed(book, id.slot);
	}
	book_settle(book, id.slot, time);
}

void flow_book_miss(struct flow_book *book, struct flow_id id, struct flow_time time)
{
	struct book_flow *flow = book_find(book, id);

	if (flow == NULL || book->slots.slot[id.slot].phase != SLOT_HELD
		|| flow->source.transport != TRANSPORT_UDP
		|| (flow->flags & FLOW_KEEPALIVE_SHOWN) == 0)
		return;
	flow->silent = true;
	book_settle(book, id.slot, time);
}

void flow_book_forget_silence(struct flow_book *book, struct flow_time time)
{
	for (uint32_t slot = 1; slot <= book->highest; slot++) {
		if (!book->flows[slot].silent)
			continue;
		book->flows[slot].silent = false;
		book_settle(book, slot, time);
	}
}

void flow_book_suspect(struct flow_book *book, struct flow_id id, struct flow_time time)
{
	struct book_flow *flow = book_find(book, id);

	if (flow == NULL || book->slots.slot[id.slot].phase != SLOT_HELD)
		return;
	flow->suspect = true;
	book_settle(book, id.slot, time);
}
