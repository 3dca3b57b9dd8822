#include "store_file.h"

#include <errno.h>

enum {
	DATABASES = 3,
	MAP_MIN = 16 << 20,
	// The largest record is a page of its own; a transaction writes pages anew beside the old ones; and there is the tree. This is
	// address space, not memory or disk.
	OCTETS_A_FLOW = 16384,
	FACTS_KEY = 1,
	CHECKSUM_OCTETS = 8, // before a note
};

// Stored as it stands; `format` and `edge` first, so that any version can read them.
struct stored_facts {
	uint32_t format;
	uint32_t edge;
	uint64_t incarnation;
	uint64_t last_s;
	uint32_t newest_generation;
	uint32_t checksum; // of the rest; 0: of a version that wrote none
};

const char *store_file_error(int status)
{
	// LMDB's own codes lie below -30000; errno values are positive there.
	return status < -30000 ? mdb_strerror(status) : mdb_strerror(-status);
}

// LMDB gives errno values as they are and its own codes as negatives: make all of them negative.
static int status_of(int code)
{
	return code > 0 ? -code : code;
}

// A file of an earlier version has none.
static int notes_open(struct store_file *file, MDB_txn *transaction, unsigned create)
{
	int code = mdb_dbi_open(transaction, "notes", create | MDB_INTEGERKEY, &file->notes);

	file->has_notes = code == 0;
	return create == 0 && code == MDB_NOTFOUND ? 0 : code;
}

static int databases_open(struct store_file *file, unsigned flags)
{
	MDB_txn *transaction;
	int code = mdb_txn_begin(file->env, NULL, flags, &transaction);

	if (code != 0)
		return status_of(code);
	unsigned create = flags & MDB_RDONLY ? 0 : MDB_CREATE;
	code = mdb_dbi_open(transaction, "flows", create | MDB_INTEGERKEY, &file->flows);
	if (code == 0)
		code = mdb_dbi_open(transaction, "facts", create | MDB_INTEGERKEY, &file->facts);
	if (code == 0)
		code = notes_open(file, transaction, create);
	if (code != 0) {
		mdb_txn_abort(transaction);
		return status_of(code);
	}
	return status_of(mdb_txn_commit(transaction));
}

static int env_open(struct store_file *file, const char *path, size_t map, unsigned flags)
{
	int code = mdb_env_create(&file->env);

	if (code != 0)
		return status_of(code);
	code = mdb_env_set_maxdbs(file->env, DATABASES);
	if (code == 0)
		code = mdb_env_set_mapsize(file->env, map);
	// MDB_NOSYNC: synced by a thread. No WRITEMAP: a stray write of ours must not reach the file.
	if (code == 0)
		code = mdb_env_open(file->env, path, flags | MDB_NOSYNC | MDB_NOTLS, 0600);
	if (code == 0)
		code = -databases_open(file, flags & MDB_RDONLY);
	if (code != 0)
		store_file_close(file);
	return status_of(code);
}

int store_file_open(struct store_file *file, const char *path, uint32_t flows_max, uint8_t edge)
{
	size_t map = (size_t)flows_max * OCTETS_A_FLOW;
	struct store_facts facts;

	int status = env_open(file, path, map < MAP_MIN ? MAP_MIN : map, 0);
	if (status != 0)
		return status;
	status = store_file_read_facts(file, &facts);
	if (status == 0 && facts.edge == 0) {
		facts.edge = edge;
		status = store_file_write(file, NULL, 0, &facts);
	}
	if (status != 0)
		store_file_close(file);
	return status;
}

int store_file_open_read(struct store_file *file, const char *path)
{
	return env_open(file, path, MAP_MIN, MDB_RDONLY);
}

void store_file_close(struct store_file *file)
{
	if (file->env != NULL)
		mdb_env_close(file->env);
	*file = (struct store_file){0};
}

static uint32_t facts_checksum(const struct stored_facts *facts)
{
	struct stored_facts bare = *facts;

	bare.checksum = 0;
	uint32_t checksum = (uint32_t)record_checksum(span_of(&bare, sizeof(bare)));
	return checksum != 0 ? checksum : 1;
}

static int facts_get(struct store_file *file, MDB_txn *transaction, struct stored_facts *facts)
{
	uint32_t number = FACTS_KEY;
	MDB_val key = {sizeof(number), &number};
	MDB_val value;
	int code = mdb_get(transaction, file->facts, &key, &value);

	*facts = (struct stored_facts){.format = STORE_FORMAT};
	if (code == MDB_NOTFOUND)
		return 0;
	if (code == 0 && value.mv_size != sizeof(*facts))
		return MDB_CORRUPTED;
	if (code != 0)
		return status_of(code);
	memcpy(facts, value.mv_data, sizeof(*facts));
	return facts->format != STORE_FORMAT || facts->checksum == 0
			|| facts->checksum == facts_checksum(facts)
		? 0
		: MDB_CORRUPTED;
}

int store_file_read_facts(struct store_file *file, struct store_facts *facts)
{
	struct stored_facts stored;
	MDB_txn *transaction;
	int status = status_of(mdb_txn_begin(file->env, NULL, MDB_RDONLY, &transaction));

	if (status != 0)
		return status;
	status = facts_get(file, transaction, &stored);
	mdb_txn_abort(transaction);
	if (status == 0 && (stored.format != STORE_FORMAT || stored.edge > UINT8_MAX))
		return MDB_VERSION_MISMATCH;
	*facts = (struct store_facts){.incarnation = stored.incarnation,
		.last_s = stored.last_s,
		.newest_generation = stored.newest_generation,
		.edge = (uint8_t)stored.edge};
	return status;
}

