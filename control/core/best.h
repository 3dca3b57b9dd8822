// best.h: the best final response of those that branches brought (RFC 3261 section 16.7 step 6).

#pragma once

#include <weir/message.h>

// Owns a copy of the best response so far, and the challenges of the others.
struct best {
	unsigned status; // 0: none yet
	size_t length; // 0: written by ourselves
	uint8_t *octets;
	size_t challenges_length;
	uint8_t *challenges; // whole header lines of 401 and 407 responses that were not best
};

// A branch ended so. `response` is NULL for a status of our own (nobody answered: 408; nowhere to send to: 503).
void best_consider(struct best *best, unsigned status, const struct message *response);
// What may go upstream in its place: no 503, which would make the caller think of us (section 16.7 step 6), and, to soften, no 430,
// which endpoints should never see (RFC 5626 section 11.5).
unsigned best_upstream_status(const struct best *best, bool soften);
void best_free(struct best *best);
