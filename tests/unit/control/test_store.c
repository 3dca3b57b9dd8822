// The store: what was committed is there after a restart, and a file that was damaged gives nothing wrong and no crash.

#include "store/store.h"

#include <weir/side.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

static const char *said(void)
{
	fseek(journal, 0, SEEK_SET);
	text[fread(text, 1, sizeof(text) - 1, journal)] = 0;
	return text;
}

static void setup(void)
{
	strcpy(folder, "/tmp/weir-store-XXXXXX");
	cr_assert(ne(ptr, mkdtemp(folder), NULL));
	journal = tmpfile();
	log_ = log_new(fileno(journal), LOG_LEVEL_DEBUG, false);
}

static void teardown(void)
{
	char command[128];

	log_free(log_);
	fclose(journal);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert(eq(int, system(command), 0));
}

static struct store *open_as(uint8_t edge)
{
	const struct store_options options = {
		.path = folder, .edge = edge, .flows_max = 1000, .log = log_};
	struct store *store = NULL;

	cr_assert(eq(int, store_open(&options, &store), 0));
	return store;
}

static struct flow_record record_of(uint32_t slot)
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

static void took(void *context, const struct flow_record *record)
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

static void note(void *context, uint32_t key, struct span octets)
{
	cr_assert(lt(uint, note_count, 4));
	cr_assert(le(sz, octets.length, sizeof(notes[0].octets)));
	notes[note_count].key = key;
	memcpy(notes[note_count].octets, octets.octets, octets.length);
	notes[note_count++].length = octets.length;
}

static void fill(void)
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

static unsigned count_all(void)
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

Test(store, gives_back_what_was_committed, .init = setup, .fini = teardown)
{
	fill();
	cr_assert(eq(uint, count_all(), SLOTS));
	struct store *store = open_as(EDGE);
	store_read(store, took, NULL);
	cr_assert(eq(u64, store_last_s(store), 5000));
	cr_assert(eq(u32, store_newest_generation(store), 1000 + SLOTS));
	store_close(store);
}

Test(store, forgets_a_flow_that_is_gone, .init = setup, .fini = teardown)
{
	fill();
	struct store *store = open_as(EDGE);
	struct flow_record record = record_of(7);
	record.state = FLOW_GONE;
	record.row_count = 0;
	store_put(store, &record);
	cr_assert(eq(int, store_commit(store, 5001), 0));
	store_close(store);
	read_generation[7] = 0;
	cr_assert(eq(uint, count_all(), SLOTS - 1));
	cr_assert(eq(u32, read_generation[7], 0));
}

Test(store, keeps_notes_beside_the_flows_the_newest_of_each, .init = setup, .fini = teardown)
{
	fill();
	struct store *store = open_as(EDGE);
	store_put_note(store, STORE_NOTE_PEER + 2, SPAN("two again"));
	store_close(store);
	store = open_as(EDGE);
	store_read_notes(store, note, NULL);
	store_close(store);
	cr_assert(eq(uint, note_count, 2));
	cr_assert(eq(u32, notes[0].key, STORE_NOTE_PEER + 2));
	cr_assert(span_equal(span_of(notes[0].octets, notes[0].length), SPAN("two again")));
	cr_assert(span_equal(span_of(notes[1].octets, notes[1].length), SPAN("three")));
}

// As a version before the notes left it.
static void notes_drop(void)
{
	MDB_env *env;
	MDB_txn *transaction;
	MDB_dbi dbi;

	cr_assert(eq(int, mdb_env_create(&env), 0));
	cr_assert(eq(int, mdb_env_set_maxdbs(env, 3), 0));
	cr_assert(eq(int, mdb_env_open(env, folder, 0, 0600), 0));
	cr_assert(eq(int, mdb_txn_begin(env, NULL, 0, &transaction), 0));
	cr_assert(eq(int, mdb_dbi_open(transaction, "notes", 0, &dbi), 0));
	cr_assert(eq(int, mdb_drop(transaction, dbi, 1), 0));
	cr_assert(eq(int, mdb_txn_commit(transaction), 0));
	mdb_env_close(env);
}

Test(store, reads_the_file_of_a_version_that_kept_no_notes, .init = setup, .fini = teardown)
{
	fill();
	notes_drop();
	cr_assert(eq(uint, count_all(), SLOTS));
	cr_assert(eq(uint, note_count, 0));
	cr_assert(strstr(said(), "set-aside") == NULL);
}

Test(store, keeps_its_incarnation_while_it_lives, .init = setup, .fini = teardown)
{
	struct store *store = open_as(EDGE);
	uint64_t first = store_incarnation(store);

	store_close(store);
	store = open_as(EDGE);
	cr_assert(eq(u64, store_incarnation(store), first));
	cr_assert(ne(u64, first, 0));
	store_close(store);
}

Test(store, sets_aside_the_store_of_another_edge, .init = setup, .fini = teardown)
{
	fill();
	struct store *store = open_as(EDGE + 1);
	read_count = 0;
	store_read(store, took, NULL);
	cr_assert(eq(uint, read_count, 0));
	cr_assert(ne(ptr, strstr(said(), "store-set-aside"), NULL));
	store_close(store);
}

static size_t load(uint8_t *octets, size_t capacity, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t length = read(fd, octets, capacity);

	close(fd);
	return (size_t)length;
}

static void save(const uint8_t *octets, size_t length, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert(eq(int, write(fd, octets, length) == (ssize_t)length, 1));
	close(fd);
}

// Every 61st octet flipped, one at a time: each trial forks a reader, so all of them would take minutes.
Test(store, gives_nothing_wrong_and_does_not_crash_when_octets_are_flipped, .init = setup,
	.fini = teardown, .timeout = 60)
{
	static uint8_t octets[1 << 20];
	char path[96];

	fill();
	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	size_t length = load(octets, sizeof(octets), path);
	for (size_t i = 0; i < length; i += 61) {
		octets[i] ^= 0x55;
		save(octets, length, path);
		octets[i] ^= 0x55;
		unsigned count = count_all();
		cr_assert(le(uint, count, SLOTS), "octet %zu", i);
	}
}

Test(store, goes_on_when_the_disk_is_full_and_catches_up, .init = setup, .fini = teardown)
{
	struct rlimit limit;
	struct stat file;
	char path[96];

	fill();
	struct store *store = open_as(EDGE);
	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	cr_assert(eq(int, stat(path, &file), 0));
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	rlim_t whole = limit.rlim_cur;
	limit.rlim_cur = (rlim_t)file.st_size / 2;
	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &limit), 0));
	struct flow_record record = record_of(3);
	record.state = FLOW_GONE;
	record.row_count = 0;
	store_put(store, &record);
	for (uint32_t slot = 4; slot <= SLOTS; slot++) {
		struct flow_record other = record_of(slot);
		store_put(store, &other);
	}
	cr_assert(lt(int, store_commit(store, 6000), 0));
	cr_assert(ne(ptr, strstr(said(), "store-failed"), NULL));
	limit.rlim_cur = whole;
	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &limit), 0));
	cr_assert(eq(int, store_commit(store, 6001), 0));
	cr_assert(ne(ptr, strstr(said(), "store-works-again"), NULL));
	store_close(store);
	cr_assert(eq(uint, count_all(), SLOTS - 1));
}
