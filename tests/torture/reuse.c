// reuse.c: a NAT gives one phone's address and port to another, over and over: the flow book decides what that makes of flows, the
// stages what becomes of requests that old tokens bring. No request may go to an address that another phone has registered from since.
//
//     reuse [REGISTRATIONS]
//
// TAP of one case a claim. The draw is the same on every run.

#include "../unit/lab.h"
#include "../unit/random.h"
#include "flows/flow_book.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	PHONES = 300,
	PLACES = 40, // addresses and ports that the NATs have to give
	CONTACTS = 60, // host:port of Contacts: phones of different homes have the same
	TOKENS = 4, // of a phone's last flows
	SLOTS = 40000, // a slot rests for a minute
	ROWS = 80000,
	REQUESTS = 4, // after every registration
	START_S = LAB_NOW_S,
	NOBODY = PHONES,
};

struct phone {
	unsigned place; // PLACES: it has lost its own
	struct flow_id flow;
	unsigned token_count;
	struct token token[TOKENS];
};

static struct lab *lab;
static struct flow_book *book;
static struct flow_time now;
static struct phone phones[PHONES];
static unsigned last[PLACES]; // who registered from there last
static unsigned owner[PLACES]; // the same, if it has not got another place since
static struct flow_id held[PLACES]; // its flow
static uint32_t bind;
static struct random chance;
static uint64_t delivered, gone, wrong;

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "reuse: %s\n", what);
	abort();
}

static struct flow_source source_of(unsigned place)
{
	return (struct flow_source){.listener = LAB_ACCESS,
		.transport = TRANSPORT_UDP,
		.peer = {.address = {198, 51, 100, (uint8_t)(place / 8 + 1)},
			.port = (uint16_t)(40000 + place % 8),
			.family = ENDPOINT_V4}};
}

static uint64_t uak_of(unsigned phone)
{
	return 0x9e3779b97f4a7c15 * (phone + 1);
}

static uint64_t contact_of(unsigned phone)
{
	return phone % CONTACTS + 1;
}

static void table_change(void *context, const struct flow_record *record)
{
	check(flow_table_put(lab->flows, record, now.now_ms) == 0, "the table takes a record");
}

static void changes_tell(void)
{
	flow_book_walk_changes(book, table_change, NULL);
	flow_book_clear_changes(book);
	flow_table_reclaim(lab->flows);
}

static void time_pass(uint64_t ms)
{
	now.now_ms += ms;
	now.wall_ms += ms;
	lab->world.now_ms = now.now_ms;
	lab->world.now_s = (uint32_t)(now.wall_ms / 1000);
	flow_book_tick(book, now);
}

static void token_keep(struct phone *phone, unsigned index, uint8_t kind)
{
	phone->token[phone->token_count++ % TOKENS] = (struct token){.flow = phone->flow,
		.kind = kind,
		.role = kind == TOKEN_ROUTE ? TOKEN_RECEIVER : 0,
		.listener = LAB_ACCESS,
		.peer = source_of(phone->place).peer,
		.uak = uak_of(index),
		.bind = kind == TOKEN_ROUTE ? bind : 0};
}

static void phone_register(unsigned index, unsigned place)
{
	struct phone *phone = &phones[index];
	struct flow_source source = source_of(place);
	struct flow_claim claim = {uak_of(index), contact_of(index)};
	struct flow_binding binding = {.uak = uak_of(index),
		.aor = uak_of(index) + 1,
		.instance = uak_of(index) + 2,
		.contact = contact_of(index),
		.place = contact_of(index),
		.parent = uak_of(index),
		.reg_id = 1,
		.expires_s = 600};

	check(flow_book_reserve(book, &source, &claim, 1, true, now, &phone->flow) == FLOW_OK,
		"a slot is free");
	check(flow_book_commit(book, phone->flow, &binding, now) == FLOW_OK, "a binding is taken");
	// Silence means something of a phone that has shown keep-alives alone.
	flow_book_hear(book, phone->flow, true, now);
	if (phone->place < PLACES)
		owner[phone->place] = NOBODY;
	if (owner[place] < PHONES)
		phones[owner[place]].place = PLACES;
	owner[place] = index;
	last[place] = index;
	held[place] = phone->flow;
	phone->place = place;
}

// The NAT takes a place from whoever has it. One Contact at two homes cannot be told apart but by the silence between (ROUTING section 4).
static void place_take(unsigned index, unsigned place)
{
	unsigned before = last[place];

	if (before < PHONES && before != index && contact_of(before) == contact_of(index)) {
		time_pass(40000);
		flow_book_miss(book, held[place], now);
	}
	phone_register(index, place);
	changes_tell();
	token_keep(&phones[index], index, random_below(&chance, 4) == 0 ? TOKEN_PATH : TOKEN_ROUTE);
}

