#include "flow_table.h"

#include <errno.h>
#include <stdlib.h>

// The names in rows are keyed hashes already.
static unsigned long name_hash(uint64_t name)
{
	return (unsigned long)name;
}

static int match_uak(struct cds_lfht_node *node, const void *key)
{
	publish_meet(node);
	return caa_container_of(node, struct flow_row, by_uak)->row.uak == *(const uint64_t *)key;
}

static int match_contact(struct cds_lfht_node *node, const void *key)
{
	publish_meet(node);
	return caa_container_of(node, struct flow_row, by_contact)->row.contact
		== *(const uint64_t *)key;
}

static struct cds_lfht *index_new(uint32_t entries)
{
	unsigned long size = lfht_size(entries);

	return cds_lfht_new_flavor(size, size, size, 0, &urcu_qsbr_flavor, NULL);
}

int row_pool_init(struct row_pool *pool, uint32_t count)
{
	*pool = (struct row_pool){.count = count};
	pool->rows = calloc(count, sizeof(*pool->rows));
	pool->limbo = calloc(count, sizeof(struct flow_row *));
	pool->by_uak = index_new(count);
	pool->by_contact = index_new(count);
	if (pool->rows == NULL || pool->limbo == NULL || pool->by_uak == NULL
		|| pool->by_contact == NULL) {
		row_pool_fini(pool);
		return -ENOMEM;
	}
	for (uint32_t i = count; i-- > 0;) {
		pool->rows[i].next = pool->free;
		pool->free = &pool->rows[i];
	}
	return 0;
}

// The nodes lie in the pool, so the tables are emptied before it goes.
static void index_free(struct cds_lfht *index)
{
	struct cds_lfht_iter iter;

	if (index == NULL)
		return;
	for (cds_lfht_first(index, &iter); cds_lfht_iter_get_node(&iter) != NULL;
		cds_lfht_next(index, &iter))
		cds_lfht_del(index, cds_lfht_iter_get_node(&iter));
	cds_lfht_destroy(index, NULL);
}

void row_pool_fini(struct row_pool *pool)
{
	index_free(pool->by_uak);
	index_free(pool->by_contact);
	free(pool->rows);
	free(pool->limbo);
	*pool = (struct row_pool){0};
}

void row_pool_reclaim(struct row_pool *pool)
{
	while (pool->limbo_count > 0) {
		struct flow_row *row = pool->limbo[--pool->limbo_count];
		row->next = pool->free;
		pool->free = row;
		pool->used--;
	}
}

static void lost_note(struct flow_table *table, uint64_t uak, uint64_t now_ms)
{
	struct lost *lost = &table->lost[uak % LOST_ENTRIES];

	atomic_store_explicit(&lost->at_ms, 0, memory_order_relaxed);
	atomic_store_explicit(&lost->uak, uak, memory_order_release);
	atomic_store_explicit(&lost->at_ms, now_ms, memory_order_release);
}

uint64_t flow_uak_lost_at(const struct flow_table *table, uint64_t uak)
{
	const struct lost *lost = &table->lost[uak % LOST_ENTRIES];
	uint64_t at_ms = atomic_load_explicit(&lost->at_ms, memory_order_acquire);

	return atomic_load_explicit(&lost->uak, memory_order_acquire) == uak ? at_ms : 0;
}

// Two rows are the same binding when all that never changes is equal.
static bool row_is_same(const struct row *a, const struct row *b)
{
	return a->uak == b->uak && a->aor == b->aor && a->instance == b->instance
		&& a->contact == b->contact && a->reg_id == b->reg_id;
}

static struct flow_row *row_find(struct flow *flow, const struct row *wanted)
{
	for (struct flow_row *row = flow->rows; row != NULL; row = row->next)
		if (row_is_same(&row->row, wanted))
			return row;
	return NULL;
}

static bool record_holds(const struct flow_record *record, const struct row *row)
{
	for (unsigned i = 0; i < record->row_count; i++)
		if (row_is_same(&record->rows[i], row))
			return true;
	return false;
}

static void row_refresh(struct flow_row *row, const struct row *fresh)
{
	__atomic_store_n(&row->row.committed_at_ms, fresh->committed_at_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&row->row.expires_at_s, fresh->expires_at_s, __ATOMIC_RELAXED);
	__atomic_store_n(&row->row.superseded, fresh->superseded, __ATOMIC_RELAXED);
}

