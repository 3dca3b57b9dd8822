// Any sequence of requests, responses, errors and hours: each octet pair is a step. What must hold whatever the order: an owner hears
// of the end of a transaction once; a client hears one final response, or several 2xx to an INVITE, or one failure, and nothing
// behind that; nothing is sent by what has ended; the table never exceeds its bound but by its own CANCELs; and left alone
// everything ends.

#include "fuzz.h"
#include "transaction/transaction.h"

enum {
	OWNERS_MAX = 64,
	TABLE_MAXIMUM = 12,
	BRANCHES = 4,
	OCTETS_MAX = 1024,
};

struct owner {
	struct transaction *transaction; // NULL: ended, or never opened
	bool invite;
	bool client;
	unsigned successes;
	unsigned finals; // other than 2xx, and failures
};

static struct {
	struct timers *timers;
	struct transactions *table;
	struct message message;
	uint64_t now_ms;
	unsigned opened;
	struct owner owners[OWNERS_MAX];
	char octets[OCTETS_MAX];
} world;

static const struct hash_keys HASHES;
static const char *const METHODS[] = {"INVITE", "ACK", "CANCEL", "MESSAGE"};
static const unsigned STATUSES[] = {100, 180, 200, 202, 302, 408, 487, 603};

static void transport_send(void *context, const struct hop *to, struct span octets)
{
	static struct message sent;
	static const uint8_t RESPONSE[] = "SIP/2.0 ";

	if (memcmp(octets.octets, RESPONSE, sizeof(RESPONSE) - 1) == 0)
		return; // made up below, no whole message
	CHECK(message_parse(&sent, octets.octets, octets.length) == MESSAGE_OK);
}

static void owner_response(void *context, struct transaction *transaction,
	const struct message *response, uint64_t at_ms)
{
	struct owner *owner = context;

	CHECK(owner->client && owner->transaction == transaction);
	CHECK(owner->finals == 0);
	CHECK(owner->successes == 0 || (owner->invite && response->status / 100 == 2));
	owner->successes += response->status / 100 == 2;
	owner->finals += response->status >= 300;
}

static void owner_failed(void *context, struct transaction *transaction,
	enum transaction_failure failure, uint64_t at_ms)
{
	struct owner *owner = context;

	CHECK(owner->transaction == transaction);
	CHECK(!owner->client || (owner->finals == 0 && owner->successes == 0));
	owner->finals += owner->client;
}

static void owner_ended(void *context, struct transaction *transaction)
{
	struct owner *owner = context;

	CHECK(owner->transaction == transaction);
	CHECK(transaction_state(transaction) == TRANSACTION_TERMINATED);
	owner->transaction = NULL;
}

static const struct transaction_user OWNER = {owner_response, owner_failed, owner_ended};

