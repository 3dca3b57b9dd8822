// proxy_fixture.h: a proxy whose network, clock and registrations are the test's.
//
//     caller 10.9.9.9 ---- proxy ---- edges 10.0.0.1 and 10.0.0.2, phones without an edge at 10.1.*.*
//
// What it sends stands in a queue, to be taken by address: sent_to("10.0.0.1").

#pragma once

#include "core/maddr.h"
#include "core/proxy.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	QUEUE_MAX = 256,
	TEXT_OCTETS = 8192,
	TIMER_C_MS = 181000,
};

struct sent {
	bool taken;
	char address[ENDPOINT_TEXT_MAX + 1];
	struct hop hop;
	char text[TEXT_OCTETS];
};

static const struct span DOMAIN = {(const uint8_t *)"example.test", 12};
static const struct endpoint LISTENER = {
	.address = {10, 0, 0, 9}, .port = 5060, .family = ENDPOINT_V4};
static struct hash_keys hashes;
static struct gruu_key gruu_key;
static struct location *location;
static struct proxy *proxy;
static struct message message;
static uint64_t now_ms;
static unsigned queued;
static struct sent *queue;
static struct hop sent_by; // of the message that was taken last
static bool record_route; // for proxy_make()
static bool dead[3]; // edge1, edge2: as probes have it
static bool named; // "late.test" has been looked up
static bool has_tcp; // next hops may be tried by TCP
static bool unreachable; // no connection can be opened
static bool gone; // flows have closed

static inline bool endpoint_of(const char *text, struct endpoint *endpoint)
{
	return endpoint_parse_address(span_of(text, strlen(text)), endpoint);
}

// edge1.test is 10.0.0.1, then 10.0.0.2; edge2.test the other way round.
static inline enum proxy_way network_resolve(void *context, const uint8_t *base,
	const struct uri *uri, const struct hop *tried, unsigned tried_count, struct hop *hop,
	bool *lives)
{
	struct span host = maddr_host(base, uri);
	bool second = span_equal(host, SPAN("edge2.test"));

	*hop = (struct hop){
		.transport = uri->transport == TRANSPORT_NONE ? TRANSPORT_UDP : uri->transport};
	*lives = true;
	if (endpoint_parse_address(host, &hop->peer)) {
		hop->peer.port = uri_port(uri);
		return tried_count == 0 ? PROXY_WAY_FOUND : PROXY_WAY_NONE;
	}
	if (span_equal(host, SPAN("late.test")) && !named)
		return PROXY_WAY_PENDING;
	for (unsigned i = 0; i < 2; i++) {
		unsigned number = 1 + ((i == 0) == second);
		cr_assert(endpoint_of(number == 1 ? "10.0.0.1" : "10.0.0.2", &hop->peer));
		hop->peer.port = 5060;
		bool was_tried = false;
		for (unsigned j = 0; j < tried_count; j++)
			was_tried |= hop_is_same(&tried[j], hop);
		*lives = !dead[number];
		if (!was_tried && *lives)
			return PROXY_WAY_FOUND;
	}
	return PROXY_WAY_NONE;
}

// Each address is one connection: 10.0.0.1 is number 1. Those of phones are flows, and gone when the test says so.
static inline bool network_reach(void *context, struct span name, struct hop *hop)
{
	if (!hop_is_reliable(hop))
		return true;
	if (hop->flow)
		return !gone;
	hop->connection = hop->peer.address[3];
	return !unreachable;
}

// All phones' connections lead to 10.1.1.1.
static inline bool network_find_flow(void *context, uint64_t connection, struct hop *hop)
{
	*hop = (struct hop){.transport = TRANSPORT_TCP, .flow = true, .connection = connection};
	return !gone && endpoint_of("10.1.1.1", &hop->peer);
}

static inline bool network_has_tcp(void *context, const struct endpoint *peer)
{
	return has_tcp;
}

static inline bool network_is_dead(void *context, const struct hop *hop)
{
	const struct endpoint *endpoint = &hop->peer;

	return endpoint->address[1] == 0 && endpoint->address[3] < 3 && dead[endpoint->address[3]];
}

static inline void network_send(void *context, const struct hop *to, struct span octets)
{
	struct sent *sent = &queue[queued++];
	struct endpoint address = to->peer;

	cr_assert(le(uint, queued, QUEUE_MAX));
	cr_assert(lt(sz, octets.length, TEXT_OCTETS));
	*sent = (struct sent){.hop = *to};
	size_t length = endpoint_format_host(&address, (uint8_t *)sent->address);
	sent->address[length] = 0;
	memcpy(sent->text, octets.octets, octets.length);
}

static inline void proxy_make(uint32_t transactions, uint32_t forks)
{
	const struct proxy_options options = {
		.hashes = &hashes,
		.own = {.listeners = &LISTENER,
			.listener_count = 1,
			.by = {[TRANSPORT_UDP] = {SPAN("10.0.0.9:5060"), SPAN("core.test")},
				[TRANSPORT_TCP] = {SPAN("10.0.0.9:5070"), SPAN("core.test:5070")}},
			.domains = &DOMAIN,
			.domain_count = 1},
		.record_route = record_route,
		.location = location,
		.gruu_key = &gruu_key,
		.transactions_max = transactions,
		.forks_max = forks,
		.timer_c_ms = TIMER_C_MS,
		.resolve = network_resolve,
		.find_flow = network_find_flow,
		.reach = network_reach,
		.has_tcp = network_has_tcp,
		.is_dead = network_is_dead,
		.send = network_send,
	};

	proxy_free(proxy);
	proxy = proxy_new(&options);
}

