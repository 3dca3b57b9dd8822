// answer.h: our own answers, as a stateless user agent server gives them (RFC 3261 section 8.2.7).

#pragma once

#include "stage.h"

// The status with which a verdict of class "answered" answers; 0 for all others.
[[nodiscard]] uint16_t answer_status(enum verdict verdict);
// True for an ACK whose To-tag we wrote: it acknowledges an answer of ours and ends here.
[[nodiscard]] bool answer_is_acknowledged(const struct world *world, const struct message *message);
// Notes the edits that make the request its own answer; the top Via is the caller's (via_fix_top()).
void answer_write(const struct world *world, struct edit_plan *plan, const struct message *message,
	uint16_t status, uint16_t retry_after_s);
