// Random tables, stale beliefs, failures and tokens, over three edges: what must hold whatever they say (ROUTING section 6).

#include "lab.h"
#include "random.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

enum {
	WORLDS = 2500,
	REQUESTS = 44, // of one world
	SLOTS = 3, // of an edge
	AGENTS = 3,
	GENERATION = 1000, // of the first world, and the one after; a slot's generations only grow
	PATIENCE_MS = 32000, // a client's, over UDP (RFC 3261 section 17.1.1.2, timer B)
};

struct request_case {
	bool has_token;
	bool incoming; // the token, read by hand
	struct token token;
	const char *method;
	bool to_tag;
	unsigned agent; // whose contact is in the request-URI
	bool from_core;
	uint8_t ingress;
};

enum fate {
	FATE_DELIVERED,
	FATE_ANSWERED,
	FATE_SILENT, // an ACK that led nowhere
	FATE_WAITS, // for the retransmission
	FATE_UPSTREAM,
};

static struct lab *edges[LAB_EDGES + 1];
static struct random random_state = {20260101};
static uint64_t uaks[AGENTS];
static uint64_t aors[AGENTS];
static uint64_t contacts[AGENTS];
static uint32_t generation; // the lower of the two of this world
static uint64_t messages;
static uint64_t verdicts[VERDICT_COUNT];
static unsigned delivered;

static unsigned roll(unsigned sides)
{
	return random_below(&random_state, sides);
}

static struct endpoint flow_peer(uint8_t edge, unsigned slot)
{
	struct endpoint peer = lab_endpoint("198.51.100.1:10000");

	peer.port = (uint16_t)(10000 + edge * 100 + slot);
	return peer;
}

static void agents_name(void)
{
	static const char *const names[AGENTS] = {"a0", "a1", "a2"};
	static const char *const uris[AGENTS] = {
		"sip:a@192.168.1.5:5060", "sip:a@192.168.1.6:5060", "sip:a@192.168.1.5:5060"};

	for (unsigned i = 0; i < AGENTS; i++) {
		uaks[i] = lab_uak(edges[1], names[i]);
		aors[i] = lab_aor(edges[1], names[i]);
		contacts[i] = lab_contact(edges[1], uris[i]);
	}
}

// What one edge believes of one slot; nothing keeps two edges' beliefs alike.
static void belief_roll(struct lab *lab, uint8_t edge, unsigned slot)
{
	static const uint8_t states[] = {
		FLOW_LIVE, FLOW_LIVE, FLOW_LIVE, FLOW_DOUBTFUL, FLOW_GONE, FLOW_GONE};
	struct flow_record record = {.id = {edge, slot, generation + roll(2)},
		.state = states[roll(6)],
		.listener = LAB_ACCESS,
		.transport = TRANSPORT_UDP,
		.peer = flow_peer(edge, slot)};

	if (record.state != FLOW_GONE)
		record.row_count = (uint16_t)roll(3);
	for (unsigned i = 0; i < record.row_count; i++) {
		unsigned agent = roll(AGENTS);

		record.rows[i] = (struct row){.uak = uaks[agent],
			.aor = aors[agent],
			.instance = 1 + agent,
			.contact = contacts[agent],
			.committed_at_ms = roll(100),
			.expires_at_s = LAB_NOW_S + (roll(8) == 0 ? 0 : 600),
			.reg_id = 1 + i,
			.superseded = roll(8) == 0};
	}
	if (roll(8) != 0)
		lab_put(lab, &record);
}

static void world_roll(void)
{
	for (uint8_t me = 1; me <= LAB_EDGES; me++) {
		struct lab *lab = edges[me];

		lab->world.now_ms = LAB_NOW_MS;
		atomic_store(&lab->peers.own_complete, roll(4) != 0);
		atomic_store(&lab->peers.started_ms, LAB_NOW_MS - roll(40000));
		for (uint8_t edge = 1; edge <= LAB_EDGES; edge++) {
			enum peer_liveness liveness = (enum peer_liveness)roll(3);

			lab_set_peer(lab, edge, liveness,
				liveness == PEER_UP ? 0 : LAB_NOW_MS - roll(40000));
			atomic_store(&lab->peers.edge[edge].complete, roll(4) != 0);
			for (unsigned slot = 1; slot <= SLOTS; slot++)
				belief_roll(lab, edge, slot);
		}
	}
}

