#include "golden.h"

#include <weir/base64url.h>

#include <stdio.h>
#include <stdlib.h>

bool golden_attribute(const char *line, const char *key, char *value, size_t capacity)
{
	char pattern[64];
	const char *at;
	size_t length;

	snprintf(pattern, sizeof(pattern), " %s=", key);
	at = strstr(line, pattern);
	if (at == NULL)
		return false;
	at += strlen(pattern);
	length = strcspn(at, " }\n");
	if (length >= capacity)
		abort();
	memcpy(value, at, length);
	value[length] = 0;
	return true;
}

uint64_t golden_number(const char *line, const char *key, uint64_t absent)
{
	char value[64];

	return golden_attribute(line, key, value, sizeof(value)) ? strtoull(value, NULL, 10)
								 : absent;
}

// A request of the transaction with this method, parsed: its hashes are what the placeholders stand for.
static void transaction_parse(struct golden_transaction *transaction, const char *method)
{
	int length = snprintf(transaction->text, sizeof(transaction->text),
		"%s sip:x@example.net SIP/2.0\r\nVia: %s\r\nFrom: <sip:x@example.net>;tag=%s\r\n"
		"To: <sip:y@example.net>\r\nCall-ID: %s\r\nCSeq: %s %s\r\n\r\n",
		method, transaction->via, transaction->from, transaction->call, transaction->cseq,
		method);

	if (message_parse(&transaction->message, (const uint8_t *)transaction->text, (size_t)length)
		!= MESSAGE_OK) {
		fprintf(stderr, "golden: no message: %s\n", transaction->text);
		abort();
	}
}

void golden_transaction_read(
	struct lab *lab, struct golden_transaction *transaction, const char *line)
{
	const char *via = strstr(line, " via=");

	if (via == NULL
		|| !golden_attribute(line, "call", transaction->call, sizeof(transaction->call))
		|| !golden_attribute(line, "cseq", transaction->cseq, sizeof(transaction->cseq))
		|| !golden_attribute(line, "from", transaction->from, sizeof(transaction->from)))
		abort();
	snprintf(transaction->via, sizeof(transaction->via), "%s", via + 5);
	transaction_parse(transaction, "OPTIONS");
	identity_hash_branch(&lab->hashes, &transaction->message, &transaction->message.via,
		transaction->branch);
}

static size_t branch_expand(struct golden_transaction *transaction, uint8_t *out)
{
	memcpy(out, "z9hG4bK", 7);
	return 7 + base64url_encode(out + 7, transaction->branch, BRANCH_HASH_OCTETS);
}

static uint32_t bind_hash(struct lab *lab, const char *bind)
{
	size_t call = strcspn(bind, "/");

	return identity_hash_bind(&lab->hashes, span_of(bind, call),
		span_of(bind + call + 1, strlen(bind) - call - 1));
}

static uint32_t relay_hash(
	struct lab *lab, struct golden_transaction *transaction, const char *word)
{
	char method[32] = "";
	uint8_t branch[64];
	size_t length = branch_expand(transaction, branch);

	if (!golden_attribute(word, "method", method, sizeof(method)))
		abort();
	if (golden_attribute(word, "branch", (char *)branch, sizeof(branch)))
		length = strlen((char *)branch);
	transaction_parse(transaction, method);
	return identity_hash_relay(&lab->hashes, &transaction->message, span_of(branch, length));
}

// "carol/x|dave/x" is the lower of the two.
static uint64_t uak_lowest(struct lab *lab, char *names)
{
	uint64_t lowest = UINT64_MAX;

	for (char *name = strtok(names, "|"); name != NULL; name = strtok(NULL, "|"))
		if (lab_uak(lab, name) < lowest)
			lowest = lab_uak(lab, name);
	return lowest;
}

static size_t token_expand(
	struct lab *lab, struct golden_transaction *transaction, const char *word, uint8_t *out)
{
	char value[256];
	struct token token = {.flow = {(uint8_t)golden_number(word, "edge", 0),
				      (uint32_t)golden_number(word, "slot", 0),
				      (uint32_t)golden_number(word, "generation", 0)},
		.listener = (uint8_t)golden_number(word, "listener", 0),
		.peer = {.family = ENDPOINT_V4}};
	uint8_t text[TOKEN_LENGTH_V6];
	size_t length;

