// edit_apply.c: turns the received message into the one that is sent, without a second buffer.
//
// The edits divide the message into pieces that are kept. A piece that moves to the front cannot be overwritten by one before
// it that does too, and the same holds backwards: so those that move forward are moved first to last, then the others last
// to first, and nothing is overwritten that is still needed. Then the texts are written into the gaps.

#include "poison.h"

#include <weir/edit.h>

struct edit_order {
	unsigned count;
	uint8_t indexes
		[EDITS_MAX]; // of plan->edits, by offset; those of one offset as they were noted
};

// What is kept before an edit, or behind the last one.
struct piece {
	uint32_t from; // in the received message
	uint32_t length;
	uint32_t to; // in the result
};

static void order_take(const struct edit_plan *plan, struct edit_order *order)
{
	order->count = plan->count;
	for (unsigned i = 0; i < plan->count; i++) {
		unsigned at = i;

		// Most edits are noted in order already.
		for (; at > 0 && plan->edits[order->indexes[at - 1]].offset > plan->edits[i].offset;
			at--)
			order->indexes[at] = order->indexes[at - 1];
		order->indexes[at] = (uint8_t)i;
	}
}

static const struct edit *edit_at(
	const struct edit_plan *plan, const struct edit_order *order, unsigned index)
{
	return &plan->edits[order->indexes[index]];
}

// Writes the pieces, one more than there are edits. False: two cuts overlap, or one goes past the end.
static bool pieces_take(const struct edit_plan *plan, const struct edit_order *order, size_t length,
	struct piece *pieces)
{
	uint32_t from = 0, to = 0;

	for (unsigned i = 0; i < order->count; i++) {
		const struct edit *edit = edit_at(plan, order, i);

		// Text may go where octets are cut: behind the text that was noted there first.
		uint32_t offset = edit->offset < from && edit->cut == 0 ? from : edit->offset;

		if (offset < from || (size_t)offset + edit->cut > length)
			return false;
		pieces[i] = (struct piece){from, offset - from, to};
		to += offset - from + edit->length;
		from = offset + edit->cut;
	}
	pieces[order->count] = (struct piece){from, (uint32_t)length - from, to};
	return true;
}

static void pieces_move(
	const struct piece *pieces, unsigned count, const uint8_t *octets, uint8_t *out)
{
	for (unsigned i = 0; i < count; i++)
		if (out + pieces[i].to < octets + pieces[i].from)
			memmove(out + pieces[i].to, octets + pieces[i].from, pieces[i].length);
	for (unsigned i = count; i-- > 0;)
		if (out + pieces[i].to > octets + pieces[i].from)
			memmove(out + pieces[i].to, octets + pieces[i].from, pieces[i].length);
}

static void texts_write(const struct edit_plan *plan, const struct edit_order *order,
	const struct piece *pieces, uint8_t *out)
{
	for (unsigned i = 0; i < order->count; i++) {
		const struct edit *edit = edit_at(plan, order, i);

		memcpy(out + pieces[i].to + pieces[i].length, plan->text + edit->text,
			edit->length);
	}
}

bool edit_apply(const struct edit_plan *plan, uint8_t *buffer, size_t capacity, uint8_t *octets,
	size_t length, uint8_t **out, size_t *out_length)
{
	struct edit_order order;
	struct piece pieces[EDITS_MAX + 1];
	size_t head_room = (size_t)(octets - buffer);
	int32_t growth = edit_growth(plan);

	if (plan->overflow)
		return false;
	order_take(plan, &order);
	if (!pieces_take(plan, &order, length, pieces))
		return false;
	size_t result = (size_t)((int64_t)length + growth);

	if (result > UINT16_MAX || result > capacity)
		return false;
	// The last piece stays where it is unless there is too little room before it.
	uint8_t *begin = growth > 0 && (size_t)growth > head_room ? buffer : octets - growth;

	pieces_move(pieces, order.count + 1, octets, begin);
	texts_write(plan, &order, pieces, begin);
	*out = begin;
	*out_length = result;
	return true;
}
