// flows.h: the flows of all edges, and the rows that lead to them.
//
// Own flows and peers' flows are the same thing with another writer: an array of slots an edge, hot octets (generation, state)
// apart from the cold record. A token names (edge, slot, generation), so the mid-dialog path costs one hot line and no hash.
// Rows are found by user agent key and by contact through two hash tables (liburcu's cds_lfht, presized), whose nodes lie inside
// preallocated rows.
//
// keeper writes, workers read (RCU, QSBR): a reader may use what it was given until its next quiescent state. The keeper
// publishes a flow by storing its generation last (release), which pairs with the reader's acquire load; a slot whose
// generation changes is first emptied, and filled again only after a grace period.

#pragma once

#include "bucket.h"

#include <weir/endpoint.h>
#include <weir/flow.h>
#include <weir/record.h>

#include <urcu/rculfhash.h>
#include <urcu/urcu-qsbr.h>

struct flow;

// One registration binding, in its flow's list and in both indexes.
struct flow_row {
	struct cds_lfht_node by_uak;
	struct cds_lfht_node by_contact;
	struct flow_row *next; // of the same flow; keeper writes, workers read (RCU)
	struct flow *flow;
	struct row row; // superseded and the two times change in place (relaxed), the rest never
};

struct flow {
	struct flow_id id;
	struct endpoint peer;
	uint8_t listener;
	uint8_t transport;
	uint8_t flags; // enum flow_flags
	uint8_t thread; // of an own stream: which stream thread of control carries it
	// Own flows: beside what finding a flow by its source has touched anyway, so that hearing costs a store at most.
	// The coarse second in which its peer was last heard, 0: not since the keeper called it silent. Any worker writes, the
	// keeper reads and takes back. Relaxed: a hint.
	_Atomic uint16_t heard;
	_Atomic bool
		keepalive; // its peer has sent a keep-alive of the kind that it will go on sending; workers write; relaxed
	uint8_t life; // keeper: enum flow_life_told
	struct flow_row *rows; // keeper writes, workers read (RCU)
	// What its peer owes for its messages (bucket.h). Any worker writes, relaxed: a phone's datagrams come to one of them.
	_Atomic uint64_t paid_ns;
};

struct flow_limits {
	uint32_t own_flows; // slots of this edge: 1 to own_flows
	uint32_t peer_flows; // records of other edges together
	uint32_t rows; // of all edges together
};

struct flow_table;

// NULL: out of memory. The calling thread and all readers are registered with urcu_qsbr.
[[nodiscard]] struct flow_table *flow_table_new(uint8_t own_edge, const struct flow_limits *limits);
void flow_table_free(struct flow_table *table);

// --- Readers: workers, QSBR, online ---

// The first touch of a token's flow: starts loading its hot line and its record.
void flow_prefetch(const struct flow_table *table, struct flow_id id);
// FLOW_GONE if the slot is empty or of another generation.
[[nodiscard]] enum flow_state flow_check(const struct flow_table *table, struct flow_id id);
// Whether my copy says outright that this flow is gone: the slot was named by a record and is empty or of a later generation.
// False for a slot that no record has ever named.
[[nodiscard]] bool flow_is_known_gone(const struct flow_table *table, struct flow_id id);
// The record, or NULL as flow_check() says FLOW_GONE.
[[nodiscard]] const struct flow *flow_find(const struct flow_table *table, struct flow_id id);
// The flow that (listener, peer) of this edge is, or NULL.
[[nodiscard]] const struct flow *flow_find_source(
	const struct flow_table *table, uint8_t listener, const struct endpoint *peer);
// The same among another edge's flows, of listeners that flow_table_index_sources() was called for.
[[nodiscard]] const struct flow *flow_find_peer_source(const struct flow_table *table, uint8_t edge,
	uint8_t listener, const struct endpoint *peer);
// State of a flow that was found (hot octet, relaxed).
[[nodiscard]] enum flow_state flow_state_of(
	const struct flow_table *table, const struct flow *flow);
// True if the flow holds a row of this user agent key that is neither superseded nor expired.
[[nodiscard]] bool flow_holds_uak(const struct flow *flow, uint64_t uak, uint32_t now_s);
// True if it holds any such row.
[[nodiscard]] bool flow_is_registered(const struct flow *flow, uint32_t now_s);

