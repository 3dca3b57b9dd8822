#include "peer_copy.h"

#include <errno.h>
#include <stdlib.h>

enum {
	EDGES = 256,
	SLOTS_FIRST = 1024,
};

struct entry {
	uint16_t length;
	uint8_t round; // of the last put
	uint8_t octets[];
};

struct copy {
	struct entry **entries; // by slot
	uint32_t slots;
	uint32_t count;
	uint32_t newest_generation;
	uint8_t round;
	bool complete;
	bool open; // a snapshot has begun and not ended
};

struct peer_copies {
	uint32_t flows_max; // of all edges together
	uint32_t count;
	struct copy copies[EDGES];
};

struct peer_copies *peer_copies_new(uint32_t flows_max)
{
	struct peer_copies *copies = calloc(1, sizeof(*copies));

	if (copies != NULL)
		copies->flows_max = flows_max;
	return copies;
}

void peer_copies_free(struct peer_copies *copies)
{
	for (unsigned edge = 0; edge < EDGES; edge++)
		peer_copies_clear(copies, (uint8_t)edge);
	free(copies);
}

static void entry_remove(struct peer_copies *copies, struct copy *copy, uint32_t slot)
{
	if (slot >= copy->slots || copy->entries[slot] == NULL)
		return;
	free(copy->entries[slot]);
	copy->entries[slot] = NULL;
	copy->count--;
	copies->count--;
}

static int slots_grow(struct copy *copy, uint32_t slot)
{
	uint32_t slots = copy->slots == 0 ? SLOTS_FIRST : copy->slots;

	if (slot >= PEER_COPY_SLOTS_MAX)
		return -ENOSPC;
	while (slots <= slot)
		slots *= 2;
	if (slots == copy->slots)
		return 0;
	struct entry **entries = realloc(copy->entries, slots * sizeof(struct entry *));
	if (entries == NULL)
		return -ENOMEM;
	memset(entries + copy->slots, 0, (slots - copy->slots) * sizeof(struct entry *));
	copy->entries = entries;
	copy->slots = slots;
	return 0;
}

void peer_copies_mark(struct peer_copies *copies, uint8_t edge)
{
	copies->copies[edge].round++;
	copies->copies[edge].open = true;
}

void peer_copies_sweep(struct peer_copies *copies, uint8_t edge)
{
	struct copy *copy = &copies->copies[edge];

	for (uint32_t slot = 0; slot < copy->slots; slot++)
		if (copy->entries[slot] != NULL && copy->entries[slot]->round != copy->round)
			entry_remove(copies, copy, slot);
	copy->complete = true;
	copy->open = false;
}

int peer_copies_put(struct peer_copies *copies, const struct flow_record *record)
{
	struct copy *copy = &copies->copies[record->id.edge];
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];

	if (record->id.generation > copy->newest_generation)
		copy->newest_generation = record->id.generation;
	if (record->state == FLOW_GONE) {
		entry_remove(copies, copy, record->id.slot);
		return 0;
	}
	int status = slots_grow(copy, record->id.slot);
	if (status != 0)
		return status;
	bool fresh = copy->entries[record->id.slot] == NULL;
	if (fresh && copies->count >= copies->flows_max)
		return -ENOSPC;
	size_t length = flow_record_encode(record, octets);
	struct entry *entry = realloc(copy->entries[record->id.slot], sizeof(*entry) + length);
	if (entry == NULL)
		return -ENOMEM;
	entry->length = (uint16_t)length;
	entry->round = copy->round;
	memcpy(entry->octets, octets, length);
	copy->entries[record->id.slot] = entry;
	copy->count += fresh;
	copies->count += fresh;
	return 0;
}

void peer_copies_clear(struct peer_copies *copies, uint8_t edge)
{
	struct copy *copy = &copies->copies[edge];

	for (uint32_t slot = 0; slot < copy->slots; slot++)
		entry_remove(copies, copy, slot);
	free(copy->entries);
	*copy = (struct copy){.newest_generation = copy->newest_generation};
}

bool peer_copies_are_complete(const struct peer_copies *copies, uint8_t edge)
{
	return copies->copies[edge].complete;
}

bool peer_copies_are_open(const struct peer_copies *copies, uint8_t edge)
{
	return copies->copies[edge].open;
}

uint32_t peer_copies_newest_generation(const struct peer_copies *copies, uint8_t edge)
{
	return copies->copies[edge].newest_generation;
}

uint32_t peer_copies_count(const struct peer_copies *copies, uint8_t edge)
{
	return copies->copies[edge].count;
}

void peer_copies_walk(const struct peer_copies *copies, uint8_t edge,
	void (*each)(void *context, struct span record), void *context)
{
	const struct copy *copy = &copies->copies[edge];

	for (uint32_t slot = 0; slot < copy->slots; slot++)
		if (copy->entries[slot] != NULL)
			each(context,
				span_of(copy->entries[slot]->octets, copy->entries[slot]->length));
}

void peer_copies_walk_open(const struct peer_copies *copies, uint8_t edge,
	void (*each)(void *context, struct span record), void *context)
{
	const struct copy *copy = &copies->copies[edge];

	for (uint32_t slot = 0; copy->open && slot < copy->slots; slot++)
		if (copy->entries[slot] != NULL && copy->entries[slot]->round == copy->round)
			each(context,
				span_of(copy->entries[slot]->octets, copy->entries[slot]->length));
}
