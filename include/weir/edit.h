// edit.h: a list of cuts and insertions that turns a received message into the one that is sent.
//
// Edits are noted while the message is decided on and applied once. What lies behind the last edit (most of the headers and
// the body) is not copied: the edited front is built in place before it, growing into the packet's head room.

#pragma once

#include <weir/span.h>

#include <stdbool.h>

enum {
	// A message of MESSAGE_LINES_MAX lines, each of them cut, and what we insert.
	EDITS_MAX = 160,
	EDIT_TEXT_MAX = 4096, // octets of all insertions of one message
};

struct edit {
	uint16_t offset; // in the received message
	uint16_t cut; // octets removed there
	uint16_t text; // offset of the insertion in edit_plan.text
	uint16_t length; // of the insertion
};

// Zero count and text_length to begin.
struct edit_plan {
	uint16_t count;
	uint16_t text_length;
	bool overflow; // something did not fit: the message must not be sent
	struct edit edits[EDITS_MAX];
	uint8_t text[EDIT_TEXT_MAX];
};

void edit_begin(struct edit_plan *plan);
// Remove octets. Cuts may be noted in any order but must not overlap.
void edit_cut(struct edit_plan *plan, struct slice slice);
// Insert text before the octet at offset. Several insertions at one offset come out in the order they were noted. Text may go
// where octets are cut.
void edit_insert(struct edit_plan *plan, uint16_t offset, struct span text);
// As edit_cut() and edit_insert() in one.
void edit_replace(struct edit_plan *plan, struct slice slice, struct span text);
// Piecewise insertion: edit_open() at an offset, any number of edit_add*(), edit_close().
void edit_open(struct edit_plan *plan, uint16_t offset, uint16_t cut);
void edit_add(struct edit_plan *plan, struct span text);
void edit_add_number(struct edit_plan *plan, uint32_t number);
void edit_close(struct edit_plan *plan);

// Octets that the message grows by (negative: shrinks).
int32_t edit_growth(const struct edit_plan *plan);

// Apply the plan to the message of `length` octets at `octets`, which stands in a buffer [buffer, buffer + capacity). The
// result starts at *out (it moves into the head room before octets, or, when that is too small, the tail moves back) and has
// *out_length octets. False: overflow, or the buffer or 65,535 octets are too small; nothing has been changed then.
[[nodiscard]] bool edit_apply(const struct edit_plan *plan, uint8_t *buffer, size_t capacity,
	uint8_t *octets, size_t length, uint8_t **out, size_t *out_length);
