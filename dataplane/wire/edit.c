// edit.c: notes edits and applies them in place.

#include "poison.h"

#include <weir/edit.h>

#include <assert.h>

void edit_begin(struct edit_plan *plan)
{
	plan->count = 0;
	plan->text_length = 0;
	plan->overflow = false;
}

void edit_open(struct edit_plan *plan, uint16_t offset, uint16_t cut)
{
	if (plan->count == EDITS_MAX)
		plan->overflow = true;
	if (plan->overflow)
		return;
	plan->edits[plan->count++] =
		(struct edit){.offset = offset, .cut = cut, .text = plan->text_length, .length = 0};
}

void edit_add(struct edit_plan *plan, struct span text)
{
	if (text.length > (size_t)(EDIT_TEXT_MAX - plan->text_length))
		plan->overflow = true;
	if (plan->overflow || text.length == 0)
		return;
	memcpy(plan->text + plan->text_length, text.octets, text.length);
	plan->text_length = (uint16_t)(plan->text_length + text.length);
}

void edit_add_number(struct edit_plan *plan, uint32_t number)
{
	uint8_t digits[10];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	edit_add(plan, span_of(digits + at, sizeof(digits) - at));
}

void edit_close(struct edit_plan *plan)
{
	if (plan->overflow)
		return;
	assert(plan->count > 0);
	struct edit *edit = &plan->edits[plan->count - 1];

	edit->length = (uint16_t)(plan->text_length - edit->text);
}

void edit_replace(struct edit_plan *plan, struct slice slice, struct span text)
{
	edit_open(plan, slice.offset, slice.length);
	edit_add(plan, text);
	edit_close(plan);
}

void edit_cut(struct edit_plan *plan, struct slice slice)
{
	edit_open(plan, slice.offset, slice.length);
}

void edit_insert(struct edit_plan *plan, uint16_t offset, struct span text)
{
	edit_replace(plan, (struct slice){offset, 0}, text);
}

int32_t edit_growth(const struct edit_plan *plan)
{
	int32_t growth = 0;

	for (unsigned i = 0; i < plan->count; i++)
		growth += plan->edits[i].length - plan->edits[i].cut;
	return growth;
}
