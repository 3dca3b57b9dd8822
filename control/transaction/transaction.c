#include "transaction_message.h"
#include "transaction_private.h"

#include <stdlib.h>

static void send_octets(const struct transaction *transaction)
{
	const struct transactions_options *options = &transaction->table->options;

	if (transaction->length > 0)
		options->send(options->context, &transaction->hop,
			span_of(transaction->octets, transaction->length));
}

static void timer_arm(struct transaction *transaction)
{
	struct timers *timers = transaction->table->options.timers;
	uint64_t at_ms = transaction->repeat_at_ms < transaction->end_at_ms
		? transaction->repeat_at_ms
		: transaction->end_at_ms;

	if (at_ms == TIMERS_NEVER)
		timer_unset(timers, &transaction->timer);
	else
		timer_set(timers, &transaction->timer, at_ms);
}

static void terminate(struct transaction *transaction)
{
	if (transaction->state == TRANSACTION_TERMINATED)
		return;
	transaction->state = TRANSACTION_TERMINATED;
	timer_unset(transaction->table->options.timers, &transaction->timer);
	LIST_REMOVE(transaction, bucket);
	STAILQ_INSERT_TAIL(&transaction->table->over, transaction, over);
}

static void enter(struct transaction *transaction, enum transaction_state state, uint64_t now_ms)
{
	struct transaction_times times =
		machine_times(transaction->kind, state, hop_is_reliable(&transaction->hop));

	if (transaction->is_calling && state != TRANSACTION_TRYING) {
		LIST_REMOVE(transaction, calling);
		transaction->is_calling = false;
	}
	if (state == TRANSACTION_TERMINATED || (times.ends && times.end_ms == 0)) {
		terminate(transaction);
		return;
	}
	transaction->state = (uint8_t)state;
	transaction->repeat_ms = times.repeat_ms;
	transaction->repeat_max_ms = times.repeat_max_ms;
	transaction->repeat_at_ms = times.repeat_ms == 0 ? TIMERS_NEVER : now_ms + times.repeat_ms;
	if (!times.keeps_end)
		transaction->end_at_ms = times.ends ? now_ms + times.end_ms : TIMERS_NEVER;
	timer_arm(transaction);
}

// What we sent ourselves, read again. False: a bug of who wrote it.
static bool request_read(struct transaction *client)
{
	return message_parse(&client->table->message, client->octets, client->length) == MESSAGE_OK;
}

static void ack_send(struct transaction *client, const struct message *response)
{
	struct transactions *table = client->table;
	struct text out = text_begin(table->own, sizeof(table->own));

	if (!request_read(client))
		return;
	transaction_write_ack(&out, &table->message, response);
	if (!out.overflow)
		table->options.send(table->options.context, &client->hop, text_span(&out));
}

static void cancel_send(struct transaction *client, uint64_t now_ms)
{
	struct transactions *table = client->table;
	struct text out = text_begin(table->own, sizeof(table->own));
	uint32_t maximum = table->options.maximum;

	client->cancelled = true;
	// Section 9.1: who does not answer within that time never will.
	client->end_at_ms = now_ms + TRANSACTION_LIFE_MS;
	timer_arm(client);
	if (!request_read(client))
		return;
	transaction_write_cancel(&out, &table->message);
	if (out.overflow)
		return;
	table->options.maximum = UINT32_MAX;
	if (transaction_open_client(table, text_span(&out), &client->hop, NULL, NULL, now_ms)
		!= NULL)
		table->counters.cancelled++;
	table->options.maximum = maximum;
}

static void tell_failure(
	struct transaction *transaction, enum transaction_failure failure, uint64_t now_ms)
{
	bool client = transaction->kind == TRANSACTION_INVITE_CLIENT
		|| transaction->kind == TRANSACTION_CLIENT;

	transaction->table->counters.timed_out += client && failure == TRANSACTION_NOT_ANSWERED;
	if (transaction->user != NULL && transaction->user->failed != NULL)
		transaction->user->failed(transaction->owner, transaction, failure, now_ms);
}

bool transaction_step(struct transaction *transaction, enum transaction_event event,
	const struct message *message, uint64_t now_ms)
{
	struct transaction_step step = machine_step(transaction->kind, transaction->state, event);

	if (step.state != TRANSACTION_SAME)
		enter(transaction, step.state, now_ms);
	if (step.actions & TRANSACTION_SEND)
		send_octets(transaction);
	if (step.actions & TRANSACTION_ACKNOWLEDGE)
		ack_send(transaction, message);
	if (step.actions & TRANSACTION_TIMED_OUT)
		tell_failure(transaction, TRANSACTION_NOT_ANSWERED, now_ms);
	if (step.actions & TRANSACTION_UNREACHABLE)
		tell_failure(transaction, TRANSACTION_NOT_DELIVERED, now_ms);
	if (!(step.actions & TRANSACTION_TELL))
		return true;
	if (message == NULL || message->request)
		return false; // an ACK behind a 2xx is the caller's
	if (transaction->user != NULL)
		transaction->user->response(transaction->owner, transaction, message, now_ms);
	return true;
}

