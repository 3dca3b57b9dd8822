// store_fixture.h: a store in a folder of its own, with forty flows and two notes.

#pragma once

#include "store/store.h"

#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	EDGE = 4,
	SLOTS = 40,
};

static char folder[64];
static FILE *journal; // what the store logs
static struct log *log_;
static char text[8192];
static uint32_t read_generation[SLOTS + 1];
static unsigned read_count;

static inline const char *said(void)
{
	fseek(journal, 0, SEEK_SET);
	text[fread(text, 1, sizeof(text) - 1, journal)] = 0;
	return text;
}

static inline void setup(void)
{
	strcpy(folder, "/tmp/weir-store-XXXXXX");
	cr_assert(ne(ptr, mkdtemp(folder), NULL));
	journal = tmpfile();
	log_ = log_new(fileno(journal), LOG_LEVEL_DEBUG, false);
}

static inline void teardown(void)
{
	char command[128];

	log_free(log_);
	fclose(journal);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert(eq(int, system(command), 0));
}

static inline struct flow_record record_of(uint32_t slot);
static bool is_gone[SLOTS + 1]; // of what the book holds

static inline bool current(void *context, uint32_t slot, struct flow_record *record)
{
	if (slot > SLOTS || is_gone[slot])
		return false;
	*record = record_of(slot);
	return true;
}

static inline struct store *open_as(uint8_t edge)
{
	const struct store_options options = {
		.path = folder, .edge = edge, .flows_max = 1000, .current = current, .log = log_};
	struct store *store = NULL;

	cr_assert(eq(int, store_open(&options, &store), 0));
	return store;
}

static inline struct flow_record record_of(uint32_t slot)
{
	return (struct flow_record){
		.id = {.edge = EDGE, .slot = slot, .generation = 1000 + slot},
		.state = FLOW_LIVE,
		.transport = TRANSPORT_UDP,
		.row_count = 1,
		.peer = {.address = {192, 0, 2, 1}, .port = (uint16_t)slot, .family = ENDPOINT_V4},
		.rows = {{.uak = slot, .aor = 1, .contact = 1}},
	};
}

static inline void took(void *context, const struct flow_record *record)
{
	// Whatever the file's octets are: a record that comes out is one that went in.
	cr_assert(le(u32, record->id.slot, SLOTS));
	cr_assert(eq(u32, record->id.generation, 1000 + record->id.slot));
	cr_assert(eq(u64, record->rows[0].uak, record->id.slot));
	read_generation[record->id.slot] = record->id.generation;
	read_count++;
}

static struct note {
	uint32_t key;
	uint8_t octets[64];
	size_t length;
} notes[4];
static unsigned note_count;

static inline void note(void *context, uint32_t key, struct span octets)
{
	cr_assert(lt(uint, note_count, 4));
	cr_assert(le(sz, octets.length, sizeof(notes[0].octets)));
	notes[note_count].key = key;
	memcpy(notes[note_count].octets, octets.octets, octets.length);
	notes[note_count++].length = octets.length;
}

static inline void fill(void)
{
	struct store *store = open_as(EDGE);

	for (uint32_t slot = 1; slot <= SLOTS; slot++) {
		struct flow_record record = record_of(slot);
		store_put(store, &record);
	}
	cr_assert(eq(int, store_commit(store, 5000), 0));
	store_put_note(store, STORE_NOTE_PEER + 2, SPAN("two"));
	store_put_note(store, STORE_NOTE_PEER + 3, SPAN("three"));
	store_close(store);
}

static inline unsigned count_all(void)
{
	struct store *store = open_as(EDGE);

	read_count = 0;
	store_read(store, took, NULL);
	// As with flows: what comes out went in.
	note_count = 0;
	store_read_notes(store, note, NULL);
	for (unsigned i = 0; i < note_count; i++)
		cr_assert(span_equal(span_of(notes[i].octets, notes[i].length),
			notes[i].key == STORE_NOTE_PEER + 2 ? SPAN("two") : SPAN("three")));
	store_close(store);
	return read_count;
}
