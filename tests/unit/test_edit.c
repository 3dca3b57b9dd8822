// test_edit.c: edits do in place what copying would do, in buffers that are exactly as large as they must be.

#include "guard.h"

#include <weir/edit.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct edit_plan plan;

static struct slice slice_at(uint16_t offset, uint16_t length)
{
	return (struct slice){offset, length};
}

// Applies the plan to text with plenty of room on both sides and compares.
static bool applies_as(const char *text, const char *expected)
{
	static uint8_t buffer[16384];
	uint8_t *octets = buffer + 8192, *out;
	size_t length;

	memcpy(octets, text, strlen(text));
	if (!edit_apply(&plan, buffer, sizeof(buffer), octets, strlen(text), &out, &length))
		return false;
	return span_equal(span_of(out, length), span_of(expected, strlen(expected)));
}

Test(edit, an_empty_plan_changes_nothing)
{
	edit_begin(&plan);
	cr_assert(applies_as("hello", "hello"));
	cr_assert(applies_as("", ""));
	cr_assert(eq(i32, edit_growth(&plan), 0));
}

Test(edit, cuts_and_insertions_may_be_noted_in_any_order)
{
	edit_begin(&plan);
	edit_cut(&plan, slice_at(6, 5));
	edit_insert(&plan, 0, SPAN(">>"));
	edit_replace(&plan, slice_at(1, 2), SPAN("EEE"));
	edit_insert(&plan, 11, SPAN("."));
	cr_assert(eq(i32, edit_growth(&plan), -1));
	cr_assert(applies_as("hello world", ">>hEEElo ."));
}

Test(edit, insertions_at_one_offset_come_out_as_they_were_noted)
{
	edit_begin(&plan);
	edit_insert(&plan, 2, SPAN("1"));
	edit_insert(&plan, 0, SPAN("0"));
	edit_insert(&plan, 2, SPAN("2"));
	edit_replace(&plan, slice_at(2, 1), SPAN("3"));
	edit_insert(&plan, 2, SPAN("4"));
	cr_assert(applies_as("abcd", "0ab1234d"));
}

Test(edit, text_is_put_together_piece_by_piece)
{
	edit_begin(&plan);
	edit_open(&plan, 1, 1);
	edit_add(&plan, SPAN("<"));
	edit_add_number(&plan, 0);
	edit_add(&plan, SPAN(""));
	edit_add_number(&plan, UINT32_MAX);
	edit_add(&plan, SPAN(">"));
	edit_close(&plan);
	cr_assert(applies_as("abc", "a<04294967295>c"));
}

Test(edit, the_tail_is_not_moved_while_there_is_head_room)
{
	uint8_t buffer[16] = "....abcdefgh", *out;
	size_t length;

	edit_begin(&plan);
	edit_insert(&plan, 1, SPAN("1234"));
	cr_assert(edit_apply(&plan, buffer, 12, buffer + 4, 8, &out, &length));
	cr_assert(eq(ptr, out, buffer));
	cr_assert(eq(int, memcmp(buffer, "a1234bcdefgh", 12), 0));
}

Test(edit, the_tail_moves_back_when_the_head_room_is_too_small)
{
	uint8_t buffer[16] = "..abcdefgh", *out;
	size_t length;

	edit_begin(&plan);
	edit_insert(&plan, 1, SPAN("1234"));
	cr_assert(edit_apply(&plan, buffer, 12, buffer + 2, 8, &out, &length));
	cr_assert(eq(ptr, out, buffer));
	cr_assert(eq(sz, length, 12));
	cr_assert(eq(int, memcmp(buffer, "a1234bcdefgh", 12), 0));
}

static bool refused_untouched(size_t capacity)
{
	uint8_t buffer[] = "..abcdefgh", before[sizeof(buffer)], *out = NULL;
	size_t length = 4711;

	memcpy(before, buffer, sizeof(buffer));
	return !edit_apply(&plan, buffer, capacity, buffer + 2, 8, &out, &length) && out == NULL
		&& length == 4711 && memcmp(buffer, before, sizeof(buffer)) == 0;
}

Test(edit, what_does_not_fit_or_overlaps_is_refused_and_nothing_is_changed)
{
	edit_begin(&plan);
	edit_insert(&plan, 1, SPAN("123"));
	cr_assert(refused_untouched(10));

	edit_begin(&plan);
	edit_cut(&plan, slice_at(1, 3));
	edit_cut(&plan, slice_at(3, 1));
	cr_assert(refused_untouched(10));

	edit_begin(&plan);
	edit_cut(&plan, slice_at(1, 3));
	edit_cut(&plan, slice_at(1, 3));
	cr_assert(refused_untouched(10));

	edit_begin(&plan);
	edit_cut(&plan, slice_at(7, 2));
	cr_assert(refused_untouched(10));

	edit_begin(&plan);
	edit_insert(&plan, 9, SPAN("x"));
	cr_assert(refused_untouched(10));
}