	token.kind = strncmp(word, "token path", 10) == 0 ? TOKEN_PATH
		: strncmp(word, "token route", 11) == 0   ? TOKEN_ROUTE
							  : TOKEN_RELAY;
	if (golden_attribute(word, "peer", value, sizeof(value)))
		token.peer = lab_endpoint(value);
	if (golden_attribute(word, "role", value, sizeof(value)))
		token.role = strcmp(value, "sender") == 0 ? TOKEN_SENDER : TOKEN_RECEIVER;
	if (golden_attribute(word, "uak", value, sizeof(value)))
		token.uak = uak_lowest(lab, value);
	if (golden_attribute(word, "bind", value, sizeof(value)))
		token.bind = bind_hash(lab, value);
	else if (token.kind == TOKEN_RELAY)
		token.bind = relay_hash(lab, transaction, word);
	length = token_mint(lab->world.keys, &token, text);
	memcpy(out, text, length);
	return length;
}

static size_t proof_expand(
	struct lab *lab, struct golden_transaction *transaction, const char *word, uint8_t *out)
{
	uint8_t octets[15];
	char received[64] = "";
	uint8_t listener = (uint8_t)golden_number(word, "listener", 0);
	uint32_t slot = (uint32_t)golden_number(word, "slot", 0);
	uint32_t generation = (uint32_t)golden_number(word, "generation", 0);

	golden_attribute(word, "received", received, sizeof(received));
	octets[0] = listener;
	for (unsigned i = 0; i < 4; i++) {
		octets[1 + i] = (uint8_t)(slot >> (24 - 8 * i));
		octets[5 + i] = (uint8_t)(generation >> (24 - 8 * i));
	}
	identity_hash_return(&lab->hashes, (uint8_t)golden_number(word, "writer", 0), listener,
		slot, generation, transaction->branch, span_of(received, strlen(received)),
		(uint16_t)golden_number(word, "rport", 0), octets + 9);
	return base64url_encode(out, octets, sizeof(octets));
}

static size_t tag_expand(
	struct lab *lab, struct golden_transaction *transaction, const char *word, uint8_t *out)
{
	uint64_t tag;
	uint8_t octets[8];

	transaction_parse(transaction, "OPTIONS");
	tag = identity_hash_tag(
		&lab->hashes, &transaction->message, (uint16_t)strtoul(word + 4, NULL, 10));
	for (unsigned i = 0; i < 8; i++)
		octets[i] = (uint8_t)(tag >> (56 - 8 * i));
	return base64url_encode(out, octets, sizeof(octets));
}

static size_t word_expand(
	struct lab *lab, struct golden_transaction *transaction, const char *word, uint8_t *out)
{
	if (strncmp(word, "token ", 6) == 0)
		return token_expand(lab, transaction, word, out);
	if (strcmp(word, "branch") == 0)
		return branch_expand(transaction, out);
	if (strncmp(word, "w ", 2) == 0)
		return proof_expand(lab, transaction, word, out);
	if (strncmp(word, "tag ", 4) == 0)
		return tag_expand(lab, transaction, word, out);
	if (strncmp(word, "fill ", 5) == 0) {
		size_t count = strtoul(word + 5, NULL, 10);

		memset(out, 'x', count);
		return count;
	}
	fprintf(stderr, "golden: no such word: %s\n", word);
	abort();
}

size_t golden_expand(struct lab *lab, struct golden_transaction *transaction, const char *text,
	size_t length, uint8_t *out)
{
	size_t at = 0;

	for (size_t i = 0; i < length; i++) {
		char word[512];
		size_t n;

		if (text[i] != '{') {
			out[at++] = (uint8_t)text[i];
			continue;
		}
		n = strcspn(text + i, "}");
		if (n >= sizeof(word))
			abort();
		memcpy(word, text + i + 1, n - 1);
		word[n - 1] = 0;
		at += word_expand(lab, transaction, word, out + at);
		i += n;
	}
	return at;
}
