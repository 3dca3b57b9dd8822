#include "store_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PATH_MAX_OCTETS = 512,
	DATABASES = 2,
	MAP_MIN = 16 << 20,
	OCTETS_A_FLOW = 1024, // with room for pages half full
	CHILD_SECONDS_MAX = 60,
	FACTS_KEY = 1,
};

// Stored as it stands; `format` and `edge` first, so that any version can read them.
struct stored_facts {
	uint32_t format;
	uint32_t edge;
	uint64_t incarnation;
	uint64_t last_s;
	uint32_t newest_generation;
	uint32_t reserved;
};

const char *store_health_text(enum store_health health)
{
	static const char *const TEXTS[] = {
		[STORE_SOUND] = "sound",
		[STORE_DAMAGED] = "damaged",
		[STORE_CRASHED] = "so damaged that reading it crashes",
		[STORE_FOREIGN] = "of another edge or version",
	};

	return TEXTS[health];
}

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

void store_file_close(struct store_file *file)
{
	if (file->env != NULL)
		mdb_env_close(file->env);
	*file = (struct store_file){0};
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
	if (code == 0)
		memcpy(facts, value.mv_data, sizeof(*facts));
	return status_of(code);
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

struct check {
	uint8_t edge;
	bool foreign;
};

static void check_record(void *context, const struct flow_record *record)
{
	struct check *check = context;

	check->foreign |= record->id.edge != check->edge;
}

// In the child.
static enum store_health file_judge(const char *path, uint8_t edge)
{
	struct store_file file = {0};
	struct store_facts facts;
	struct check check = {.edge = edge};
	int status = env_open(&file, path, MAP_MIN, MDB_RDONLY);

	if (status == MDB_NOTFOUND || status == -ENOENT)
		return STORE_SOUND; // begun and never written
	if (status != 0)
		return status == MDB_VERSION_MISMATCH ? STORE_FOREIGN : STORE_DAMAGED;
	status = store_file_read_facts(&file, &facts);
	if (status == 0)
		status = store_file_read(&file, check_record, &check);
	if (status == MDB_VERSION_MISMATCH
		|| (status == 0 && facts.edge != 0 && facts.edge != edge))
		return STORE_FOREIGN;
	if (status != 0)
		return STORE_DAMAGED;
	return check.foreign ? STORE_FOREIGN : STORE_SOUND;
}

static void data_path(const char *path, char *out)
{
	snprintf(out, PATH_MAX_OCTETS, "%s/data.mdb", path);
}

enum store_health store_file_check(const char *path, uint8_t edge)
{
	char data[PATH_MAX_OCTETS];
	int status;

	data_path(path, data);
	if (access(data, F_OK) != 0)
		return STORE_SOUND;
	pid_t child = fork();
	if (child < 0)
		return STORE_DAMAGED;
	if (child == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		alarm(CHILD_SECONDS_MAX); // a damaged tree may also be an endless one
		_exit((int)file_judge(path, edge));
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return STORE_DAMAGED;
	return WIFEXITED(status) ? (enum store_health)WEXITSTATUS(status) : STORE_CRASHED;
}

int store_file_set_aside(const char *path, char *aside, size_t size)
{
	char data[PATH_MAX_OCTETS];
	char lock[PATH_MAX_OCTETS];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	data_path(path, data);
	snprintf(aside, size, "%s/damaged-%lld.mdb", path, (long long)now.tv_sec);
	snprintf(lock, sizeof(lock), "%s/lock.mdb", path);
	if (rename(data, aside) != 0)
		return -errno;
	unlink(lock);
	return 0;
}