Test(edit, too_many_edits_or_too_much_text_is_overflow)
{
	static const uint8_t text[EDIT_TEXT_MAX + 1];

	edit_begin(&plan);
	for (unsigned i = 0; i < EDITS_MAX; i++)
		edit_insert(&plan, 0, SPAN("x"));
	cr_assert(not(plan.overflow));
	edit_cut(&plan, slice_at(0, 1));
	cr_assert(plan.overflow);
	cr_assert(refused_untouched(10));

	edit_begin(&plan);
	edit_insert(&plan, 0, span_of(text, EDIT_TEXT_MAX));
	cr_assert(not(plan.overflow));
	edit_insert(&plan, 0, SPAN("x"));
	cr_assert(plan.overflow);
	edit_insert(&plan, 0, SPAN(""));
	edit_add_number(&plan, 1);
	edit_close(&plan);
	cr_assert(plan.overflow);
}

Test(edit, a_message_does_not_grow_beyond_65535_octets)
{
	static uint8_t buffer[70000], *out;
	size_t length;

	edit_begin(&plan);
	edit_insert(&plan, 0, SPAN("ab"));
	cr_assert(edit_apply(&plan, buffer, sizeof(buffer), buffer + 100, 65533, &out, &length));
	cr_assert(eq(sz, length, 65535));
	cr_assert(
		not(edit_apply(&plan, buffer, sizeof(buffer), buffer + 100, 65534, &out, &length)));
}

static uint32_t seed = 7;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return limit == 0 ? 0 : (seed >> 8) % limit;
}

enum { LONGEST = 64 };

// What one octet of the message becomes: texts in the order they were noted, and the octet unless it is cut.
struct naive {
	uint8_t text[LONGEST + 1][256];
	unsigned text_length[LONGEST + 1];
	bool cut[LONGEST + 1];
};

// Notes random edits, the cuts disjoint, both in the plan and octet by octet.
static void random_note(struct naive *naive, uint16_t length)
{
	*naive = (struct naive){0};
	edit_begin(&plan);
	for (unsigned count = random_below(9); count > 0; count--) {
		uint16_t offset = (uint16_t)random_below(length + 1u);
		uint16_t cut = (uint16_t)random_below(6), text_length = (uint16_t)random_below(9);
		uint8_t text[8];

		if (offset + cut > length)
			cut = 0;
		for (unsigned i = 0; i < cut; i++)
			if (naive->cut[offset + i])
				cut = 0;
		// Where text inside a cut comes out among the texts at its ends is not promised.
		if (cut == 0 && offset > 0 && naive->cut[offset - 1] && naive->cut[offset])
			continue;
		for (unsigned i = 1; i < cut; i++)
			if (naive->text_length[offset + i] > 0)
				cut = 0;
		for (unsigned i = 0; i < text_length; i++)
			text[i] = (uint8_t)('A' + random_below(26));
		edit_replace(&plan, slice_at(offset, cut), span_of(text, text_length));
		memcpy(naive->text[offset] + naive->text_length[offset], text, text_length);
		naive->text_length[offset] += text_length;
		for (unsigned i = 0; i < cut; i++)
			naive->cut[offset + i] = true;
	}
}

static size_t naive_apply(
	const struct naive *naive, const uint8_t *octets, size_t length, uint8_t *out)
{
	size_t result = 0;

	for (size_t i = 0; i <= length; i++) {
		memcpy(out + result, naive->text[i], naive->text_length[i]);
		result += naive->text_length[i];
		if (i < length && !naive->cut[i])
			out[result++] = octets[i];
	}
	return result;
}

Test(edit, any_plan_does_what_copying_does_in_a_buffer_without_an_octet_to_spare)
{
	struct guard guard = guard_new(4096);
	static struct naive naive;

	for (unsigned round = 0; round < 100000; round++) {
		uint8_t message[LONGEST], expected[4096], *out;
		uint16_t length = (uint16_t)random_below(LONGEST);
		size_t out_length;

		for (unsigned i = 0; i < length; i++)
			message[i] = (uint8_t)('a' + i % 26);
		random_note(&naive, length);
		size_t expected_length = naive_apply(&naive, message, length, expected);
		size_t capacity = expected_length > length ? expected_length : length;
		// Any split of the room between the two sides must do.
		size_t head_room = random_below((uint32_t)(capacity - length) + 1);
		uint8_t *buffer = round % 2 ? guard_end(&guard, capacity) : guard_begin(&guard);

		memcpy(buffer + head_room, message, length);
		cr_assert(eq(i32, edit_growth(&plan), (int32_t)(expected_length - length)));
		cr_assert(edit_apply(
			&plan, buffer, capacity, buffer + head_room, length, &out, &out_length));
		cr_assert(span_equal(span_of(out, out_length), span_of(expected, expected_length)));
		cr_assert(out >= buffer && out + out_length <= buffer + capacity);
	}
	guard_free(&guard);
}