static void case_roll(struct request_case *c)
{
	static const char *const methods[] = {"BYE", "INVITE", "ACK", "INFO", "CANCEL"};
	const struct hash_keys *hashes = &edges[1]->hashes;
	uint8_t edge = (uint8_t)(1 + roll(LAB_EDGES));
	unsigned slot = 1 + roll(SLOTS);

	c->has_token = roll(4) != 0;
	c->method = methods[roll(5)];
	c->to_tag = roll(4) != 0;
	c->agent = roll(AGENTS);
	c->from_core = roll(3) != 0;
	c->ingress = (uint8_t)(1 + roll(LAB_EDGES));
	c->token = (struct token){.flow = {edge, slot, generation + roll(2)},
		.kind = roll(6) == 0 ? TOKEN_PATH : TOKEN_ROUTE,
		.role = (uint8_t)roll(2),
		.listener = LAB_ACCESS,
		.peer = flow_peer(edge, slot),
		.uak = roll(6) == 0 ? 0 : uaks[roll(AGENTS)]};
	c->incoming = c->has_token;
	if (c->token.kind == TOKEN_ROUTE) {
		bool by_sender = roll(2) == 0;

		c->incoming &= by_sender != (c->token.role == TOKEN_SENDER);
		c->token.bind = identity_hash_bind(
			hashes, SPAN("c1"), by_sender ? SPAN("from") : SPAN("to"));
	}
}

static size_t case_write(const struct request_case *c, char *out, size_t capacity)
{
	static const char *const uris[AGENTS] = {
		"sip:a@192.168.1.5:5060", "sip:a@192.168.1.6:5060", "sip:a@192.168.1.5:5060"};
	uint8_t token[TOKEN_LENGTH_V6];
	size_t length =
		c->has_token ? token_mint(edges[c->ingress]->world.keys, &c->token, token) : 0;

	return (size_t)snprintf(out, capacity,
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.1;branch=z9hG4bK1\r\n"
		"Route: <sip:edge1-core.example.net;lr>\r\nRoute: "
		"<sip:%.*s%sedge1.example.net;lr>\r\n"
		"From: <sip:x@example.net>;tag=from\r\nTo: <sip:a%u@example.net>%s\r\nCall-ID: "
		"c1\r\n"
		"CSeq: 1 %s\r\n\r\n",
		c->method, uris[c->agent], (int)length, token, length != 0 ? "@" : "", c->agent,
		c->to_tag ? ";tag=to" : "", c->method);
}

static bool flow_has(const struct flow *flow, const struct request_case *c)
{
	for (const struct flow_row *row = flow->rows; row != NULL; row = row->next) {
		if (row->row.superseded || row->row.expires_at_s <= LAB_NOW_S)
			continue;
		if (c->incoming ? row->row.uak == c->token.uak && c->token.uak != 0
				: row->row.contact == contacts[c->agent])
			return true;
	}
	return false;
}

// Whoever delivers has checked a flow of that generation, or with a row of that user agent.
static void delivery_check(struct lab *lab, const struct request_case *c)
{
	const struct packet *packet = &lab->packet[0];
	const struct flow *flow = flow_find_source(lab->flows, LAB_ACCESS, &packet->peer);

	cr_assert(ne(ptr, (void *)flow, NULL));
	if (!c->incoming || !flow_id_equal(flow->id, c->token.flow))
		cr_assert(flow_has(flow, c));
	delivered++;
}

static uint8_t edge_of_relay(const struct endpoint *peer)
{
	return peer->port == 7000 && peer->address[2] == 1 ? peer->address[3] : 0;
}

static enum verdict step(
	struct lab *lab, uint8_t listener, const struct endpoint *source, struct span text)
{
	enum verdict verdict;

