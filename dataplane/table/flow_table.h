// flow_table.h: what flow_table.c (slots) and flow_rows.c (rows and their indexes) share.

#pragma once

#include "flows.h"
#include "publish.h"

#include <weir/side.h>

#include <stdatomic.h>

enum {
	EDGES = 256,
	// Address space is reserved for so many; memory is used where records are.
	PEER_SLOTS_MAX = 1 << 24,
	LOST_ENTRIES = 1 << 16,
};

// All that a mid-dialog request touches, never on two lines. keeper writes, workers read.
struct hot {
	// 0: empty. Stored last (release) when a flow is published; pairs with the acquire of flow_check().
	_Alignas(16) _Atomic uint32_t generation;
	// The newest generation that any record gave this slot. Stored after generation (release), loaded before it (acquire), so
	// that who sees it sees what became of that generation.
	_Atomic uint32_t last;
	_Atomic uint8_t state; // enum flow_state; relaxed: a hint
	uint8_t mark; // keeper: round of the last put
	uint16_t emptied; // keeper: table->grace when it was last emptied
};

static_assert(sizeof(struct hot) == 16, "a line holds four, and none lies on two");

// struct flow.life
enum flow_life_told {
	FLOW_LIFE_TOLD_SILENT = 1, // to this session's control
	FLOW_LIFE_DOUBTED =
		2, // the keeper made it doubtful, for its silence, and no record has come since
	FLOW_LIFE_SOURCE = 4, // another edge's flow that can be found by its source
};

enum {
	SOURCE_WORDS = (LISTENERS_MAX + 64) / 64,
};

struct edge_flows {
	_Atomic(struct hot *)
		hot; // by slot; NULL until the edge's first record; stored (release) after the rest
	struct flow *cold;
	uint32_t slots; // reserved
	uint32_t highest; // slot ever used
	uint8_t round; // of mark and sweep
	// Another edge's, of listeners whose flows can be found by their source: by slot; NULL: of none.
	struct cds_lfht_node *source_nodes;
	uint64_t source_listeners[SOURCE_WORDS]; // bits; keeper
};

struct lost {
	_Atomic uint64_t uak;
	_Atomic uint64_t at_ms;
};

struct row_pool {
	struct flow_row *rows;
	uint32_t count;
	uint32_t used;
	struct flow_row *free;
	struct flow_row **limbo; // removed; free after the next grace period
	uint32_t limbo_count;
	struct cds_lfht *by_uak;
	struct cds_lfht *by_contact;
};

struct flow_table {
	uint8_t own_edge;
	struct flow_limits limits;
	struct edge_flows edges[EDGES];
	struct cds_lfht *sources; // own flows by (listener, peer)
	struct cds_lfht_node *source_nodes; // by own slot
	// Other edges' flows likewise; NULL: none can be found so. Stored (release) when it is ready.
	_Atomic(struct cds_lfht *) peer_sources;
	struct row_pool rows;
	struct lost *lost;
	struct flow_usage usage;
	uint16_t grace; // grace periods waited for
};

// Address space; memory is used where it is written. NULL: none.
void *flow_table_reserve(size_t octets);

// Room for an edge's records, if there is none yet. 0 or -ENOMEM.
[[nodiscard]] int flow_table_open_edge(struct flow_table *table, uint8_t edge);

// flow_sources.c: a flow that is filled, or emptied. The same node is used again only after a grace period.
void flow_source_add(struct flow_table *table, struct flow *flow);
void flow_source_remove(struct flow_table *table, struct flow *flow);
void flow_sources_free(struct flow_table *table);

[[nodiscard]] int row_pool_init(struct row_pool *pool, uint32_t count);
void row_pool_fini(struct row_pool *pool);
// The coarse second of flow.heard: never 0.
static inline uint16_t heard_second(uint64_t now_ms)
{
	return (uint16_t)(now_ms / 1000 % UINT16_MAX + 1);
}

// Make the flow's rows those of the record: what stays is updated in place. -ENOSPC: nothing has been changed.
[[nodiscard]] int row_pool_update(struct flow_table *table, struct flow *flow,
	const struct flow_record *record, uint64_t now_ms);
void row_pool_remove_all(struct flow_table *table, struct flow *flow, uint64_t now_ms);
// After a grace period: what was removed can be used again.
void row_pool_reclaim(struct row_pool *pool);

static inline unsigned long lfht_size(uint32_t entries)
{
	unsigned long size = 64;

	while (size < entries)
		size *= 2;
	return size;
}
