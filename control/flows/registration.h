// registration.h: REGISTER is relayed and learnt from (ROUTING sections 4, 8 and 11).
//
// A worker hands a REGISTER up; it comes back down with the flow that its Path names, or to be refused. The registrar's answer
// comes up too: a 2xx commits rows for the Contacts that this REGISTER carried and for nothing else. Belongs to control's loop.

#pragma once

#include "flow_book.h"

#include <weir/keyhash.h>
#include <weir/link.h>

struct registration;

enum {
	RETRY_AFTER_BUSY_S = 5, // reservations end within half a minute
	RETRY_AFTER_FULL_S = 30,
	ASSOCIATED_URIS_MAX = 16, // of one 2xx: the rest is not learnt
};

struct registration_options {
	struct flow_book *book; // the caller's, as are the keys
	const struct hash_keys *hashes;
	// Puts a message on a worker's ring; after_changes: not before the book's changes are in the dataplane's tables.
	void (*send)(void *context, unsigned worker, const struct link_down_message *head,
		struct span message, bool after_changes);
	// The registrar has removed this by way of us, whichever flow and edge it was on; the book's own rows are gone.
	void (*removed)(void *context, const struct row_removal *removal);
	void *context;
};

[[nodiscard]] struct registration *registration_new(const struct registration_options *options);
void registration_free(struct registration *registration);

// LINK_UP_REGISTER and LINK_UP_REGISTERED: head and message as they came over the ring.
void registration_take_request(struct registration *registration, unsigned worker,
	const struct link_up_message *head, struct span message, struct flow_time time);
void registration_take_response(struct registration *registration, unsigned worker,
	const struct link_up_message *head, struct span message, struct flow_time time);
// Once a second.
void registration_tick(struct registration *registration, struct flow_time time);

struct registration_counts {
	uint64_t granted;
	uint64_t malformed; // refused: 400
	uint64_t refused
		[FLOW_RESULTS]; // refused: 503, by reason; behind by a second only: not answered
	uint64_t pending_full; // refused: 503
	uint64_t committed; // Contacts
	uint64_t uncommitted; // Contacts the registrar took and the book did not
	uint64_t removed;
	uint64_t orphans; // 2xx that answer no REGISTER we know: dropped
	uint64_t unreadable; // dropped: not what a worker may hand up
	uint32_t pending;
};
void registration_count(
	const struct registration *registration, struct registration_counts *counts);
