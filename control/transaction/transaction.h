// transaction.h: client and server transactions (RFC 3261 section 17, RFC 6026), many in one bounded table.
//
// The layer between a transport and a proxy: retransmissions are absorbed and made, ACKs to failures and CANCELs written, timers kept.
// Time is an argument (a steady clock in milliseconds), the transport a function. A transaction belongs to the table; its owner
// is told when it ends and may not touch it afterwards. Messages are copied.

#pragma once

#include "../base/timers.h"
#include "hop.h"
#include "machine.h"

#include <weir/keyhash.h>
#include <weir/message.h>

struct transactions;
struct transaction;

enum transaction_failure {
	TRANSACTION_NOT_ANSWERED,
	TRANSACTION_NOT_DELIVERED,
};

// What an owner is told. None may be NULL but where said.
struct transaction_user {
	// A client's: any provisional response, its final one; an INVITE client's: every 2xx.
	void (*response)(void *owner, struct transaction *transaction,
		const struct message *response, uint64_t now_ms);
	// A client's: no final response will come. May be NULL.
	void (*failed)(void *owner, struct transaction *transaction,
		enum transaction_failure failure, uint64_t now_ms);
	// It is gone when this returns. Called from transactions_settle() alone.
	void (*ended)(void *owner, struct transaction *transaction);
};

struct transactions_options {
	const struct hash_keys *hashes; // outlive the table
	struct timers *timers; // outlive the table
	uint32_t maximum; // transactions at once; a CANCEL of ours may exceed it
	void (*send)(void *context, const struct hop *to, struct span octets);
	void *context;
};

struct transactions_counters {
	uint64_t opened;
	uint64_t refused; // the table was full
	uint64_t absorbed; // retransmitted requests
	uint64_t repeated; // messages sent once more by a timer
	uint64_t timed_out; // clients that nobody answered
	uint64_t cancelled; // CANCELs of ours
};

[[nodiscard]] struct transactions *transactions_new(
	const struct transactions_options *options); // NULL: out of memory
// Nobody is told.
void transactions_free(struct transactions *table);
uint32_t transactions_count(const struct transactions *table);
const struct transactions_counters *transactions_counters(const struct transactions *table);

// Give a received message to its transaction. False: it has none, and is the caller's: a new request, an ACK to a 2xx, or a
// response to nothing that we sent.
[[nodiscard]] bool transactions_take(
	struct transactions *table, const struct message *message, uint64_t now_ms);
// The transport could not deliver by that connection, or without one to that address (RFC 3261 section 18.4): clients that still call
// there have failed.
void transactions_fail(struct transactions *table, const struct hop *gone, uint64_t now_ms);
// Call owners of what has ended and free it. To be called whenever messages, timers and errors have been worked off.
void transactions_settle(struct transactions *table);

// A server transaction of a request that transactions_take() knew nothing of. NULL: the table is full, or out of memory.
[[nodiscard]] struct transaction *transaction_open_server(struct transactions *table,
	const struct message *request, const struct hop *source,
	const struct transaction_user *user, void *owner);
// The INVITE that a CANCEL means (section 9.2), or NULL.
[[nodiscard]] struct transaction *transaction_find_cancelled(
	struct transactions *table, const struct message *cancel);
// Send a response, as far as the state allows. `octets` is a whole message of that status.
void transaction_respond(
	struct transaction *transaction, unsigned status, struct span octets, uint64_t now_ms);

// A client transaction: sends the request, whose top Via is ours. NULL: the table is full, or out of memory.
[[nodiscard]] struct transaction *transaction_open_client(struct transactions *table,
	struct span request, const struct hop *to, const struct transaction_user *user, void *owner,
	uint64_t now_ms);
// Cancel an INVITE client (section 9.1): at once, or when the first provisional response comes; never once it is answered.
void transaction_cancel(struct transaction *client, uint64_t now_ms);

// End it without a word: no response will be given or waited for.
void transaction_drop(struct transaction *transaction);

enum transaction_state transaction_state(const struct transaction *transaction);
void *transaction_owner(const struct transaction *transaction);
