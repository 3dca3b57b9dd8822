// fuzz_message.c: what must hold of message_parse(), the value walk and edits whatever the octets are.

#include "fuzz.h"
#include "scan.h"

#include <weir/edit.h>
#include <weir/message.h>
#include <weir/uri.h>

static bool slices_equal(struct slice a, struct slice b)
{
	return a.offset == b.offset && a.length == b.length;
}

static bool identifiers_equal(const struct message *a, const struct message *b)
{
	return a->length == b->length && a->body_offset == b->body_offset
		&& a->request == b->request && a->answerable == b->answerable
		&& a->method == b->method && a->status == b->status
		&& a->max_forwards == b->max_forwards && a->cseq == b->cseq
		&& slices_equal(a->method_name, b->method_name)
		&& slices_equal(a->target, b->target) && slices_equal(a->call_id, b->call_id)
		&& slices_equal(a->from_uri, b->from_uri) && slices_equal(a->from_tag, b->from_tag)
		&& slices_equal(a->to_uri, b->to_uri) && slices_equal(a->to_tag, b->to_tag)
		&& slices_equal(a->via.value, b->via.value)
		&& slices_equal(a->via.branch, b->via.branch);
}

static bool lines_equal(const struct message *a, const struct message *b)
{
	return a->line_count == b->line_count && memcmp(a->first, b->first, sizeof(a->first)) == 0
		&& memcmp(a->lines, b->lines, a->line_count * sizeof(a->lines[0])) == 0;
}

static void slices_check(const struct message *message)
{
	CHECK(message->body_offset <= message->length);
	CHECK(slice_is_inside(message->method_name, 0, message->body_offset));
	CHECK(slice_is_inside(message->target, 0, message->body_offset));
	CHECK(slice_is_inside(message->call_id, 0, message->body_offset));
	CHECK(slice_is_inside(message->from_uri, 0, message->body_offset));
	CHECK(slice_is_inside(message->from_tag, 0, message->body_offset));
	CHECK(slice_is_inside(message->to_uri, 0, message->body_offset));
	CHECK(slice_is_inside(message->to_tag, 0, message->body_offset));
	CHECK(slice_is_inside(message->via.value, 0, message->body_offset));
}

// Lines stand one behind the other, each ends in CRLF, and every one is in the list of its header once.
static void lines_check(const struct message *message)
{
	size_t behind = 0;
	unsigned listed = 0;

	for (unsigned i = 0; i < message->line_count; i++) {
		const struct header_line *line = &message->lines[i];
		size_t end = (size_t)line->offset + line->length;

		CHECK(line->offset >= behind && end <= message->body_offset);
		CHECK(message->octets[end - 2] == '\r' && message->octets[end - 1] == '\n');
		CHECK(line->value_offset > line->offset);
		CHECK((size_t)line->value_offset + line->value_length <= end - 2);
		behind = end;
	}
	for (unsigned header = HEADER_OTHER + 1; header < HEADER_COUNT; header++)
		for (unsigned i = message->first[header]; i != MESSAGE_LINE_NONE;
			i = message->lines[i].next) {
			CHECK(i < message->line_count && message->lines[i].header == header);
			CHECK(message->lines[i].next > i);
			listed++;
		}
	CHECK(listed == message->line_count);
}

static void values_check(const struct message *message, enum header header)
{
	struct value_cursor cursor;
	size_t behind = 0;

	value_begin(&cursor, message, header);
	while (value_next(&cursor)) {
		const struct header_line *line = &message->lines[cursor.line];
		struct name_address address;
		struct via via;

		CHECK(cursor.value.offset >= behind && cursor.value.offset >= line->value_offset);
		behind = (size_t)cursor.value.offset + cursor.value.length;
		CHECK(behind <= (size_t)line->value_offset + line->value_length);
		if (name_address_parse(message->octets, cursor.value, &address)) {
			CHECK(slice_is_inside(address.uri, cursor.value.offset, behind));
			CHECK(slice_is_inside(address.display, cursor.value.offset, behind));
			CHECK(slice_is_inside(address.parameters, cursor.value.offset, behind));
		}
		if (via_parse(message->octets, cursor.value, &via))
			CHECK(slice_is_inside(via.value, cursor.value.offset, behind));
	}
}

static uint8_t *scratch(void)
{
	static uint8_t buffer[UINT16_MAX];

	return buffer;
}

// No edits, and edits that put back what they cut, change nothing.
static void edits_check(const struct message *message)
{
	static struct edit_plan plan;
	uint8_t *buffer = memcpy(scratch(), message->octets, message->length), *out;
	size_t length;

	edit_begin(&plan);
	CHECK(edit_apply(&plan, buffer, message->length, buffer, message->length, &out, &length));
	CHECK(out == buffer && length == message->length);
	for (unsigned i = message->line_count; i-- > 0 && !plan.overflow;) {
		struct slice slice = {message->lines[i].offset, message->lines[i].length};

		edit_replace(&plan, slice, message_span(message, slice));
	}
	if (plan.overflow)
		return;
	CHECK(edit_growth(&plan) == 0);
	CHECK(edit_apply(&plan, buffer, message->length, buffer, message->length, &out, &length));
	CHECK(span_equal(span_of(out, length), span_of(message->octets, message->length)));
}

// What was taken is whole, and taken again as it is.
static void taken_check(const struct message *message)
{
	static struct message again;

	CHECK(message->method_name.length > 0 && message->call_id.length > 0);
	CHECK(message->from_uri.length > 0 && message->to_uri.length > 0);
	CHECK(message->via.value.length > 0 && message->request == (message->status == 0));
	CHECK(message->answerable == message->request);
	CHECK(message_parse(&again, message->octets, message->length) == MESSAGE_OK);
	CHECK(identifiers_equal(message, &again) && lines_equal(message, &again));
	edits_check(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static struct message message, again;

	if (length > UINT16_MAX)
		return 0;
	memset(&message, 0xa5, sizeof(message));
	memset(&again, 0x5a, sizeof(again));
	enum message_fault fault = message_parse(&message, octets, length);

	// Every kernel reads the same, and nothing of what the structure held before shows.
	for (const struct scan_kernel *kernel = scan_kernels; kernel->name != NULL; kernel++) {
		if (!kernel->is_supported())
			continue;
		scan_force(kernel);
		CHECK(message_parse(&again, octets, length) == fault);
		CHECK(identifiers_equal(&message, &again) && lines_equal(&message, &again));
	}
	slices_check(&message);
	lines_check(&message);
	for (unsigned header = HEADER_OTHER + 1; header < HEADER_COUNT; header++)
		values_check(&message, (enum header)header);
	if (fault == MESSAGE_OK)
		taken_check(&message);
	return 0;
}
