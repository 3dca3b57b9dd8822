// store_file.h: the LMDB environment of the store: opened, checked in a child, read, written.

#pragma once

#include <weir/record.h>

#include <lmdb.h>

enum {
	STORE_FORMAT = 1,
	STORE_PATH_MAX = 480, // octets of a folder: the names of its files come after it
};

struct store_file {
	MDB_env *env;
	MDB_dbi flows; // slot to record
	MDB_dbi facts; // one record
	MDB_dbi notes; // by enum store_note; each with a checksum before it
	bool has_notes;
};

// What is known beside the flows.
struct store_facts {
	uint64_t incarnation; // 0: a new store
	uint64_t last_s; // wall clock of the last commit
	uint32_t newest_generation;
	uint8_t edge;
};

enum store_health {
	STORE_SOUND, // or not there yet
	STORE_DAMAGED, // a record does not decode, or LMDB says so
	STORE_CRASHED, // the child that read it died
	STORE_FOREIGN, // of another edge or format
};

const char *store_health_text(enum store_health health);
// Read everything in a forked child: a damaged LMDB file can crash its reader. 0 and *health, or a negative errno: it could not be
// looked at, which is no reason to set it aside.
[[nodiscard]] int store_file_check(const char *path, uint8_t edge, enum store_health *health);
// Rename data.mdb; `aside` says to what. 0 or a negative errno.
[[nodiscard]] int store_file_set_aside(const char *path, char *aside, size_t size);
// All below: 0, a negative errno or a negative LMDB code; store_file_error() is the text of either.
[[nodiscard]] int store_file_open(
	struct store_file *file, const char *path, uint32_t flows_max, uint8_t edge);
// To look at, where there is a file.
[[nodiscard]] int store_file_open_read(struct store_file *file, const char *path);
void store_file_close(struct store_file *file);
[[nodiscard]] int store_file_read(struct store_file *file,
	void (*each)(void *context, const struct flow_record *record), void *context);
[[nodiscard]] int store_file_read_facts(struct store_file *file, struct store_facts *facts);
// All records and the facts in one transaction; FLOW_GONE removes.
[[nodiscard]] int store_file_write(struct store_file *file, const struct flow_record *records,
	unsigned count, const struct store_facts *facts);
[[nodiscard]] int store_file_read_notes(struct store_file *file,
	void (*each)(void *context, uint32_t key, struct span octets), void *context);
[[nodiscard]] int store_file_write_note(struct store_file *file, uint32_t key, struct span octets);
void store_file_sync(struct store_file *file);
const char *store_file_error(int status);
