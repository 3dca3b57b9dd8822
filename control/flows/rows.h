// rows.h: the rows of this edge's flows, found by flow, by (user agent key, reg-id) and by AOR.

#pragma once

#include "flow_book.h"

struct book_row {
	struct book_row *flow_next; // of the same flow, in the order they came
	struct book_row *index_next;
	struct book_row *aor_next;
	struct book_row **aor_link; // what points to it: many phones may share one AOR
	uint64_t deadline_ms; // monotonic: a wall clock that steps expires nothing
	uint64_t parent; // as in struct flow_binding
	uint64_t place; // 0: not known (restored)
	uint32_t slot;
	bool removed; // de-registered: only remembered, so that its user agent is known again while the flow lingers
	struct row row;
};

struct rows {
	struct book_row **heads; // by uak
	struct book_row **aors; // by AOR
	uint32_t mask;
	uint32_t max;
	uint32_t count;
};

// 0 or -ENOMEM.
[[nodiscard]] int rows_init(struct rows *rows, uint32_t max);
// Rows must have been freed, flow by flow.
void rows_fini(struct rows *rows);
// Add a row to a flow's list and to the index. NULL: the limit, or out of memory.
[[nodiscard]] struct book_row *rows_add(
	struct rows *rows, struct book_row **list, uint32_t slot, const struct row *row);
// Take the row that *link points to out of both, and free it.
void rows_delete(struct rows *rows, struct book_row **link);
// The first row of (uak, reg_id) from `row` on; NULL: none. Removed rows are not found.
struct book_row *rows_find(const struct rows *rows, uint64_t uak, uint32_t reg_id);
struct book_row *rows_find_next(const struct book_row *row);
// The same by AOR.
struct book_row *rows_find_aor(const struct rows *rows, uint64_t aor);
struct book_row *rows_find_next_aor(const struct book_row *row);
