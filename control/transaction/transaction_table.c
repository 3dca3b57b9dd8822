#include "transaction_private.h"

#include <stdlib.h>

enum {
	BUCKETS_MIN = 64,
};

struct transactions *transactions_new(const struct transactions_options *options)
{
	struct transactions *table = calloc(1, sizeof(*table));
	uint32_t buckets = BUCKETS_MIN;

	if (table == NULL)
		return NULL;
	while (buckets < options->maximum)
		buckets *= 2;
	table->options = *options;
	table->bucket_mask = buckets - 1;
	LIST_INIT(&table->calling);
	STAILQ_INIT(&table->over);
	table->buckets = calloc(buckets, sizeof(*table->buckets));
	if (table->buckets == NULL) {
		free(table);
		return NULL;
	}
	return table;
}

static void transaction_free(struct transaction *transaction)
{
	timer_close(transaction->table->options.timers, &transaction->timer);
	transaction->table->count--;
	free(transaction->octets);
	free(transaction);
}

void transactions_free(struct transactions *table)
{
	struct transaction *transaction;

	if (table == NULL)
		return;
	while ((transaction = STAILQ_FIRST(&table->over)) != NULL) {
		STAILQ_REMOVE_HEAD(&table->over, over);
		transaction_free(transaction);
	}
	for (uint32_t i = 0; i <= table->bucket_mask; i++) {
		while ((transaction = LIST_FIRST(&table->buckets[i])) != NULL) {
			LIST_REMOVE(transaction, bucket);
			transaction_free(transaction);
		}
	}
	free(table->buckets);
	free(table);
}

uint32_t transactions_count(const struct transactions *table)
{
	return table->count;
}

const struct transactions_counters *transactions_counters(const struct transactions *table)
{
	return &table->counters;
}

static struct transaction_list *bucket_of(
	struct transactions *table, const struct transaction_key *key)
{
	uint32_t index;

	memcpy(&index, key->octets, sizeof(index));
	return &table->buckets[index & table->bucket_mask];
}

struct transaction *transaction_find(struct transactions *table, const struct transaction_key *key)
{
	struct transaction *transaction;

	LIST_FOREACH(transaction, bucket_of(table, key), bucket)
	{
		if (memcmp(&transaction->key, key, sizeof(*key)) == 0)
			return transaction;
	}
	return NULL;
}

struct transaction *transaction_open(struct transactions *table, enum transaction_kind kind,
	const struct transaction_key *key, const struct hop *hop,
	const struct transaction_user *user, void *owner)
{
	struct transaction *transaction;

	if (table->count >= table->options.maximum
		|| (transaction = calloc(1, sizeof(*transaction))) == NULL) {
		table->counters.refused++;
		return NULL;
	}
	if (timer_open(
		    table->options.timers, &transaction->timer, transaction_timer_due, transaction)
		!= 0) {
		table->counters.refused++;
		free(transaction);
		return NULL;
	}
	transaction->table = table;
	transaction->kind = (uint8_t)kind;
	transaction->key = *key;
	transaction->hop = *hop;
	transaction->user = user;
	transaction->owner = owner;
	LIST_INSERT_HEAD(bucket_of(table, key), transaction, bucket);
	table->count++;
	transaction->number = ++table->counters.opened;
	return transaction;
}

struct transaction *transaction_find_cancelled(
	struct transactions *table, const struct message *cancel)
{
	struct transaction_key key =
		transaction_key_of_server(table->options.hashes, cancel, SPAN("INVITE"));

	return transaction_find(table, &key);
}

static bool take_response(
	struct transactions *table, const struct message *response, uint64_t now_ms)
{
	struct transaction_key key = transaction_key_of_client(table->options.hashes, response);
	struct transaction *client = transaction_find(table, &key);

	if (client == NULL)
		return false;
	bool taken =
		transaction_step(client, transaction_event_of(response->status), response, now_ms);
	transaction_cancel_wanted(client, now_ms);
	return taken;
}

static bool take_request(struct transactions *table, const struct message *request, uint64_t now_ms)
{
	bool ack = request->method == METHOD_ACK;
	struct span method = ack ? SPAN("INVITE") : message_span(request, request->method_name);
	struct transaction_key key =
		transaction_key_of_server(table->options.hashes, request, method);
	struct transaction *server = transaction_find(table, &key);

	if (server == NULL)
		return false;
	table->counters.absorbed += !ack;
	return transaction_step(
		server, ack ? TRANSACTION_ACK : TRANSACTION_REQUEST, request, now_ms);
}

bool transactions_take(struct transactions *table, const struct message *message, uint64_t now_ms)
{
	return message->request ? take_request(table, message, now_ms)
				: take_response(table, message, now_ms);
}

static bool goes_by(const struct transaction *client, const struct hop *gone)
{
	if (gone->connection != 0)
		return client->hop.connection == gone->connection;
	return hop_is_same(&client->hop, gone);
}

void transactions_fail(struct transactions *table, const struct hop *gone, uint64_t now_ms)
{
	struct transaction *client = LIST_FIRST(&table->calling);
	// What owners open now has nothing to do with this error.
	uint64_t last = table->counters.opened;

	while (client != NULL) {
		struct transaction *next = LIST_NEXT(client, calling);
		if (client->number <= last && goes_by(client, gone)) {
			(void)!transaction_step(client, TRANSACTION_ERROR, NULL, now_ms);
			// Whoever was told may have ended the next one, which transactions_settle() frees: then from the start again.
			if (next != NULL && !next->is_calling)
				next = LIST_FIRST(&table->calling);
		}
		client = next;
	}
}

void transactions_settle(struct transactions *table)
{
	struct transaction *transaction;

	while ((transaction = STAILQ_FIRST(&table->over)) != NULL) {
		STAILQ_REMOVE_HEAD(&table->over, over);
		if (transaction->user != NULL)
			transaction->user->ended(transaction->owner, transaction);
		transaction_free(transaction);
	}
}
