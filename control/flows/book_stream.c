// book_stream.c: flows of connections.

#include "book_private.h"

static enum flow_result stream_open(struct flow_book *book, const struct flow_source *source,
	struct flow_time time, uint32_t *slot)
{
	enum flow_result result = slots_take_held(&book->slots, time, slot);
	uint32_t before = book_find_source(book, source, SLOT_HELD);

	if (result != FLOW_OK)
		return result;
	// The one that had this address and port is closed, though we have not heard it yet.
	if (before != 0 && !source->outgoing)
		book_end(book, before, time.now_ms);
	book->flows[*slot] = (struct book_flow){
		.source = *source,
		.changed = book->flows[*slot].changed,
		.flags = book_is_shared(book, &source->peer) ? FLOW_SHARED : 0,
		.state = FLOW_LIVE,
	};
	book_link_source(book, *slot);
	book->held++;
	book->live++;
	book_mark_changed(book, *slot);
	book_settle(book, *slot, time);
	return FLOW_OK;
}

enum flow_result flow_book_open_stream(struct flow_book *book, const struct flow_source *source,
	struct flow_time time, struct flow_id *id)
{
	uint32_t slot = 0;
	enum flow_result result = stream_open(book, source, time, &slot);

	book->refused[result] += result != FLOW_OK;
	if (result == FLOW_OK)
		*id = (struct flow_id){book->options.edge, slot, book->slots.slot[slot].generation};
	return result;
}

enum flow_result flow_book_find_stream(
	const struct flow_book *book, uint32_t slot, uint32_t generation, struct flow_id *id)
{
	const struct flow_id wanted = {book->options.edge, slot, generation};
	const struct book_flow *flow = book_find(book, wanted);

	if (flow == NULL || !book_is_stream(flow))
		return FLOW_UNKNOWN;
	*id = wanted;
	return FLOW_OK;
}

void flow_book_close_stream(struct flow_book *book, struct flow_id id, struct flow_time time)
{
	const struct book_flow *flow = book_find(book, id);

	if (flow != NULL && book_is_stream(flow))
		book_end(book, id.slot, time.now_ms);
}
