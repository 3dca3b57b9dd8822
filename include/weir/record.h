// record.h: flows and rows as they are stored, replicated and handed to the dataplane: one codec for store, mesh and link.
//
// Every edge is the only writer of its own records; a record replaces the one before it whole, so applying one twice, or late
// ones in order, ends in the same table. Decoding treats its input as hostile: any octets give a valid record or a refusal.

#pragma once

#include <weir/endpoint.h>
#include <weir/flow.h>
#include <weir/span.h>

enum {
	// Rows on one flow: a gateway with more phones behind one socket is refused the rest.
	FLOW_ROWS_MAX = 64,
	FLOW_RECORD_HEAD_OCTETS = 36,
	ROW_OCTETS = 49,
	FLOW_RECORD_OCTETS_MAX = FLOW_RECORD_HEAD_OCTETS + FLOW_ROWS_MAX * ROW_OCTETS + 8,
};

// One registration binding on a flow. Names are keyed hashes (identity.h); none is 0 unless it says so.
struct row {
	uint64_t uak; // user agent key
	uint64_t aor;
	uint64_t instance; // 0: the Contact carried no +sip.instance
	uint64_t contact;
	uint64_t committed_at_ms; // wall clock, when the registrar's 2xx passed
	uint32_t expires_at_s; // wall clock
	uint32_t reg_id; // 0: none (RFC 5626 section 4.2: 1 to 2^31-1)
	bool superseded; // a newer commit of the same (uak, reg-id), or uak without instance-id, exists somewhere
};

// The registrar has removed a binding, or all of an AOR ("Contact: *"): it no longer counts on any flow of any edge.
struct row_removal {
	uint64_t aor;
	uint64_t uak; // 0: all of the AOR
	uint32_t reg_id; // of uak
	uint64_t at_ms; // rows that were committed later stay
};

enum flow_flags {
	FLOW_KEEPALIVE_SHOWN = 1, // the phone keeps the flow alive, so its silence means something
	FLOW_SHARED = 2, // many user agents behind one source: its rows never end each other
};

struct flow_record {
	struct flow_id id;
	uint8_t state; // enum flow_state; FLOW_GONE carries no rows and removes the flow
	uint8_t listener; // of edge id.edge
	uint8_t transport; // enum transport
	uint8_t flags; // enum flow_flags
	// Of a stream: which of the edge's stream threads carries it, from 0. Nobody else's business, and it rides in the octet of
	// the flags.
	uint8_t thread;
	uint16_t row_count;
	struct endpoint peer;
	struct row rows[FLOW_ROWS_MAX];
};

// Returns the number of octets written; out holds FLOW_RECORD_OCTETS_MAX. Little-endian, no padding, ends in a 64-bit checksum
// (not keyed: it finds flipped bits in a store, no forger).
size_t flow_record_encode(const struct flow_record *record, uint8_t *out);
// FNV-1a, 64 bits, over the octets and their number: every flipped bit changes it.
uint64_t record_checksum(struct span octets);
// *record is written only if true is returned. The input must be exactly one record.
[[nodiscard]] bool flow_record_decode(struct span octets, struct flow_record *record);
