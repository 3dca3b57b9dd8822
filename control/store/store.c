#include "store.h"

#include "store_file.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum {
	PATH_MAX_OCTETS = 512,
	BATCH_FIRST = 64,
	CATCH_UP_RECORDS = 256, // in one transaction
	CATCH_UP_TRANSACTIONS = 16, // in one call
	SLOTS_A_WORD = 64,
};

struct batch {
	struct flow_record *records;
	unsigned count;
	unsigned capacity;
};

struct store {
	struct store_options options;
	struct store_file file;
	struct store_facts facts;
	struct batch batch;
	bool failing; // said already
	int failure; // of the last try; 0: it works, and there is more to catch up with
	uint64_t tried_s;
	uint64_t *behind; // a bit a slot whose record in the file is old, while failing
	_Atomic bool dirty; // committed and not synced
	bool syncing; // the thread runs
	bool closing; // under lock
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
};

static void *sync_run(void *argument)
{
	struct store *store = argument;
	struct timespec until;

	pthread_mutex_lock(&store->lock);
	while (!store->closing) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += STORE_SYNC_EVERY_MS / 1000;
		pthread_cond_timedwait(&store->wake, &store->lock, &until);
		pthread_mutex_unlock(&store->lock);
		if (atomic_exchange(&store->dirty, false))
			store_file_sync(&store->file);
		pthread_mutex_lock(&store->lock);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

static int thread_start(struct store *store)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	int status = pthread_create(&store->thread, NULL, sync_run, store);
	store->syncing = status == 0;
	return -status;
}

// The file as it should be, or an empty one with the old set aside.
static int file_open(struct store *store)
{
	const struct store_options *options = &store->options;
	char aside[PATH_MAX_OCTETS];

	if (strlen(options->path) > STORE_PATH_MAX)
		return -ENAMETOOLONG;
	if (mkdir(options->path, 0700) != 0 && errno != EEXIST)
		return -errno;
	enum store_health health;
	int status = store_file_check(options->path, options->edge, &health);
	if (status != 0)
		return status;
	if (health != STORE_SOUND) {
		status = store_file_set_aside(options->path, aside, sizeof(aside));
		if (status != 0)
			return status;
		log_event(options->log, LOG_LEVEL_ERROR, "store-set-aside",
			LOG_TEXT("path", options->path), LOG_TEXT("why", store_health_text(health)),
			LOG_TEXT("kept-as", aside));
	}
	return store_file_open(&store->file, options->path, options->flows_max, options->edge);
}

static uint64_t incarnation_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int facts_load(struct store *store)
{
	int status = store_file_read_facts(&store->file, &store->facts);

	if (status != 0 || store->facts.incarnation != 0)
		return status;
	store->facts.incarnation = incarnation_now();
	return store_file_write(&store->file, NULL, 0, &store->facts);
}

int store_open(const struct store_options *options, struct store **out)
{
	struct store *store = calloc(1, sizeof(*store));
	int status;

	if (store == NULL)
		return -ENOMEM;
	store->options = *options;
	store->behind = calloc(options->flows_max / SLOTS_A_WORD + 1, sizeof(*store->behind));
	status = store->behind == NULL ? -ENOMEM : file_open(store);
	if (status == 0)
		status = facts_load(store);
	if (status == 0)
		status = thread_start(store);
	if (status != 0) {
		store_file_close(&store->file);
		free(store->behind);
		free(store);
		return status;
	}
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->closing = true;
	pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->thread, NULL);
	store_file_sync(&store->file);
	store_file_close(&store->file);
	pthread_mutex_destroy(&store->lock);
	pthread_cond_destroy(&store->wake);
	free(store->batch.records);
	free(store->behind);
	free(store);
}

struct reading {
	struct store *store;
	void (*each)(void *context, const struct flow_record *record);
	void *context;
};

static void record_came(void *context, const struct flow_record *record)
{
	struct reading *reading = context;

	if (record->id.generation > reading->store->facts.newest_generation)
		reading->store->facts.newest_generation = record->id.generation;
	reading->each(reading->context, record);
}

void store_read(struct store *store, void (*each)(void *context, const struct flow_record *record),
	void *context)
{
	struct reading reading = {store, each, context};

	if (store_file_read(&store->file, record_came, &reading) != 0)
		log_event(store->options.log, LOG_LEVEL_ERROR, "store-read",
			LOG_TEXT("path", store->options.path),
			LOG_TEXT("error", "records were lost"));
}

void store_read_notes(struct store *store,
	void (*each)(void *context, uint32_t key, struct span octets), void *context)
{
	if (store_file_read_notes(&store->file, each, context) != 0)
		log_event(store->options.log, LOG_LEVEL_ERROR, "store-read",
			LOG_TEXT("path", store->options.path),
			LOG_TEXT("error", "notes were lost"));
}

void store_put_note(struct store *store, uint32_t key, struct span octets)
{
	assert(octets.length <= STORE_NOTE_OCTETS_MAX);
	int status = store_file_write_note(&store->file, key, octets);

	if (status != 0)
		log_event(store->options.log, LOG_LEVEL_ERROR, "store-failed",
			LOG_TEXT("path", store->options.path),
			LOG_TEXT("error", store_file_error(status)));
	else
		atomic_store(&store->dirty, true);
}