// Calls `each` for every record; a value that does not decode under its key is MDB_CORRUPTED.
static int records_walk(struct store_file *file, MDB_txn *transaction,
	void (*each)(void *context, const struct flow_record *record), void *context)
{
	struct flow_record record;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	int code = mdb_cursor_open(transaction, file->flows, &cursor);

	if (code != 0)
		return status_of(code);
	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		uint32_t slot;
		if (key.mv_size != sizeof(slot)
			|| !flow_record_decode(span_of(value.mv_data, value.mv_size), &record)) {
			code = MDB_CORRUPTED;
			break;
		}
		memcpy(&slot, key.mv_data, sizeof(slot));
		if (slot != record.id.slot) {
			code = MDB_CORRUPTED;
			break;
		}
		each(context, &record);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : status_of(code);
}

int store_file_read(struct store_file *file,
	void (*each)(void *context, const struct flow_record *record), void *context)
{
	MDB_txn *transaction;
	int status = status_of(mdb_txn_begin(file->env, NULL, MDB_RDONLY, &transaction));

	if (status != 0)
		return status;
	status = records_walk(file, transaction, each, context);
	mdb_txn_abort(transaction);
	return status;
}

// 0, or MDB_CORRUPTED: its checksum is not that of its octets.
static int note_check(MDB_val key, MDB_val value, uint32_t *number, struct span *octets)
{
	uint64_t checksum;

	if (key.mv_size != sizeof(*number) || value.mv_size < sizeof(checksum))
		return MDB_CORRUPTED;
	memcpy(number, key.mv_data, sizeof(*number));
	memcpy(&checksum, value.mv_data, sizeof(checksum));
	*octets = span_of((const uint8_t *)value.mv_data + sizeof(checksum),
		value.mv_size - sizeof(checksum));
	return record_checksum(*octets) == checksum ? 0 : MDB_CORRUPTED;
}

static int notes_walk(MDB_cursor *cursor,
	void (*each)(void *context, uint32_t key, struct span octets), void *context)
{
	MDB_val key;
	MDB_val value;
	int code;

	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		uint32_t number;
		struct span octets;

		code = note_check(key, value, &number, &octets);
		if (code != 0)
			return code;
		each(context, number, octets);
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

int store_file_read_notes(struct store_file *file,
	void (*each)(void *context, uint32_t key, struct span octets), void *context)
{
	MDB_txn *transaction;
	MDB_cursor *cursor;

	if (!file->has_notes)
		return 0;
	int code = mdb_txn_begin(file->env, NULL, MDB_RDONLY, &transaction);
	if (code != 0)
		return status_of(code);
	code = mdb_cursor_open(transaction, file->notes, &cursor);
	if (code == 0) {
		code = notes_walk(cursor, each, context);
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(transaction);
	return status_of(code);
}

int store_file_write_note(struct store_file *file, uint32_t number, struct span octets)
{
	MDB_txn *transaction;
	MDB_val key = {sizeof(number), &number};
	MDB_val value = {CHECKSUM_OCTETS + octets.length, NULL};
	uint64_t checksum = record_checksum(octets);
	int code = mdb_txn_begin(file->env, NULL, 0, &transaction);

	if (code != 0)
		return status_of(code);
	code = mdb_put(transaction, file->notes, &key, &value, MDB_RESERVE);
	if (code != 0) {
		mdb_txn_abort(transaction);
		return status_of(code);
	}
	memcpy(value.mv_data, &checksum, CHECKSUM_OCTETS);
	memcpy((uint8_t *)value.mv_data + CHECKSUM_OCTETS, octets.octets, octets.length);
	return status_of(mdb_txn_commit(transaction));
}

static int record_write(
	struct store_file *file, MDB_txn *transaction, const struct flow_record *record)
{
	uint8_t octets[FLOW_RECORD_OCTETS_MAX];
	uint32_t slot = record->id.slot;
	MDB_val key = {sizeof(slot), &slot};

	if (record->state == FLOW_GONE) {
		int code = mdb_del(transaction, file->flows, &key, NULL);
		return code == MDB_NOTFOUND ? 0 : code;
	}
	MDB_val value = {flow_record_encode(record, octets), octets};
	return mdb_put(transaction, file->flows, &key, &value, 0);
}

static int facts_write(
	struct store_file *file, MDB_txn *transaction, const struct store_facts *facts)
{
	struct stored_facts stored = {
		.format = STORE_FORMAT,
		.edge = facts->edge,
		.incarnation = facts->incarnation,
		.last_s = facts->last_s,
		.newest_generation = facts->newest_generation,
	};
	uint32_t number = FACTS_KEY;
	MDB_val key = {sizeof(number), &number};
	MDB_val value = {sizeof(stored), &stored};

	stored.checksum = facts_checksum(&stored);
	return mdb_put(transaction, file->facts, &key, &value, 0);
}

int store_file_write(struct store_file *file, const struct flow_record *records, unsigned count,
	const struct store_facts *facts)
{
	MDB_txn *transaction;
	int code = mdb_txn_begin(file->env, NULL, 0, &transaction);

	if (code != 0)
		return status_of(code);
	for (unsigned i = 0; code == 0 && i < count; i++)
		code = record_write(file, transaction, &records[i]);
	if (code == 0)
		code = facts_write(file, transaction, facts);
	if (code != 0) {
		mdb_txn_abort(transaction);
		return status_of(code);
	}
	return status_of(mdb_txn_commit(transaction));
}

void store_file_sync(struct store_file *file)
{
	mdb_env_sync(file->env, 1);
}
