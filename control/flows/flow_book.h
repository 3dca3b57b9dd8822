// flow_book.h: the truth about this edge's own flows and rows (ROUTING section 4).
//
// A flow is reserved when a REGISTER asks for one, held from the registrar's 2xx on, and gone when its last row expires, its
// linger ends or its source is somebody else. A connection's is held and live from its first message until it closes. The book does no I/O and asks no clock: changes pile up in it and are drained in
// batches, to the store, the dataplane and the peers in this order. Belongs to one thread.

#pragma once

#include <weir/record.h>
#include <weir/side.h>

struct flow_book;

enum {
	FLOW_RESERVED_MS = 32000, // Timer F (RFC 3261 section 17.1.2.2): no 2xx comes later
	FLOW_REST_MS = 60000, // from gone to given out again
	FLOW_LINGER_MS = 3600000, // after de-registration
	FLOW_OUTAGE_MS = 60000, // restored after a longer one: doubtful until the next 2xx
};

struct flow_time {
	uint64_t now_ms; // monotonic
	uint64_t wall_ms;
};

// What may change while the book is in use.
struct flow_bounds {
	uint8_t reserved_percent; // of all slots: those that may wait for their 2xx
	uint32_t reserved_per_network; // of these, for one /24 or /56
	const struct prefix *shared; // shared-flows; the caller's
	unsigned shared_count;
};

struct flow_book_options {
	uint8_t edge;
	uint32_t flows_max; // slots 1 to flows_max
	uint32_t rows_max;
	struct flow_bounds bounds;
	uint64_t seed; // of the hash over sources: random, so that nobody can choose collisions
};

struct flow_source {
	uint8_t listener;
	uint8_t transport;
	struct endpoint peer;
	uint8_t thread; // of a connection: the stream thread that carries it, from 0
	// We have connected to the peer's own port: others that are open to it, or come from it, are not the same.
	bool outgoing;
};

// Who asks for a flow: one for each Contact of a REGISTER. `place` is a hash of the Contact's host and port.
struct flow_claim {
	uint64_t uak;
	uint64_t place;
};

// One binding that the registrar has accepted.
struct flow_binding {
	uint64_t uak;
	uint64_t aor;
	uint64_t instance; // 0: none
	uint64_t contact;
	uint64_t place;
	uint64_t parent; // uak of the binding it came with (P-Associated-URI), else its own
	uint32_t reg_id; // 0: none
	uint32_t expires_s;
};

// What became of a REGISTER or a binding. Each value is also a counter.
enum flow_result {
	FLOW_OK,
	FLOW_FULL, // no slot is free and rested, or no row
	FLOW_RESERVED_FULL, // too many slots wait for their 2xx
	FLOW_PREFIX_FULL, // too many of them in this /24 or /56
	FLOW_CLOCK_BEHIND, // our clock is not past the newest generation known: a pair could repeat
	FLOW_ROWS_FULL, // FLOW_ROWS_MAX on one flow
	FLOW_UNKNOWN, // no such flow, or it is gone
	FLOW_RESULTS,
};

// NULL: out of memory. Slots are given out from the next wall clock second on: an earlier process may have used this one.
[[nodiscard]] struct flow_book *flow_book_new(
	const struct flow_book_options *options, struct flow_time time);
void flow_book_free(struct flow_book *book);
// From now on. What is reserved already stays so.
void flow_book_set_bounds(struct flow_book *book, const struct flow_bounds *bounds);

// --- REGISTER ---

// The flow for a REGISTER: the one that this source has, else a slot reserved for it (found again by retransmissions). Another
// user agent on the source of a UDP flow gets a slot of its own, if the REGISTER comes straight from it (first_hop).
[[nodiscard]] enum flow_result flow_book_reserve(struct flow_book *book,
	const struct flow_source *source, const struct flow_claim *claims, unsigned claim_count,
	bool first_hop, struct flow_time time, struct flow_id *id);
// The flow that a source has now, without reserving one. False: none.
[[nodiscard]] bool flow_book_find(
	const struct flow_book *book, const struct flow_source *source, struct flow_id *id);
// A 2xx has accepted a binding. Ends what else the source was, supersedes older rows of the same user agent.
[[nodiscard]] enum flow_result flow_book_commit(struct flow_book *book, struct flow_id id,
	const struct flow_binding *binding, struct flow_time time);