static struct span request_write(const char *method, unsigned branch)
{
	// An odd branch lacks the cookie: it is told apart as RFC 2543 had it.
	int length = snprintf(world.octets, sizeof(world.octets),
		"%s sip:b@h.test SIP/2.0\r\nVia: SIP/2.0/UDP a.test;branch=%s%u\r\n"
		"From: <sip:a@h.test>;tag=f\r\nTo: <sip:b@h.test>\r\nCall-ID: c\r\n"
		"CSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		method, branch % 2 ? "" : "z9hG4bK", branch, method);

	return span_of(world.octets, (size_t)length);
}

static void message_read(struct span octets)
{
	CHECK(message_parse(&world.message, octets.octets, octets.length) == MESSAGE_OK);
}

static struct owner *owner_new(bool client, bool invite)
{
	if (world.opened == OWNERS_MAX)
		return NULL;
	struct owner *owner = &world.owners[world.opened++];
	*owner = (struct owner){.client = client, .invite = invite};
	return owner;
}

static struct hop hop_of(uint8_t octet)
{
	return (struct hop){
		.peer = {.address = {192, 0, 2, octet & 1}, .port = 5060, .family = ENDPOINT_V4},
		.transport = octet & 2 ? TRANSPORT_TCP : TRANSPORT_UDP};
}

static void request_come(uint8_t octet)
{
	const char *method = METHODS[octet % 4];
	struct hop hop = hop_of(octet >> 4);

	message_read(request_write(method, octet / 4 % BRANCHES));
	if (transactions_take(world.table, &world.message, world.now_ms) || octet % 4 == 1)
		return;
	if (octet % 4 == 2)
		(void)!transaction_find_cancelled(world.table, &world.message);
	struct owner *owner = owner_new(false, octet % 4 == 0);
	if (owner != NULL)
		owner->transaction =
			transaction_open_server(world.table, &world.message, &hop, &OWNER, owner);
}

static void client_open(uint8_t octet)
{
	bool invite = octet & 1;
	struct hop hop = hop_of(octet >> 4);
	struct owner *owner = owner_new(true, invite);

	if (owner != NULL)
		owner->transaction = transaction_open_client(world.table,
			request_write(invite ? "INVITE" : "MESSAGE", octet / 2 % BRANCHES), &hop,
			&OWNER, owner, world.now_ms);
}

static void response_come(uint8_t octet)
{
	int length = snprintf(world.octets, sizeof(world.octets),
		"SIP/2.0 %u R\r\nVia: SIP/2.0/UDP a.test;branch=%s%u\r\n"
		"From: <sip:a@h.test>;tag=f\r\nTo: <sip:b@h.test>;tag=t\r\nCall-ID: c\r\n"
		"CSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		STATUSES[octet % 8], octet / 8 % 2 ? "" : "z9hG4bK", octet / 8 % BRANCHES,
		METHODS[octet / 32 % 4]);

	message_read(span_of(world.octets, (size_t)length));
	(void)!transactions_take(world.table, &world.message, world.now_ms);
}

static void owner_act(uint8_t act, uint8_t octet)
{
	unsigned status = STATUSES[octet / 16 % 8];
	struct owner *owner = &world.owners[octet % 16];
	char response[64];
	int length = snprintf(response, sizeof(response), "SIP/2.0 %u R\r\n\r\n", status);

	if (owner->transaction == NULL)
		return;
	if (act == 0 && !owner->client)
		transaction_respond(owner->transaction, status, span_of(response, (size_t)length),
			world.now_ms);
	else if (act == 1 && owner->client)
		transaction_cancel(owner->transaction, world.now_ms);
	else if (act == 2)
		transaction_drop(owner->transaction);
}

static void time_pass(uint64_t ms)
{
	world.now_ms += ms;
	timers_run(world.timers, world.now_ms);
}

static void step_run(uint8_t step, uint8_t octet)
{
	struct hop hop = hop_of(octet);

	switch (step % 8) {
	case 0:
		request_come(octet);
		break;
	case 1:
		client_open(octet);
		break;
	case 2:
		response_come(octet);
		break;
	case 3:
		transactions_fail(world.table, &hop, world.now_ms);
		break;
	case 4:
		time_pass(octet * 100u);
		break;
	default:
		owner_act(step % 8 - 5, octet);
	}
	transactions_settle(world.table);
	CHECK(transactions_count(world.table)
		<= TABLE_MAXIMUM + transactions_counters(world.table)->cancelled);
}

// Servers that were never answered, and INVITEs that ring, are their owners' to end.
static void end_all(void)
{
	for (unsigned i = 0; i < world.opened; i++)
		if (world.owners[i].transaction != NULL)
			transaction_cancel(world.owners[i].transaction, world.now_ms);
	for (unsigned i = 0; i < 4; i++) {
		time_pass(TRANSACTION_LIFE_MS);
		transactions_settle(world.table);
	}
	for (unsigned i = 0; i < world.opened; i++) {
		struct owner *owner = &world.owners[i];
		if (owner->transaction == NULL)
			continue;
		enum transaction_state state = transaction_state(owner->transaction);
		CHECK(state == TRANSACTION_TRYING || state == TRANSACTION_PROCEEDING);
		CHECK(!owner->client);
		transaction_drop(owner->transaction);
	}
	transactions_settle(world.table);
	CHECK(transactions_count(world.table) == 0);
	CHECK(timers_due(world.timers) == TIMERS_NEVER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&world, 0, sizeof(world));
	world.timers = timers_new();
	const struct transactions_options options = {.hashes = &HASHES,
		.timers = world.timers,
		.maximum = TABLE_MAXIMUM,
		.send = transport_send};
	world.table = transactions_new(&options);
	CHECK(world.timers != NULL && world.table != NULL);
	for (size_t i = 0; i + 1 < size; i += 2)
		step_run(data[i], data[i + 1]);
	end_all();
	transactions_free(world.table);
	timers_free(world.timers);
	return 0;
}