static void row_add(struct flow_table *table, struct flow *flow, const struct row *fresh)
{
	struct row_pool *pool = &table->rows;
	struct flow_row *row = pool->free;

	pool->free = row->next;
	pool->used++;
	row->row = *fresh;
	row->flow = flow;
	row->next = flow->rows;
	cds_lfht_node_init(&row->by_uak);
	cds_lfht_node_init(&row->by_contact);
	publish_node(&row->by_uak);
	publish_node(&row->by_contact);
	__atomic_store_n(&flow->rows, row, __ATOMIC_RELEASE);
	cds_lfht_add(pool->by_uak, name_hash(fresh->uak), &row->by_uak);
	cds_lfht_add(pool->by_contact, name_hash(fresh->contact), &row->by_contact);
}

// Take a row out of its list and both indexes; readers may hold it until the grace period.
static void row_drop(struct flow_table *table, struct flow_row **at, uint64_t now_ms)
{
	struct flow_row *row = *at;
	struct row_pool *pool = &table->rows;

	__atomic_store_n(at, row->next, __ATOMIC_RELEASE);
	cds_lfht_del(pool->by_uak, &row->by_uak);
	cds_lfht_del(pool->by_contact, &row->by_contact);
	lost_note(table, row->row.uak, now_ms);
	pool->limbo[pool->limbo_count++] =
		row; // its own pointers stay as they are, for readers that stand on it
}

int row_pool_update(struct flow_table *table, struct flow *flow, const struct flow_record *record,
	uint64_t now_ms)
{
	uint32_t fresh = 0;

	for (unsigned i = 0; i < record->row_count; i++)
		fresh += row_find(flow, &record->rows[i]) == NULL;
	if (fresh > table->rows.count - table->rows.used) {
		flow_table_reclaim(table);
		if (fresh > table->rows.count - table->rows.used)
			return -ENOSPC;
	}
	for (unsigned i = 0; i < record->row_count; i++) {
		struct flow_row *row = row_find(flow, &record->rows[i]);
		if (row != NULL)
			row_refresh(row, &record->rows[i]);
		else
			row_add(table, flow, &record->rows[i]);
	}
	for (struct flow_row **at = &flow->rows; *at != NULL;) {
		if (record_holds(record, &(*at)->row))
			at = &(*at)->next;
		else
			row_drop(table, at, now_ms);
	}
	return 0;
}

void row_pool_remove_all(struct flow_table *table, struct flow *flow, uint64_t now_ms)
{
	while (flow->rows != NULL)
		row_drop(table, &flow->rows, now_ms);
}

static bool row_counts(const struct row *row, uint32_t now_s)
{
	return !__atomic_load_n(&row->superseded, __ATOMIC_RELAXED)
		&& __atomic_load_n(&row->expires_at_s, __ATOMIC_RELAXED) > now_s;
}

bool flow_holds_uak(const struct flow *flow, uint64_t uak, uint32_t now_s)
{
	for (const struct flow_row *row = __atomic_load_n(&flow->rows, __ATOMIC_ACQUIRE);
		row != NULL; row = __atomic_load_n(&row->next, __ATOMIC_ACQUIRE))
		if (row->row.uak == uak && row_counts(&row->row, now_s))
			return true;
	return false;
}

bool flow_is_registered(const struct flow *flow, uint32_t now_s)
{
	for (const struct flow_row *row = __atomic_load_n(&flow->rows, __ATOMIC_ACQUIRE);
		row != NULL; row = __atomic_load_n(&row->next, __ATOMIC_ACQUIRE))
		if (row_counts(&row->row, now_s))
			return true;
	return false;
}

static const struct flow_row *walk_row(const struct flow_walk *walk)
{
	struct cds_lfht_node *node = cds_lfht_iter_get_node((struct cds_lfht_iter *)&walk->iter);

	if (node == NULL)
		return NULL;
	return walk->by_contact ? caa_container_of(node, struct flow_row, by_contact)
				: caa_container_of(node, struct flow_row, by_uak);
}

const struct flow_row *flow_rows_by_uak(
	const struct flow_table *table, uint64_t uak, struct flow_walk *walk)
{
	*walk = (struct flow_walk){.table = table, .key = uak};
	cds_lfht_lookup(table->rows.by_uak, name_hash(uak), match_uak, &walk->key, &walk->iter);
	return walk_row(walk);
}

const struct flow_row *flow_rows_by_contact(
	const struct flow_table *table, uint64_t contact, struct flow_walk *walk)
{
	*walk = (struct flow_walk){.table = table, .key = contact, .by_contact = true};
	cds_lfht_lookup(
		table->rows.by_contact, name_hash(contact), match_contact, &walk->key, &walk->iter);
	return walk_row(walk);
}

const struct flow_row *flow_rows_next(struct flow_walk *walk)
{
	if (walk->by_contact)
		cds_lfht_next_duplicate(
			walk->table->rows.by_contact, match_contact, &walk->key, &walk->iter);
	else
		cds_lfht_next_duplicate(
			walk->table->rows.by_uak, match_uak, &walk->key, &walk->iter);
	return walk_row(walk);
}