void transaction_timer_due(void *context, uint64_t now_ms)
{
	struct transaction *transaction = context;

	if (transaction->end_at_ms <= now_ms) {
		(void)!transaction_step(transaction, TRANSACTION_END, NULL, now_ms);
		return;
	}
	transaction->table->counters.repeated++;
	(void)!transaction_step(transaction, TRANSACTION_REPEAT, NULL, now_ms);
	transaction->repeat_ms *= 2;
	if (transaction->repeat_ms > transaction->repeat_max_ms)
		transaction->repeat_ms = transaction->repeat_max_ms;
	transaction->repeat_at_ms = now_ms + transaction->repeat_ms;
	timer_arm(transaction);
}

enum transaction_event transaction_event_of(unsigned status)
{
	if (status < 200)
		return TRANSACTION_PROVISIONAL;
	return status < 300 ? TRANSACTION_SUCCESS : TRANSACTION_FAILURE;
}

struct transaction *transaction_open_server(struct transactions *table,
	const struct message *request, const struct hop *source,
	const struct transaction_user *user, void *owner)
{
	struct transaction_key key = transaction_key_of_server(
		table->options.hashes, request, message_span(request, request->method_name));
	enum transaction_kind kind =
		request->method == METHOD_INVITE ? TRANSACTION_INVITE_SERVER : TRANSACTION_SERVER;
	struct transaction *server = transaction_open(table, kind, &key, source, user, owner);

	if (server != NULL) {
		server->state = (uint8_t)machine_begin(kind);
		server->repeat_at_ms = TIMERS_NEVER;
		server->end_at_ms = TIMERS_NEVER;
	}
	return server;
}

static bool octets_keep(struct transaction *transaction, struct span octets)
{
	uint8_t *copy = malloc(octets.length);

	if (copy == NULL)
		return false;
	memcpy(copy, octets.octets, octets.length);
	free(transaction->octets);
	transaction->octets = copy;
	transaction->length = octets.length;
	return true;
}

void transaction_respond(
	struct transaction *transaction, unsigned status, struct span octets, uint64_t now_ms)
{
	enum transaction_event event = transaction_event_of(status);
	struct transaction_step next = machine_step(transaction->kind, transaction->state, event);

	// A response that the state does not allow must not become the one that is repeated.
	if (!(next.actions & TRANSACTION_SEND) || !octets_keep(transaction, octets))
		return;
	(void)!transaction_step(transaction, event, NULL, now_ms);
}

struct transaction *transaction_open_client(struct transactions *table, struct span request,
	const struct hop *to, const struct transaction_user *user, void *owner, uint64_t now_ms)
{
	if (message_parse(&table->message, request.octets, request.length) != MESSAGE_OK)
		return NULL;
	struct transaction_key key =
		transaction_key_of_client(table->options.hashes, &table->message);
	enum transaction_kind kind = table->message.method == METHOD_INVITE
		? TRANSACTION_INVITE_CLIENT
		: TRANSACTION_CLIENT;
	struct transaction *client = transaction_open(table, kind, &key, to, user, owner);

	if (client == NULL)
		return NULL;
	if (!octets_keep(client, request)) {
		client->user = NULL; // who gets NULL hears no more
		terminate(client);
		return NULL;
	}
	LIST_INSERT_HEAD(&table->calling, client, calling);
	client->is_calling = true;
	enter(client, machine_begin(kind), now_ms);
	send_octets(client);
	return client;
}

void transaction_cancel_wanted(struct transaction *client, uint64_t now_ms)
{
	if (client->cancel_wanted && !client->cancelled && client->kind == TRANSACTION_INVITE_CLIENT
		&& client->state == TRANSACTION_PROCEEDING)
		cancel_send(client, now_ms);
}

void transaction_cancel(struct transaction *client, uint64_t now_ms)
{
	client->cancel_wanted = true;
	transaction_cancel_wanted(client, now_ms);
}

void transaction_drop(struct transaction *transaction)
{
	if (transaction->is_calling) {
		LIST_REMOVE(transaction, calling);
		transaction->is_calling = false;
	}
	terminate(transaction);
}

enum transaction_state transaction_state(const struct transaction *transaction)
{
	return transaction->state;
}

void *transaction_owner(const struct transaction *transaction)
{
	return transaction->owner;
}
