// What comes to the core role: any datagrams, in any order, some of them a second apart. Each is a line of its own: an octet that says how
// phones answer what they get because of it, then the message, up to a NUL. What must hold: the core sends nothing that is no
// message; it answers no response and no ACK; and left alone it holds nothing.

#include "core/maddr.h"
#include "core/proxy.h"
#include "core/registrar.h"
#include "core/reply.h"
#include "core/strict.h"
#include "fuzz.h"

enum {
	MESSAGE_OCTETS = 4096,
	SENT_MAX = 16, // requests of one step that are answered
	HEADERS_OCTETS = 65536,
	TRANSACTIONS_MAX = 40,
	FORKS_MAX = 4,
	TIMER_C_MS = 20000,
	STEP_MS = 1000,
	CALLER = 9, // its connection
};

struct sent {
	size_t length;
	uint8_t octets[UINT16_MAX];
};

static const struct span DOMAIN = {(const uint8_t *)"example.test", 12};
static const struct endpoint LISTENER = {
	.address = {10, 0, 0, 9}, .port = 5060, .family = ENDPOINT_V4};
static const struct hop SOURCE = {
	.peer = {.address = {10, 9, 9, 9}, .port = 5070, .family = ENDPOINT_V4},
	.transport = TRANSPORT_TCP,
	.connection = CALLER};
#define OWN \
	{ \
		.listeners = &LISTENER, .listener_count = 1, \
		.by = {[TRANSPORT_UDP] = {SPAN("10.0.0.9:5060"), SPAN("core.test")}, \
			[TRANSPORT_TCP] = {SPAN("10.0.0.9:5070"), SPAN("core.test:5070")}}, \
		.domains = &DOMAIN, .domain_count = 1 \
	}
static const struct hash_keys HASHES;
static const struct gruu_key GRUU_KEY;

static struct {
	struct proxy *proxy;
	struct registrar registrar;
	uint64_t now_ms;
	struct message message;
	struct message sent_message;
	unsigned sent_count;
	struct sent sent[SENT_MAX];
	uint8_t headers[HEADERS_OCTETS];
	uint8_t answer[UINT16_MAX];
	struct edit_plan plan;
	uint8_t repaired[UINT16_MAX];
} world;

static void network_send(void *context, const struct hop *to, struct span octets)
{
	CHECK(octets.length <= UINT16_MAX);
	enum message_fault fault = message_parse(&world.sent_message, octets.octets, octets.length);
	// What comes with as many lines as a message may have leaves with a few more.
	CHECK(fault == MESSAGE_OK || fault == MESSAGE_TOO_MANY_LINES);
	CHECK(to->peer.family != ENDPOINT_NONE);
	if (fault != MESSAGE_OK || !world.sent_message.request || world.sent_count == SENT_MAX)
		return;
	struct sent *sent = &world.sent[world.sent_count++];
	memcpy(sent->octets, octets.octets, octets.length);
	sent->length = octets.length;
}

static enum proxy_way network_resolve(void *context, const uint8_t *base, const struct uri *uri,
	const struct hop *tried, unsigned tried_count, struct hop *hop, bool *lives)
{
	*hop = (struct hop){
		.transport = uri->transport == TRANSPORT_TCP ? TRANSPORT_TCP : TRANSPORT_UDP};
	*lives = uri->host.length % 2;
	if (endpoint_parse_address(maddr_host(base, uri), &hop->peer)) {
		hop->peer.port = uri_port(uri);
		return tried_count == 0 ? PROXY_WAY_FOUND : PROXY_WAY_NONE;
	}
	hop->peer = (struct endpoint){
		.address = {10, 0, 0, (uint8_t)tried_count}, .port = 5060, .family = ENDPOINT_V4};
	return uri->host.length % 5 == 0 ? PROXY_WAY_PENDING
		: tried_count < 2        ? PROXY_WAY_FOUND
					 : PROXY_WAY_NONE;
}

static bool network_reach(void *context, struct span name, struct hop *hop)
{
	if (!hop->flow)
		hop->connection = hop_is_reliable(hop) ? hop->peer.port : 0;
	return name.length % 7 != 0;
}

static bool network_find_flow(void *context, uint64_t connection, struct hop *hop)
{
	*hop = SOURCE;
	hop->flow = true;
	hop->connection = connection;
	return connection % 3 != 0;
}

static bool network_has_tcp(void *context, const struct endpoint *peer)
{
	return peer->port % 2;
}

static bool network_is_dead(void *context, const struct hop *hop)
{
	return hop->peer.address[3] == 1;
}