static inline void setup(void)
{
	queue = calloc(QUEUE_MAX, sizeof(*queue));
	location = location_new();
	proxy_make(100, 10);
}

// Time passes in steps of 50 ms.
static inline void pass(uint64_t ms)
{
	for (uint64_t end_ms = now_ms + ms; now_ms < end_ms;) {
		now_ms += 50;
		proxy_run(proxy, now_ms);
	}
}

// Whatever a test did, in the end nothing is held.
static inline void teardown(void)
{
	uint32_t transactions;
	uint32_t contexts;

	for (unsigned i = 0; i < 300; i++) {
		queued = 0;
		pass(1000);
	}
	proxy_measure(proxy, &transactions, &contexts);
	cr_assert(eq(uint, transactions, 0));
	cr_assert(eq(uint, contexts, 0));
	cr_assert(eq(u64, proxy_due(proxy), TIMERS_NEVER));
	proxy_free(proxy);
	location_free(location);
	free(queue);
}

// The oldest message to an address that was not taken yet; "" if there is none.
static inline const char *sent_to(const char *address)
{
	for (unsigned i = 0; i < queued; i++) {
		if (queue[i].taken || strcmp(queue[i].address, address) != 0)
			continue;
		queue[i].taken = true;
		sent_by = queue[i].hop;
		return queue[i].text;
	}
	return "";
}

static inline bool holds(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

#define assert_holds(text, part) cr_assert(holds(text, part), "'%s' is not in\n%s", (part), (text))
#define assert_begins(text, part) \
	do { \
		const char *begins_ = (text); \
		cr_assert(strncmp(begins_, (part), strlen(part)) == 0, "not '%s':\n%s", (part), \
			begins_); \
	} while (0)
#define assert_silent(address) cr_assert(eq(str, (char *)sent_to(address), ""))

// --- Registrations ---

static inline void bind_contact(const char *user, const char *contact, const char *instance,
	unsigned reg_id, const char *path)
{
	char aor[128];
	const struct binding binding = {
		.contact = span_of(contact, strlen(contact)),
		.instance = span_of(instance, strlen(instance)),
		.reg_id = reg_id,
		.path = span_of(path, strlen(path)),
		.call_id = SPAN("registration"),
		.cseq = 1,
		.expires_at_s = now_ms / 1000 + 3600,
	};
	int length = snprintf(aor, sizeof(aor), "%s@example.test", user);

	cr_assert(eq(int, location_put(location, span_of(aor, (size_t)length), NULL, &binding), 0));
}

static inline struct binding *bindings_of(const char *user)
{
	char aor[128];
	int length = snprintf(aor, sizeof(aor), "%s@example.test", user);

	return location_find(location, span_of(aor, (size_t)length), now_ms / 1000);
}

// --- Messages ---

static struct hop came_by = {
	.transport = TRANSPORT_UDP}; // transport and connection of what is taken

static inline void take(const char *text, const char *from)
{
	static char octets[TEXT_OCTETS];
	struct hop source = {.transport = came_by.transport, .connection = came_by.connection};

	snprintf(octets, sizeof(octets), "%s", text);
	cr_assert(endpoint_of(from, &source.peer));
	source.peer.port = 5060;
	cr_assert(eq(int, message_parse(&message, (uint8_t *)octets, strlen(octets)), MESSAGE_OK));
	proxy_take(proxy, &message, &source, now_ms);
}

// A request of the caller. `extra` are whole lines.
static inline void request(
	const char *method, const char *target, const char *branch, const char *extra)
{
	char text[TEXT_OCTETS];

	snprintf(text, sizeof(text),
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK%s\r\n%s"
		"From: <sip:caller@far.test>;tag=f\r\nTo: <sip:alice@example.test>\r\n"
		"Call-ID: call-%s\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		method, target, branch, extra, branch, method);
	take(text, "10.9.9.9");
}

// The lines of a request that its answer repeats; To gets the tag if it has none.
static inline void answer_with(
	const char *to_request, unsigned status, const char *tag, const char *extra)
{
	static const char *const COPIED[] = {"Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "};
	char text[TEXT_OCTETS];
	char line[1024];
	size_t length = (size_t)snprintf(text, sizeof(text), "SIP/2.0 %u Reason\r\n", status);

	for (const char *at = strchr(to_request, '\n') + 1; *at != '\r';
		at = strchr(at, '\n') + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)(strchr(at, '\r') - at), at);
		for (unsigned i = 0; i < sizeof(COPIED) / sizeof(COPIED[0]); i++) {
			if (strncmp(line, COPIED[i], strlen(COPIED[i])) != 0)
				continue;
			bool tags = i == 2 && strstr(line, ";tag=") == NULL;
			length += (size_t)snprintf(text + length, sizeof(text) - length,
				"%s%s%s\r\n", line, tags ? ";tag=" : "", tags ? tag : "");
		}
	}
	snprintf(text + length, sizeof(text) - length, "%sContent-Length: 0\r\n\r\n", extra);
	take(text, "10.0.0.1");
}

static inline void answer(const char *to_request, unsigned status)
{
	answer_with(to_request, status, "t", "");
}
