#include "rows.h"

#include "mix.h"

#include <errno.h>
#include <stdlib.h>

int rows_init(struct rows *rows, uint32_t max)
{
	*rows = (struct rows){.mask = mix_mask(max), .max = max};
	rows->heads = calloc((size_t)rows->mask + 1, sizeof(struct book_row *));
	rows->aors = calloc((size_t)rows->mask + 1, sizeof(struct book_row *));
	return rows->heads == NULL || rows->aors == NULL ? -ENOMEM : 0;
}

void rows_fini(struct rows *rows)
{
	free(rows->heads);
	free(rows->aors);
	rows->heads = rows->aors = NULL;
}

static void aor_insert(struct rows *rows, struct book_row *row)
{
	struct book_row **head = &rows->aors[row->row.aor & rows->mask];

	row->aor_next = *head;
	row->aor_link = head;
	if (row->aor_next != NULL)
		row->aor_next->aor_link = &row->aor_next;
	*head = row;
}

static void aor_remove(struct book_row *row)
{
	*row->aor_link = row->aor_next;
	if (row->aor_next != NULL)
		row->aor_next->aor_link = row->aor_link;
}

struct book_row *rows_add(
	struct rows *rows, struct book_row **list, uint32_t slot, const struct row *row)
{
	struct book_row **head = &rows->heads[row->uak & rows->mask];
	struct book_row *added = rows->count < rows->max ? calloc(1, sizeof(*added)) : NULL;

	if (added == NULL)
		return NULL;
	added->slot = slot;
	added->row = *row;
	added->index_next = *head;
	*head = added;
	aor_insert(rows, added);
	while (*list != NULL)
		list = &(*list)->flow_next;
	*list = added;
	rows->count++;
	return added;
}

void rows_delete(struct rows *rows, struct book_row **link)
{
	struct book_row *row = *link;
	struct book_row **head = &rows->heads[row->row.uak & rows->mask];

	while (*head != row)
		head = &(*head)->index_next;
	*head = row->index_next;
	aor_remove(row);
	*link = row->flow_next;
	free(row);
	rows->count--;
}

static struct book_row *row_match(struct book_row *row, uint64_t uak, uint32_t reg_id)
{
	while (row != NULL && (row->removed || row->row.uak != uak || row->row.reg_id != reg_id))
		row = row->index_next;
	return row;
}

struct book_row *rows_find(const struct rows *rows, uint64_t uak, uint32_t reg_id)
{
	return row_match(rows->heads[uak & rows->mask], uak, reg_id);
}

struct book_row *rows_find_next(const struct book_row *row)
{
	return row_match(row->index_next, row->row.uak, row->row.reg_id);
}

static struct book_row *aor_match(struct book_row *row, uint64_t aor)
{
	while (row != NULL && (row->removed || row->row.aor != aor))
		row = row->aor_next;
	return row;
}

struct book_row *rows_find_aor(const struct rows *rows, uint64_t aor)
{
	return aor_match(rows->aors[aor & rows->mask], aor);
}

struct book_row *rows_find_next_aor(const struct book_row *row)
{
	return aor_match(row->aor_next, row->row.aor);
}