// The registrar does not hold (uak, reg_id) any more; what came with it goes too. The last one: the flow lingers.
void flow_book_remove(struct flow_book *book, struct flow_id id, uint64_t uak, uint32_t reg_id,
	struct flow_time time);
// Drop what came with (parent, reg_id) and was not committed at the same time as it.
void flow_book_remove_stale(struct flow_book *book, struct flow_id id, uint64_t parent,
	uint32_t reg_id, struct flow_time time);
// The same on whatever own flow the rows are, as long as they are not newer than the removal.
void flow_book_remove_everywhere(
	struct flow_book *book, const struct row_removal *removal, struct flow_time time);
// When something happens now, in the order of commits: never before a commit that was heard of, whatever the clocks say, since what the
// phone did last counts.
uint64_t flow_book_order(struct flow_book *book, struct flow_time time);

// --- Connections ---

// A connection's first message has come. FLOW_OK, FLOW_FULL or FLOW_CLOCK_BEHIND.
[[nodiscard]] enum flow_result flow_book_open_stream(struct flow_book *book,
	const struct flow_source *source, struct flow_time time, struct flow_id *id);
// It has closed: the flow and all its rows end at once (RFC 5626 section 7). A flow that has ended already is no fault.
void flow_book_close_stream(struct flow_book *book, struct flow_id id, struct flow_time time);
// The flow of a connection that is open. FLOW_OK, or FLOW_UNKNOWN: it has closed.
[[nodiscard]] enum flow_result flow_book_find_stream(
	const struct flow_book *book, uint32_t slot, uint32_t generation, struct flow_id *id);

// --- What is heard elsewhere ---

// The phone sent something; keepalive: of the kind that shows that it will go on doing so.
void flow_book_hear(
	struct flow_book *book, struct flow_id id, bool keepalive, struct flow_time time);
// Nothing came from it for Flow-Timer and its grace: doubtful until it is heard. Only of a phone that has shown keep-alives.
void flow_book_miss(struct flow_book *book, struct flow_id id, struct flow_time time);
// Whoever judges by silence begins anew: until told again all are heard.
void flow_book_forget_silence(struct flow_book *book, struct flow_time time);
// ICMP unreachable from the flow's peer. It can be forged: doubtful until the next 2xx.
void flow_book_suspect(struct flow_book *book, struct flow_id id, struct flow_time time);
// A peer's flow: its newer rows supersede ours.
void flow_book_hear_peer(
	struct flow_book *book, const struct flow_record *record, struct flow_time time);
// A peer's flow at the address of a listener of ours, which was there for a while: another phone that has registered from the place of
// a flow of ours since then has ended that.
void flow_book_hear_namesake(struct flow_book *book, uint8_t listener,
	const struct flow_record *record, struct flow_time time);
// The registrar has removed rows by way of a peer.
void flow_book_hear_removal(
	struct flow_book *book, const struct row_removal *removal, struct flow_time time);
// Some copy of our flows holds this generation.
void flow_book_note_generation(struct flow_book *book, uint32_t generation);
// Seconds for which FLOW_CLOCK_BEHIND lasts if nobody touches the clock; 0: slots are given out.
uint32_t flow_book_behind_s(const struct flow_book *book, struct flow_time time);
// One record from the store, before anything else. outage_ms: how long the edge was away.
void flow_book_restore(struct flow_book *book, const struct flow_record *record, uint64_t outage_ms,
	struct flow_time time);
// Let time pass: call it once a second.
void flow_book_tick(struct flow_book *book, struct flow_time time);

// --- What is told ---

// The first held flow in a slot greater than `slot`. False: none.
[[nodiscard]] bool flow_book_next(
	const struct flow_book *book, uint32_t slot, struct flow_record *record);
[[nodiscard]] bool flow_book_has_changes(const struct flow_book *book);
// Walk the changes since flow_book_clear_changes() in their order, each flow once, as it is now; FLOW_GONE: it ended.
void flow_book_walk_changes(const struct flow_book *book,
	void (*each)(void *context, const struct flow_record *record), void *context);
void flow_book_clear_changes(struct flow_book *book);

struct flow_book_usage {
	uint32_t held;
	uint32_t live; // of these
	uint32_t reserved;
	uint32_t resting;
	uint32_t rows;
	uint32_t newest_generation; // given out
	uint64_t refused[FLOW_RESULTS]; // by reason
};
void flow_book_count(const struct flow_book *book, struct flow_book_usage *usage);
