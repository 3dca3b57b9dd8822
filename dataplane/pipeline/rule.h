// rule.h: where an incoming token leads: the rules of ROUTING section 6, in the order of their owner's liveness.

#pragma once

#include "stage.h"

// How far a request may still be relayed.
enum relay_budget {
	RELAY_ANY, // it came from a phone or the core
	RELAY_ONCE, // relayed by R2: once more by R5
	RELAY_NEVER, // relayed by R5 or R6
};

struct rule_query {
	struct flow_id flow; // that the token names; edge 0: none
	uint64_t uak; // 0: no rule that needs one applies
	uint64_t contact; // hash of the request-URI as a contact; 0: none
	uint8_t listener; // of the token's flow
	uint8_t transport; // enum transport, of the token's flow
	uint8_t budget; // enum relay_budget
	bool secure_flow; // only such flows (filter.h)
	bool secure_link; // only such links to other edges
	bool parkable; // with To-tag, no ACK, came by UDP
};

// One of flow and edge is set when the verdict is a rule that forwards.
struct rule_result {
	enum verdict verdict; // R1_OWN to R9_GONE, or NOT_READY
	const struct flow *flow; // send on it
	uint8_t edge; // relay to it
};

void rule_find(
	const struct world *world, const struct rule_query *query, struct rule_result *result);

// Whether a miss may come from tables that are not complete yet (ROUTING section 6, "Not ready is not gone").
[[nodiscard]] bool rule_tables_are_partial(const struct world *world);
// Only our own: whether we may not know a phone of ours yet.
[[nodiscard]] bool rule_own_table_is_partial(const struct world *world);

// Whether a row still counts.
[[nodiscard]] static inline bool row_is_current(const struct row *row, uint32_t now_s)
{
	return !__atomic_load_n(&row->superseded, __ATOMIC_RELAXED)
		&& __atomic_load_n(&row->expires_at_s, __ATOMIC_RELAXED) > now_s;
}

// The keeper renews it in place.
[[nodiscard]] static inline uint64_t row_committed_at_ms(const struct row *row)
{
	return __atomic_load_n(&row->committed_at_ms, __ATOMIC_RELAXED);
}