uint64_t store_last_s(const struct store *store)
{
	return store->facts.last_s;
}

uint32_t store_newest_generation(const struct store *store)
{
	return store->facts.newest_generation;
}

uint64_t store_incarnation(const struct store *store)
{
	return store->facts.incarnation;
}

static bool batch_grow(struct batch *batch)
{
	unsigned capacity = batch->capacity == 0 ? BATCH_FIRST : batch->capacity * 2;
	struct flow_record *records = realloc(batch->records, capacity * sizeof(*records));

	if (records == NULL)
		return false;
	batch->records = records;
	batch->capacity = capacity;
	return true;
}

static void batch_add(struct store *store, const struct flow_record *record)
{
	if (store->batch.count == store->batch.capacity && !batch_grow(&store->batch))
		return; // out of memory: this change is not kept over a restart
	store->batch.records[store->batch.count++] = *record;
}

static void behind_set(struct store *store, uint32_t slot)
{
	if (slot <= store->options.flows_max)
		store->behind[slot / SLOTS_A_WORD] |= UINT64_C(1) << slot % SLOTS_A_WORD;
}

void store_put(struct store *store, const struct flow_record *record)
{
	if (record->id.generation > store->facts.newest_generation)
		store->facts.newest_generation = record->id.generation;
	// A full disk may stay so for hours: what is remembered of it is bounded by the slots, a bit each.
	if (store->failing)
		behind_set(store, record->id.slot);
	else
		batch_add(store, record);
}

static int batch_write(struct store *store)
{
	int status = store_file_write(
		&store->file, store->batch.records, store->batch.count, &store->facts);

	if (status == 0)
		atomic_store(&store->dirty, true);
	return status;
}

static int failing_begin(struct store *store, int status)
{
	log_event(store->options.log, LOG_LEVEL_ERROR, "store-failed",
		LOG_TEXT("path", store->options.path), LOG_TEXT("error", store_file_error(status)),
		LOG_TEXT("hint", "the edge goes on without"));
	store->failing = true;
	store->failure = status;
	for (unsigned i = 0; i < store->batch.count; i++)
		behind_set(store, store->batch.records[i].id.slot);
	store->batch.count = 0;
	return status;
}

// The next slot from `slot` on that is behind; past the last: there is none.
static uint32_t behind_find(const struct store *store, uint32_t slot)
{
	for (; slot <= store->options.flows_max; slot++) {
		uint64_t word = store->behind[slot / SLOTS_A_WORD] >> slot % SLOTS_A_WORD;
		if (word != 0)
			return slot + (uint32_t)__builtin_ctzll(word);
		slot |= SLOTS_A_WORD - 1; // the rest of the word is empty
	}
	return slot;
}

static void batch_add_current(struct store *store, uint32_t slot)
{
	const struct store_options *options = &store->options;
	struct flow_record record;

	if (!options->current(options->context, slot, &record))
		record = (struct flow_record){
			.id = {.edge = options->edge, .slot = slot}, .state = FLOW_GONE};
	batch_add(store, &record);
}

// One transaction. 1: there was nothing left to write.
static int catch_up_once(struct store *store)
{
	uint32_t slot = behind_find(store, 0);

	if (slot > store->options.flows_max)
		return 1;
	for (; slot <= store->options.flows_max && store->batch.count < CATCH_UP_RECORDS;
		slot = behind_find(store, slot + 1))
		batch_add_current(store, slot);
	if (store->batch.count == 0)
		return -ENOMEM;
	int status = batch_write(store);
	for (unsigned i = 0; status == 0 && i < store->batch.count; i++) {
		uint32_t written = store->batch.records[i].id.slot;
		store->behind[written / SLOTS_A_WORD] &= ~(UINT64_C(1) << written % SLOTS_A_WORD);
	}
	store->batch.count = 0;
	return status;
}

static int catch_up(struct store *store)
{
	store->failure = 0;
	for (unsigned i = 0; i < CATCH_UP_TRANSACTIONS && store->failure == 0; i++)
		store->failure = catch_up_once(store);
	if (store->failure <= 0)
		return store->failure;
	log_event(store->options.log, LOG_LEVEL_NOTICE, "store-works-again",
		LOG_TEXT("path", store->options.path));
	store->failing = false;
	return store->failure = 0;
}

int store_commit(struct store *store, uint64_t now_s)
{
	bool same_second = now_s == store->tried_s;
	bool time_is_noted =
		now_s >= store->facts.last_s && now_s - store->facts.last_s < STORE_TIME_EVERY_S;

	if (store->failing && store->failure != 0 && same_second)
		return store->failure;
	if (!store->failing && store->batch.count == 0 && time_is_noted)
		return 0;
	store->tried_s = now_s;
	store->facts.last_s = now_s;
	if (store->failing)
		return catch_up(store);
	int status = batch_write(store);
	if (status != 0)
		return failing_begin(store, status);
	store->batch.count = 0;
	return 0;
}