	lab_begin(lab);
	lab_add(lab, listener, source, text, ORIGIN_WIRE);
	lab->burst->verdict[0] = 0xff;
	lab->burst->action[0] = 0xff;
	lab_run(lab);
	verdict = (enum verdict)lab->burst->verdict[0];
	cr_assert(lt(int, verdict, VERDICT_COUNT));
	messages++;
	verdicts[verdict]++;
	return verdict;
}

static enum fate fate_of_released(const struct request_case *c, enum verdict verdict)
{
	if (verdict == VERDICT_R8_PARKED || verdict == VERDICT_NOT_READY)
		return FATE_WAITS;
	cr_assert(eq(int, verdict, VERDICT_ACK_DROPPED));
	cr_assert(eq(str, (char *)c->method, "ACK"));
	return FATE_SILENT;
}

static enum fate request_follow(const struct request_case *c)
{
	static char text[4096];
	size_t length = case_write(c, text, sizeof(text));
	struct lab *lab = edges[c->ingress];
	struct endpoint source =
		lab_endpoint(c->from_core ? "10.0.9.1:5060" : "198.51.100.200:5060");
	uint8_t listener = c->from_core ? LAB_CORE : LAB_ACCESS;
	unsigned relays = 0;

	for (;;) {
		enum verdict verdict = step(lab, listener, &source, span_of(text, length));
		const struct packet *packet = &lab->packet[0];
		uint8_t edge;

		if (lab->burst->action[0] != ACTION_SEND)
			return fate_of_released(c, verdict);
		if (memcmp(packet->octets, "SIP/2.0", 7) == 0)
			return FATE_ANSWERED;
		if (packet->listener == LAB_CORE) {
			cr_assert(not(c->from_core));
			cr_assert(eq(int, relays, 0));
			return FATE_UPSTREAM;
		}
		edge = edge_of_relay(&packet->peer);
		if (edge == 0) {
			delivery_check(lab, c);
			return FATE_DELIVERED;
		}
		cr_assert(le(int, ++relays, 2));
		length = packet->length;
		memcpy(text, packet->octets, length);
		listener = LAB_PEER;
		source = lab_endpoint("10.0.1.1:7000");
		source.address[3] = lab->edge;
		lab = edges[edge];
	}
}

static void clock_set(uint64_t now_ms)
{
	for (unsigned edge = 1; edge <= LAB_EDGES; edge++) {
		edges[edge]->world.now_ms = now_ms;
		edges[edge]->moved = (struct rate){0, 0};
	}
}

static void world_play(void)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct request_case c;

		case_roll(&c);
		clock_set(LAB_NOW_MS);
		if (request_follow(&c) != FATE_WAITS)
			continue;
		clock_set(LAB_NOW_MS + PATIENCE_MS);
		cr_assert(ne(int, request_follow(&c), FATE_WAITS));
	}
}

Test(property, no_wrong_phone_no_third_relay_no_request_without_an_answer_none_back_upstream)
{
	uint64_t sum = 0;

	urcu_qsbr_register_thread();
	for (uint8_t edge = 1; edge <= LAB_EDGES; edge++)
		edges[edge] = lab_new(edge);
	agents_name();
	for (unsigned i = 0; i < WORLDS; i++) {
		generation = GENERATION + 2 * i;
		world_roll();
		world_play();
	}
	for (unsigned i = 0; i < VERDICT_COUNT; i++)
		sum += verdicts[i];
	cr_assert(eq(u64, sum, messages));
	cr_assert(ge(u64, messages, 100000));
	// The worlds are not trivial: every rule has served.
	cr_assert(gt(int, delivered, 10000));
	for (unsigned rule = VERDICT_R1_OWN; rule <= VERDICT_R6_CONTACT; rule++)
		cr_assert(rule == VERDICT_R4_ADDRESS || verdicts[rule] > 100);
	cr_assert(gt(u64, verdicts[VERDICT_R8_PARKED], 100));
	cr_assert(gt(u64, verdicts[VERDICT_R9_GONE], 100));
	cr_assert(gt(u64, verdicts[VERDICT_NOT_READY], 100));
	for (unsigned edge = 1; edge <= LAB_EDGES; edge++)
		lab_free(edges[edge]);
	urcu_qsbr_unregister_thread();
}
