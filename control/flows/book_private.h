// book_private.h: what the parts of the flow book share.

#pragma once

#include "flow_book.h"
#include "rows.h"
#include "slots.h"

enum {
	BOOK_CLOCK_AHEAD_MAX_MS =
		86400000, // how far a peer's clock may pull the order of commits ahead
};

// Beside struct slot: what is known of a reserved or held flow.
struct book_flow {
	struct flow_source source;
	uint8_t flags; // enum flow_flags
	uint8_t state; // held: enum flow_state
	bool changed; // in flow_book.changes
	bool unheard; // restored, and no 2xx since
	bool away; // restored after a long outage
	bool suspect;
	bool silent; // flow_book_miss(), and not heard since
	bool lingering; // its last row was de-registered
	uint32_t source_next; // in its list of flow_book.sources
	uint32_t row_count; // not removed
	uint64_t until_ms; // reserved, lingering: monotonic
	struct book_row *rows;
};

struct flow_book {
	struct flow_book_options options;
	struct slots slots;
	struct rows rows;
	struct book_flow *flows; // [flows_max + 1], 0 unused
	// Likewise: when time does something to a flow, in seconds since start + 1; 0: never.
	uint32_t *due_s;
	uint32_t *sources; // first slot of each list of reserved and held flows, by hash of source
	uint32_t source_mask;
	uint32_t *changes; // slots, in order
	uint32_t change_count;
	uint32_t highest; // no slot above was ever used
	uint32_t held;
	uint32_t live;
	uint64_t start_ms;
	// Wall clock, here or at peers: commits follow each other even when clocks do not agree.
	uint64_t newest_commit_ms;
	uint64_t refused[FLOW_RESULTS];
};

// flow_book.c
uint32_t *book_source_list(struct flow_book *book, const struct flow_source *source);
void book_link_source(struct flow_book *book, uint32_t slot);
// The flow of a source in this phase, or 0.
uint32_t book_find_source(
	const struct flow_book *book, const struct flow_source *source, enum slot_phase phase);
// NULL: no reserved or held flow has this id.
struct book_flow *book_find(const struct flow_book *book, struct flow_id id);
void book_mark_changed(struct flow_book *book, uint32_t slot);
// A held flow is gone, or a reserved one was for nothing.
void book_end(struct flow_book *book, uint32_t slot, uint64_t now_ms);
void book_write_record(const struct flow_book *book, uint32_t slot, struct flow_record *record);
bool book_is_shared(const struct flow_book *book, const struct endpoint *peer);
// Alive while it is open, whatever its rows are.
static inline bool book_is_stream(const struct book_flow *flow)
{
	return flow->source.transport != TRANSPORT_UDP;
}

// book_commit.c: the flow's row, removed or not.
struct book_row *book_find_row(struct book_flow *flow, uint64_t uak, uint32_t reg_id);

// book_due.c: work out state and next deadline anew; the record is marked changed if the state is another one.
void book_settle(struct flow_book *book, uint32_t slot, struct flow_time time);
