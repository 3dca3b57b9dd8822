// The store: what was committed is there after a restart.

#include "store_fixture.h"

#include <lmdb.h>

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

Test(store, notes_the_time_of_an_edge_on_which_nothing_changes, .init = setup, .fini = teardown)
{
	fill();
	struct store *store = open_as(EDGE);
	cr_assert(eq(int, store_commit(store, 5000 + STORE_TIME_EVERY_S - 1), 0));
	cr_assert(eq(u64, store_last_s(store), 5000));
	cr_assert(eq(int, store_commit(store, 5000 + STORE_TIME_EVERY_S), 0));
	store_close(store);
	store = open_as(EDGE);
	cr_assert(eq(u64, store_last_s(store), 5000 + STORE_TIME_EVERY_S));
	store_close(store);
}
