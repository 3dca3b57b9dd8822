// transaction_private.h: what transaction.c (one of them) and transaction_table.c (all of them) share.

#pragma once

#include "transaction.h"
#include "transaction_key.h"

#include <sys/queue.h>

enum {
	OWN_MESSAGE_MAX = 16384, // ACK or CANCEL
};

struct transaction {
	LIST_ENTRY(transaction) bucket;
	LIST_ENTRY(transaction) calling; // a client that nobody has answered yet
	STAILQ_ENTRY(transaction) over; // terminated, until it is settled
	struct transactions *table;
	struct transaction_key key;
	uint64_t number; // in the order of opening
	uint8_t kind; // enum transaction_kind
	uint8_t state; // enum transaction_state
	bool is_calling;
	bool cancel_wanted;
	bool cancelled;
	struct hop hop;
	const struct transaction_user *user; // NULL: nobody wants to know
	void *owner;
	struct timer timer; // set to whichever of the two is earlier
	uint64_t repeat_at_ms; // TIMERS_NEVER: not at all
	uint64_t end_at_ms;
	uint32_t repeat_ms;
	uint32_t repeat_max_ms;
	uint8_t *octets; // of a client its request, of a server its latest response, or NULL
	size_t length;
};

LIST_HEAD(transaction_list, transaction);

struct transactions {
	struct transactions_options options;
	struct transactions_counters counters;
	uint32_t count;
	uint32_t bucket_mask;
	struct transaction_list *buckets;
	struct transaction_list calling;
	STAILQ_HEAD(, transaction) over;
	struct message message; // a request of ours, read again
	uint8_t own[OWN_MESSAGE_MAX];
};

// Looked for among all that have not ended, or NULL.
struct transaction *transaction_find(struct transactions *table, const struct transaction_key *key);
// A new one, in its bucket. NULL: the table is full, or out of memory.
struct transaction *transaction_open(struct transactions *table, enum transaction_kind kind,
	const struct transaction_key *key, const struct hop *hop,
	const struct transaction_user *user, void *owner);
// One event; the message is a received one, or NULL. True: it is used up.
bool transaction_step(struct transaction *transaction, enum transaction_event event,
	const struct message *message, uint64_t now_ms);
enum transaction_event transaction_event_of(unsigned status);
// A timer of the transaction is due.
void transaction_timer_due(void *context, uint64_t now_ms);
// Send the CANCEL that was asked for before there was a provisional response.
void transaction_cancel_wanted(struct transaction *client, uint64_t now_ms);
