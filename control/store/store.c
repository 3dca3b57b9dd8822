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

	if (mkdir(options->path, 0700) != 0 && errno != EEXIST)
		return -errno;
	enum store_health health = store_file_check(options->path, options->edge);
	if (health != STORE_SOUND) {
		int status = store_file_set_aside(options->path, aside, sizeof(aside));
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
	status = file_open(store);
	if (status == 0)
		status = facts_load(store);
	if (status == 0)
		status = thread_start(store);
	if (status != 0) {
		store_file_close(&store->file);
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

// Only while a disk is full do batches live on: then a slot keeps its newest record alone, and the batch is bounded by the slots.
static struct flow_record *batch_find(struct store *store, uint32_t slot)
{
	for (unsigned i = 0; store->failing && i < store->batch.count; i++)
		if (store->batch.records[i].id.slot == slot)
			return &store->batch.records[i];
	return NULL;
}

void store_put(struct store *store, const struct flow_record *record)
{
	struct flow_record *old = batch_find(store, record->id.slot);

	if (old != NULL) {
		*old = *record;
		return;
	}
	if (store->batch.count == store->batch.capacity && !batch_grow(&store->batch))
		return; // out of memory: this change is not kept over a restart
	store->batch.records[store->batch.count++] = *record;
	if (record->id.generation > store->facts.newest_generation)
		store->facts.newest_generation = record->id.generation;
}

int store_commit(struct store *store, uint64_t now_s)
{
	if (store->batch.count == 0)
		return 0;
	store->facts.last_s = now_s;
	int status = store_file_write(
		&store->file, store->batch.records, store->batch.count, &store->facts);
	if (status != 0) {
		if (!store->failing)
			log_event(store->options.log, LOG_LEVEL_ERROR, "store-failed",
				LOG_TEXT("path", store->options.path),
				LOG_TEXT("error", store_file_error(status)),
				LOG_TEXT("hint", "the edge goes on without"));
		store->failing = true;
		return status;
	}
	if (store->failing)
		log_event(store->options.log, LOG_LEVEL_NOTICE, "store-works-again",
			LOG_TEXT("path", store->options.path));
	store->failing = false;
	store->batch.count = 0;
	atomic_store(&store->dirty, true);
	return 0;
}