// Walk the rows of a user agent key, or of a contact, of all edges; flow and state are the caller's to judge.
//
//     for (struct flow_row *row = flow_rows_by_uak(table, uak, &walk); row != NULL; row = flow_rows_next(&walk))
struct flow_walk {
	const struct flow_table *table;
	struct cds_lfht_iter iter;
	uint64_t key;
	bool by_contact;
};
[[nodiscard]] const struct flow_row *flow_rows_by_uak(
	const struct flow_table *table, uint64_t uak, struct flow_walk *walk);
[[nodiscard]] const struct flow_row *flow_rows_by_contact(
	const struct flow_table *table, uint64_t contact, struct flow_walk *walk);
[[nodiscard]] const struct flow_row *flow_rows_next(struct flow_walk *walk);

// When a user agent key last lost a live row of any edge (monotonic ms; 0: not within memory), for R8. Bounded memory: a
// small direct-mapped table of recent losses.
[[nodiscard]] uint64_t flow_uak_lost_at(const struct flow_table *table, uint64_t uak);

// How long ago something came from it, in whole seconds; FLOW_NEVER_HEARD: nothing yet, or not since the keeper called it silent.
enum {
	FLOW_NEVER_HEARD = UINT16_MAX,
};
[[nodiscard]] uint32_t flow_silent_s(const struct flow *flow, uint64_t now_ms);
// Something came from the flow's peer. keepalive: a STUN request, as whoever means to keep the flow alive sends (RFC 5626 section
// 4.4.2). One relaxed store when it says anything new.
void flow_hear(const struct flow *flow, bool keepalive, uint64_t now_ms);
// A message of its peer takes from the flow's bucket, as bucket_take() does.
[[nodiscard]] bool flow_spend(
	const struct flow *flow, const struct bucket_size *size, uint64_t kept_ns, uint64_t now_ns);

// --- The keeper ---

// Apply one record; replaces what the slot held. 0; -ENOSPC: slot, rows or limit exceeded; -EINVAL: a generation older than one
// that the slot has had, or another peer under the same one. A refused record is counted and changes nothing, except that an
// older generation ends for the newer one even if there is no room for that. now_ms is monotonic, for flow_uak_lost_at().
[[nodiscard]] int flow_table_put(
	struct flow_table *table, const struct flow_record *record, uint64_t now_ms);
// Mark all flows of an edge; sweep those that no put has touched since.
void flow_table_mark(struct flow_table *table, uint8_t edge);
void flow_table_sweep(struct flow_table *table, uint8_t edge, uint64_t now_ms);
// End all flows of one transport class of this edge: control's connections died with it.
void flow_table_end_streams(struct flow_table *table, uint64_t now_ms);
// Give rows removed since the last call back to their pool after one grace period (waits for it). Call once a batch.
void flow_table_reclaim(struct flow_table *table);
// ICMP says the peer is unreachable: live becomes doubtful. False: no such flow.
[[nodiscard]] bool flow_table_suspect(struct flow_table *table, struct flow_id id);

// From now on flows of this listener of another edge, on UDP, can be found by their source. 0 or -ENOMEM.
[[nodiscard]] int flow_table_index_sources(
	struct flow_table *table, uint8_t edge, uint8_t listener);
// Of the flow in an own slot; 0: it is empty.
[[nodiscard]] uint8_t flow_table_listener(const struct flow_table *table, uint32_t slot);

// What control is to be told of an own UDP flow.
struct flow_life {
	struct flow_id id;
	bool silent; // for longer than limit_s, if its peer has shown keep-alives
	bool keepalive; // shown, and its record does not say so yet
};

// Judge the flow in an own slot; a silent one becomes doubtful at once. True: there is news.
[[nodiscard]] bool flow_table_judge(struct flow_table *table, uint32_t slot, uint32_t limit_s,
	uint64_t now_ms, struct flow_life *life);
// Control has been told.
void flow_table_mark_told(struct flow_table *table, const struct flow_life *life);
// Control is another one: it takes all flows for heard.
void flow_table_forget_told(struct flow_table *table);
// No own slot above was ever used.
[[nodiscard]] uint32_t flow_table_highest(const struct flow_table *table);

struct flow_usage {
	uint32_t own_flows;
	uint32_t peer_flows;
	uint32_t rows;
	uint64_t refused; // records that did not fit
};
void flow_table_count(const struct flow_table *table, struct flow_usage *usage);