static void phone_leave(unsigned index)
{
	flow_book_remove(book, phones[index].flow, uak_of(index), 1, now);
	changes_tell();
}

static size_t request_write(const struct token *token, char *out, size_t capacity)
{
	uint8_t text[TOKEN_LENGTH_V6];
	size_t length = token_mint(lab->world.keys, token, text);

	return (size_t)snprintf(out, capacity,
		"%s sip:x@192.168.1.5:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.1;branch=z9hG4bK1\r\n"
		"Route: <sip:%.*s@edge1.example.net;lr>\r\nFrom: <sip:bob@example.net>;tag=fa\r\n"
		"To: <sip:alice@example.net>%s\r\nCall-ID: c1\r\nCSeq: 1 %s\r\n\r\n",
		token->kind == TOKEN_ROUTE ? "BYE" : "INVITE", (int)length, (const char *)text,
		token->kind == TOKEN_ROUTE ? ";tag=tb" : "",
		token->kind == TOKEN_ROUTE ? "BYE" : "INVITE");
}

// Whoever has the address now is the phone that the token was minted for, or nobody.
static void request_judge(unsigned index)
{
	const struct packet *packet = lab->burst->packet[0];

	gone += lab->burst->verdict[0] == VERDICT_R9_GONE;
	if (lab->burst->decision[0].kind != DECISION_FORWARD)
		return;
	for (unsigned place = 0; place < PLACES; place++) {
		struct endpoint peer = source_of(place).peer;

		if (!endpoint_equal(&packet->peer, &peer))
			continue;
		delivered += owner[place] == index;
		wrong += owner[place] != index && owner[place] != NOBODY;
		return;
	}
	check(false, "a request leaves to a phone");
}

static void request_send(unsigned index)
{
	const struct phone *phone = &phones[index];
	struct endpoint core = lab_endpoint("10.0.9.1:5060");
	unsigned kept = phone->token_count < TOKENS ? phone->token_count : TOKENS;
	char text[1024];

	if (kept == 0)
		return;
	size_t length =
		request_write(&phone->token[random_below(&chance, kept)], text, sizeof(text));

	lab_begin(lab);
	lab_add(lab, LAB_CORE, &core, span_of(text, length), ORIGIN_WIRE);
	lab_run(lab);
	request_judge(index);
}

static void world_open(void)
{
	static const struct flow_limits limits = {
		.own_flows = SLOTS, .peer_flows = 16, .rows = ROWS};
	const struct flow_book_options options = {.edge = 1,
		.flows_max = SLOTS,
		.rows_max = ROWS,
		.bounds = {.reserved_percent = 10, .reserved_per_network = SLOTS / 10},
		.seed = 0x5eed};

	lab = lab_new(1);
	flow_table_free(lab->flows);
	lab->flows = flow_table_new(1, &limits);
	check(lab->flows != NULL, "memory for the table");
	lab->world.flows = lab->flows;
	lab->settings.park_ms = 0;
	lab_rebuild(lab);
	now = (struct flow_time){.now_ms = 100000, .wall_ms = (uint64_t)START_S * 1000};
	book = flow_book_new(&options, now);
	check(book != NULL, "memory for the book");
	time_pass(2000);
	bind = identity_hash_bind(lab->world.hashes, SPAN("c1"), SPAN("fa"));
	for (unsigned i = 0; i < PHONES; i++)
		phones[i].place = PLACES;
	for (unsigned i = 0; i < PLACES; i++)
		owner[i] = last[i] = NOBODY;
}

int main(int count, char **words)
{
	uint64_t registrations = count > 1 ? strtoull(words[1], NULL, 10) : 100000;

	urcu_qsbr_register_thread();
	world_open();
	chance.state = 30;
	for (uint64_t i = 0; i < registrations; i++) {
		time_pass(random_below(&chance, 200));
		place_take(random_below(&chance, PHONES), random_below(&chance, PLACES));
		if (random_below(&chance, 16) == 0)
			phone_leave(random_below(&chance, PHONES));
		for (unsigned n = 0; n < REQUESTS; n++)
			request_send(random_below(&chance, PHONES));
	}
	printf("1..2\n# %llu registrations, %llu requests delivered, %llu answered 430, %llu "
	       "wrong\n",
		(unsigned long long)registrations, (unsigned long long)delivered,
		(unsigned long long)gone, (unsigned long long)wrong);
	printf("%s 1 - no request reaches who has the address now and is not meant\n",
		wrong == 0 ? "ok" : "not ok");
	bool both = delivered > registrations / 10 && gone > registrations / 10;

	printf("%s 2 - requests for phones that are there are delivered, for others answered 430\n",
		both ? "ok" : "not ok");
	flow_book_free(book);
	lab_free(lab);
	urcu_qsbr_unregister_thread();
	return wrong == 0 && both ? 0 : 1;
}