static void world_open(void)
{
	const struct own_names own = OWN;

	world.now_ms = 1000000;
	world.registrar = (struct registrar){
		.options = {.realm = DOMAIN,
			.domains = &DOMAIN,
			.domain_count = 1,
			.min_expires_s = 1,
			.max_expires_s = 3600,
			.default_expires_s = 600,
			.nonce_life_s = 60,
			.service_route = SPAN("<sip:core.test;lr>")},
		.location = location_new(),
		.gruu_key = &GRUU_KEY,
	};
	const struct proxy_options options = {.hashes = &HASHES,
		.own = own,
		.record_route = true,
		.location = world.registrar.location,
		.gruu_key = &GRUU_KEY,
		.transactions_max = TRANSACTIONS_MAX,
		.forks_max = FORKS_MAX,
		.timer_c_ms = TIMER_C_MS,
		.resolve = network_resolve,
		.find_flow = network_find_flow,
		.reach = network_reach,
		.has_tcp = network_has_tcp,
		.is_dead = network_is_dead,
		.send = network_send};
	world.proxy = proxy_new(&options);
	CHECK(world.proxy != NULL && world.registrar.location != NULL);
}

// As a request is read that a strict router has passed on, or that has a maddr. What is repaired can be read.
static void repair(void)
{
	static const struct own_names own = OWN;
	uint8_t *out;
	size_t length;
	struct uri target;

	if (!world.message.request)
		return;
	bool moved = strict_repair(&own, &world.message, &world.plan);
	if (!moved
		&& (!uri_parse(world.message.octets, world.message.target, &target)
			|| !maddr_strip(&own, world.message.octets, &target, &LISTENER,
				TRANSPORT_UDP, &world.plan)))
		return;
	memmove(world.repaired, world.message.octets, world.message.length);
	CHECK(edit_apply(&world.plan, world.repaired, sizeof(world.repaired), world.repaired,
		world.message.length, &out, &length));
	enum message_fault fault = message_parse(&world.message, out, length);
	CHECK(fault == MESSAGE_OK || fault == MESSAGE_URI);
	world.message.request &= fault == MESSAGE_OK;
}

static void take(struct span octets)
{
	struct text headers = text_begin(world.headers, sizeof(world.headers));

	if (message_parse(&world.message, octets.octets, octets.length) != MESSAGE_OK)
		return;
	repair();
	if (world.message.request && world.message.method == METHOD_REGISTER) {
		unsigned status = registrar_answer(
			&world.registrar, &world.message, &SOURCE, world.now_ms / 1000, &headers);
		CHECK(status >= 200 && status < 600);
		return;
	}
	proxy_take(world.proxy, &world.message, &SOURCE, world.now_ms);
}

// Phones answer what was sent to them, the first provisionally, too.
static void phones_answer(uint8_t how)
{
	static const unsigned STATUSES[] = {0, 180, 200, 302, 401, 408, 430, 486, 503, 603};
	static struct message request;
	unsigned count = world.sent_count;

	for (unsigned i = 0; i < count; i++) {
		unsigned status = STATUSES[(how + i) % (sizeof(STATUSES) / sizeof(STATUSES[0]))];
		struct text out = text_begin(world.answer, sizeof(world.answer));

		if (status == 0
			|| message_parse(&request, world.sent[i].octets, world.sent[i].length)
				!= MESSAGE_OK
			|| request.method == METHOD_ACK)
			continue;
		reply_write(&out, &request, &LISTENER, status, SPAN("phone"),
			SPAN("WWW-Authenticate: Digest realm=\"r\"\r\n"));
		if (!out.overflow)
			take(text_span(&out));
	}
}

static void world_close(void)
{
	uint32_t transactions;
	uint32_t contexts;

	// Timer C, what follows it, and the longest that anything waits behind that.
	for (unsigned i = 0; i < 40; i++) {
		world.now_ms += 5 * STEP_MS;
		world.sent_count = 0;
		proxy_run(world.proxy, world.now_ms);
	}
	proxy_measure(world.proxy, &transactions, &contexts);
	CHECK(transactions == 0 && contexts == 0);
	proxy_free(world.proxy);
	location_free(world.registrar.location);
}

static void connection_close(uint64_t connection)
{
	const struct hop hop = {
		.peer = LISTENER, .transport = TRANSPORT_TCP, .connection = connection};
	const struct hop address = {.peer = LISTENER, .transport = TRANSPORT_UDP};

	(void)location_close_flow(world.registrar.location, connection);
	proxy_fail(world.proxy, &hop, world.now_ms);
	proxy_fail(world.proxy, &address, world.now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size);

	world_open();
	while (rest.length > 1) {
		const uint8_t *end = memchr(rest.octets + 1, 0, rest.length - 1);
		size_t length = end == NULL ? rest.length : (size_t)(end - rest.octets);
		uint8_t how = rest.octets[0];

		world.sent_count = 0;
		take(span_of(rest.octets + 1, length - 1));
		phones_answer(how);
		if (how & 0x40)
			connection_close(how & 1 ? CALLER : LISTENER.port);
		if (how & 0x80)
			proxy_look_again(world.proxy, world.now_ms);
		world.now_ms += STEP_MS;
		proxy_run(world.proxy, world.now_ms);
		length += end != NULL;
		rest = span_of(rest.octets + length, rest.length - length);
	}
	world_close();
	return 0;
}
