// transaction_fixture.h: a table of transactions whose transport and clock are the test's: what is sent stands in `sent`.

#pragma once

#include "transaction/transaction.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

enum {
	SENT_OCTETS = 65536,
	TABLE_MAXIMUM = 4,
};

static struct hash_keys hashes;
static struct timers *timers;
static struct transactions *table;
static struct message message;
static uint64_t now_ms;
static unsigned sends;
static char sent[SENT_OCTETS]; // the latest message
static char told[4096]; // what the owner heard, a word each

static const struct hop UDP = {
	.peer = {.address = {192, 0, 2, 1}, .port = 5060, .family = ENDPOINT_V4},
	.transport = TRANSPORT_UDP};
static const struct hop TCP = {
	.peer = {.address = {192, 0, 2, 1}, .port = 5060, .family = ENDPOINT_V4},
	.transport = TRANSPORT_TCP};

static inline void transport_send(void *context, const struct hop *to, struct span octets)
{
	cr_assert(lt(sz, octets.length, sizeof(sent)));
	memcpy(sent, octets.octets, octets.length);
	sent[octets.length] = 0;
	sends++;
}

static inline void tell(const char *format, unsigned number)
{
	size_t length = strlen(told);

	snprintf(told + length, sizeof(told) - length, format, number);
}

static inline void owner_response(void *owner, struct transaction *transaction,
	const struct message *response, uint64_t at_ms)
{
	tell("%u ", response->status);
}

static inline void owner_failed(void *owner, struct transaction *transaction,
	enum transaction_failure failure, uint64_t at_ms)
{
	tell(failure == TRANSACTION_NOT_ANSWERED ? "timeout " : "error ", 0);
}

static inline void owner_ended(void *owner, struct transaction *transaction)
{
	tell("ended ", 0);
}

static const struct transaction_user OWNER = {owner_response, owner_failed, owner_ended};

static inline void setup(void)
{
	timers = timers_new();
	const struct transactions_options options = {.hashes = &hashes,
		.timers = timers,
		.maximum = TABLE_MAXIMUM,
		.send = transport_send};
	table = transactions_new(&options);
}

static inline void teardown(void)
{
	transactions_free(table);
	timers_free(timers); // asserts that no timer was left
}

static inline size_t request_write(char *out, size_t capacity, const char *method, unsigned cseq,
	const char *branch, const char *to_tag)
{
	return (size_t)snprintf(out, capacity,
		"%s sip:bob@example.test SIP/2.0\r\nVia: SIP/2.0/UDP a.test;branch=%s\r\n"
		"Route: <sip:proxy.test;lr>\r\nMax-Forwards: 69\r\n"
		"From: <sip:a@example.test>;tag=f\r\nTo: <sip:bob@example.test>%s\r\n"
		"Call-ID: c\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
		method, branch, to_tag, cseq, method);
}

static inline const struct message *request(const char *method, const char *branch)
{
	static char octets[2048];
	const char *tag = strcmp(method, "ACK") == 0 ? ";tag=t" : "";
	size_t length = request_write(octets, sizeof(octets), method, 1, branch, tag);

	cr_assert(eq(int, message_parse(&message, (uint8_t *)octets, length), MESSAGE_OK));
	return &message;
}

static inline const struct message *response(
	unsigned status, const char *method, const char *branch)
{
	static char octets[2048];
	int length = snprintf(octets, sizeof(octets),
		"SIP/2.0 %u Whatever\r\nVia: SIP/2.0/UDP a.test;branch=%s\r\n"
		"From: <sip:a@example.test>;tag=f\r\nTo: <sip:bob@example.test>;tag=far\r\n"
		"Call-ID: c\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		status, branch, method);

	cr_assert(eq(int, message_parse(&message, (uint8_t *)octets, (size_t)length), MESSAGE_OK));
	return &message;
}

static inline struct transaction *client_open(
	const char *method, const char *branch, const struct hop *hop)
{
	char octets[2048];
	size_t length = request_write(octets, sizeof(octets), method, 1, branch, "");

	return transaction_open_client(table, span_of(octets, length), hop, &OWNER, NULL, now_ms);
}

// Let time pass in steps of a tenth of T1.
static inline void pass(uint64_t ms)
{
	for (uint64_t end_ms = now_ms + ms; now_ms < end_ms;) {
		now_ms += TRANSACTION_T1_MS / 10;
		timers_run(timers, now_ms);
		transactions_settle(table);
	}
}

static inline bool take(const struct message *taken)
{
	bool used = transactions_take(table, taken, now_ms);

	transactions_settle(table);
	return used;
}

// What was sent and heard since the last call: "3 sent; 180 200 ".
static inline const char *news(void)
{
	static char text[4200];

	snprintf(text, sizeof(text), "%u sent; %s", sends, told);
	sends = 0;
	told[0] = 0;
	return text;
}

#define assert_news(expected) cr_assert(eq(str, (char *)news(), (char *)(expected)))
