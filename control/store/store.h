// store.h: an edge's own flows on disk, so that a restarted control knows them (LMDB).
//
// Integer key = slot, value = the record codec, whose checksum finds what LMDB cannot: it trusts its file. The store only ever
// costs memory of the past: whatever is wrong with it, the edge goes on without. Committed without fsync (a crash of the process
// loses nothing), synced once a second by a thread of its own (a crash of the machine loses that second).

#pragma once

#include "../base/log.h"

#include <weir/record.h>

struct store;

enum {
	STORE_SYNC_EVERY_MS = 1000,
	STORE_TIME_EVERY_S = 10, // the time is noted at least so often, changes or not
};

// What is kept beside the flows: a few things that seldom change, opaque here. The key of each is one of these and a number.
enum store_note {
	STORE_NOTE_PEER = 0, // and its edge id: what it last said of itself
	STORE_NOTE_LISTENER = 256, // and its id: its transport and address
	STORE_NOTE_OCTETS_MAX = 1 << 16,
};

struct store_options {
	const char *path; // a folder; made if it is missing
	uint8_t edge; // records of another edge are not ours: the store was another's
	uint32_t flows_max;
	// The flow of a slot as it is now; false: it is gone. Asked after a failure, when nothing but the slots is remembered.
	bool (*current)(void *context, uint32_t slot, struct flow_record *record);
	void *context;
	struct log *log; // the caller's
};

// Open, after a forked child has read every record: a file that is damaged, of another edge, or crashes its reader is set aside
// under another name with one line said, and an empty one takes its place. 0 or a negative errno (the folder cannot be used at all).
[[nodiscard]] int store_open(const struct store_options *options, struct store **store);
// What was put and not committed is lost.
void store_close(struct store *store);

// Read all records, once, before the first put. Expired rows are the caller's to drop.
void store_read(struct store *store, void (*each)(void *context, const struct flow_record *record),
	void *context);
// Wall clock second of the last commit that was noted; 0: an empty store. How long the outage was.
uint64_t store_last_s(const struct store *store);
uint32_t store_newest_generation(const struct store *store);
// The incarnation: made when the store was made, kept while it lives (wall clock ns).
uint64_t store_incarnation(const struct store *store);

// The octets end with each call.
void store_read_notes(struct store *store,
	void (*each)(void *context, uint32_t key, struct span octets), void *context);
// Written at once, in place of the one before it. What cannot be written is said, and not kept.
void store_put_note(struct store *store, uint32_t key, struct span octets);

// Into the batch. FLOW_GONE removes the slot.
void store_put(struct store *store, const struct flow_record *record);
// Commit the batch: it is in the file when this returns. Call it once a second, too. -ENOSPC and other errors are said once until it
// works again; it is tried again once a second at most, with what the changed slots hold then, a part at each call.
int store_commit(struct store *store, uint64_t now_s);
