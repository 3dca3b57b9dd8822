// RFC 3263: which questions are asked of DNS, and which addresses come of the answers, by which transport.
//
// The zone is a table; the test is the name server, and answers out of it.

#include "dns_maker.h"
#include "targets/search.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	UDP = 1u << TRANSPORT_UDP,
	TCP = 1u << TRANSPORT_TCP,
	TLS = 1u << TRANSPORT_TLS,
	ALL = UDP | TCP | TLS,
	ASKED_MAX = 4096,
};

#define NAPTR_OF(order_, preference_, service_, replacement_) \
	{ \
		.owner = "x.test", .type = DNS_NAPTR, .ttl_s = 300, .priority = (order_), \
		.weight = (preference_), .service = (service_), .name = (replacement_) \
	}
#define SRV_OF(owner_, priority_, weight_, port_, host_) \
	{ \
		.owner = (owner_), .type = DNS_SRV, .ttl_s = 200, .priority = (priority_), \
		.weight = (weight_), .port = (port_), .name = (host_) \
	}
#define A_OF(owner_, last) \
	{ \
		.owner = (owner_), .type = DNS_A, .ttl_s = 100, .address = { 192, 0, 2, (last) } \
	}
#define ZONE(...) \
	static const struct zone_record own_zone[] = {__VA_ARGS__, {0}}; \
	zone = own_zone

static const struct zone_record *zone;
static const char *silent; // the type, or the name, that nobody answers
static bool backwards; // the latest question is answered first
static char asked[ASKED_MAX];
static struct search *search;
static const struct resolved *targets;
static unsigned count;
static uint32_t ttl_s;

static const char *type_name(int type)
{
	return type == DNS_A ? "A" : type == DNS_AAAA ? "AAAA" : type == DNS_SRV ? "SRV" : "NAPTR";
}

// The addresses of these were asked for without the system's search list.
static char wholes[256];

static void note_asked(const struct search_question *question)
{
	if (question->type == DNS_A && question->absolute) {
		strncat(wholes, " ", sizeof(wholes) - strlen(wholes) - 1);
		strncat(wholes, question->name, sizeof(wholes) - strlen(wholes) - 1);
	}
	size_t length = strlen(asked);

	snprintf(asked + length, sizeof(asked) - length, "%s%s %s", length > 0 ? ", " : "",
		type_name(question->type), question->name);
}

static void serve(const struct search_question *question)
{
	static struct made_answer made;

	if (silent != NULL
		&& (strcmp(silent, question->name) == 0
			|| strcmp(silent, type_name(question->type)) == 0)) {
		search_hear(search, question->number, SEARCH_SILENCE, span_of(NULL, 0));
		return;
	}
	made_begin(&made, question->name, question->type);
	for (const struct zone_record *record = zone; record->owner != NULL; record++)
		if (strcmp(record->owner, question->name) == 0
			&& (record->type == (int)question->type || record->type == DNS_CNAME))
			made_record(&made, record);
	search_hear(search, question->number, made.records > 0 ? SEARCH_ANSWER : SEARCH_NOTHING,
		span_of(made.octets, made.length));
}

static void questions_serve(void)
{
	static struct search_question questions[128];
	unsigned number = 0;

	while (search_ask(search, &questions[number])) {
		note_asked(&questions[number]);
		number++;
	}
	cr_assert(gt(uint, number, 0));
	for (unsigned i = 0; i < number; i++)
		serve(&questions[backwards ? number - 1 - i : i]);
}

static int locate(const struct destination *destination, unsigned transports)
{
	if (search != NULL)
		search_free(search);
	search = NULL;
	asked[0] = '\0';
	wholes[0] = '\0';
	int status = search_new(destination, transports, &search);
	if (status != 0)
		return status;
	while (!search_is_over(search))
		questions_serve();
	return search_result(search, &targets, &count, &ttl_s);
}

// As a SIP URI says it.
static int locate_uri(const char *text, unsigned transports)
{
	struct uri uri;

	cr_assert(
		uri_parse((const uint8_t *)text, (struct slice){0, (uint16_t)strlen(text)}, &uri));
	const struct destination destination = destination_of_uri((const uint8_t *)text, &uri);
	return locate(&destination, transports);
}

// "UDP 192.0.2.1:5060, ...", in order.
static const char *found(void)
{
	static const char *const names[] = {"-", "UDP", "TCP", "TLS"};
	static char text[4096];

	text[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		uint8_t endpoint[ENDPOINT_TEXT_MAX];
		size_t length = strlen(text);
		snprintf(text + length, sizeof(text) - length, "%s%s %.*s", i > 0 ? ", " : "",
			names[targets[i].transport],
			(int)endpoint_format(&targets[i].endpoint, endpoint), endpoint);
	}
	return text;
}

static void teardown(void)
{
	if (search != NULL)
		search_free(search);
}

#define SEARCH_TEST(name) Test(search, name, .fini = teardown)
#define FINDS(uri, transports, expected) \
	do { \
		cr_assert(eq(int, locate_uri((uri), (transports)), 0)); \
		cr_assert(eq(str, (char *)found(), (char *)(expected))); \
	} while (0)
#define ASKED(expected) cr_assert(eq(str, asked, (char *)(expected)))

SEARCH_TEST(an_address_is_itself_by_udp_or_what_the_uri_says)
{
	FINDS("sip:192.0.2.9", ALL, "UDP 192.0.2.9:5060");
	FINDS("sip:[2001:db8::1]:5070", ALL, "UDP [2001:db8::1]:5070");
	FINDS("sip:192.0.2.9;transport=tcp", ALL, "TCP 192.0.2.9:5060");
	FINDS("sip:192.0.2.9;transport=tls", ALL, "TLS 192.0.2.9:5061");
	FINDS("sips:192.0.2.9", ALL, "TLS 192.0.2.9:5061");
	FINDS("sips:192.0.2.9:5099;transport=tcp", ALL, "TLS 192.0.2.9:5099");
	FINDS("sip:x.test;maddr=192.0.2.8", ALL, "UDP 192.0.2.8:5060");
	ASKED("");
	cr_assert(eq(u32, ttl_s, UINT32_MAX));
}

SEARCH_TEST(a_port_asks_for_addresses_alone)
{
	ZONE(A_OF("x.test", 1), SRV_OF("_sip._udp.x.test", 1, 0, 7000, "x.test"));
	FINDS("sip:x.test:5070", ALL, "UDP 192.0.2.1:5070");
	ASKED("A x.test, AAAA x.test");
	FINDS("sip:x.test:5070;transport=tcp", ALL, "TCP 192.0.2.1:5070");
	FINDS("sips:x.test:5070", ALL, "TLS 192.0.2.1:5070");
}

SEARCH_TEST(a_transport_asks_for_its_srv_and_then_for_the_name)
{
	ZONE(A_OF("x.test", 1), A_OF("a.test", 2), SRV_OF("_sip._udp.x.test", 1, 0, 7000, "a.test"),
		SRV_OF("_sips._tcp.x.test", 1, 0, 7001, "a.test"));
	FINDS("sip:x.test;transport=udp", ALL, "UDP 192.0.2.2:7000");
	ASKED("SRV _sip._udp.x.test, A a.test, AAAA a.test");
	FINDS("sip:x.test;transport=tls", ALL, "TLS 192.0.2.2:7001");
	FINDS("sips:x.test;transport=tcp", ALL, "TLS 192.0.2.2:7001");
	FINDS("sip:x.test;transport=tcp", ALL, "TCP 192.0.2.1:5060");
	ASKED("SRV _sip._tcp.x.test, A x.test, AAAA x.test");
}

// RFC 2782: a target is no short name of this domain, but what people write may be one.
SEARCH_TEST(a_host_out_of_srv_is_a_whole_name)
{
	ZONE(A_OF("x.test", 1), A_OF("a.test", 2),
		SRV_OF("_sip._udp.x.test", 1, 0, 7000, "a.test"));
	FINDS("sip:x.test;transport=udp", ALL, "UDP 192.0.2.2:7000");
	cr_assert(eq(str, wholes, (char *)" a.test"));
	FINDS("sip:x.test:7000", ALL, "UDP 192.0.2.1:7000");
	cr_assert(eq(str, wholes, (char *)""));
}

SEARCH_TEST(naptr_names_the_transport_and_where_its_srv_is)
{
	ZONE(NAPTR_OF(50, 50, "SIPS+D2T", "_sips._tcp.s.test"),
		NAPTR_OF(90, 50, "SIP+D2T", "_sip._tcp.s.test"),
		NAPTR_OF(100, 50, "SIP+D2U", "_sip._udp.s.test"),
		SRV_OF("_sips._tcp.s.test", 0, 1, 5061, "a.test"),
		SRV_OF("_sip._tcp.s.test", 0, 1, 5060, "b.test"),
		SRV_OF("_sip._udp.s.test", 0, 1, 5060, "c.test"), A_OF("a.test", 1),
		A_OF("b.test", 2), A_OF("c.test", 3));
	FINDS("sip:x.test", ALL, "TLS 192.0.2.1:5061");
	ASKED("NAPTR x.test, SRV _sips._tcp.s.test, A a.test, AAAA a.test");
	FINDS("sip:x.test", UDP | TCP, "TCP 192.0.2.2:5060");
	FINDS("sip:x.test", UDP, "UDP 192.0.2.3:5060");
	FINDS("sips:x.test", ALL, "TLS 192.0.2.1:5061");
}

SEARCH_TEST(of_naptr_order_counts_before_preference)
{
	ZONE(NAPTR_OF(20, 1, "SIP+D2U", "u.test"), NAPTR_OF(10, 9, "sip+d2t", "t9.test"),
		NAPTR_OF(10, 2, "SIP+D2T", "t2.test"), SRV_OF("t2.test", 0, 1, 5060, "a.test"),
		A_OF("a.test", 1));
	FINDS("sip:x.test", ALL, "TCP 192.0.2.1:5060");
	ASKED("NAPTR x.test, SRV t2.test, A a.test, AAAA a.test");
}

SEARCH_TEST(naptr_that_means_something_else_is_passed_over)
{
	ZONE(NAPTR_OF(1, 1, "SIP+D2S", "sctp.test"), NAPTR_OF(1, 1, "E2U+sip", "enum.test"),
		{.owner = "x.test",
			.type = DNS_NAPTR,
			.priority = 1,
			.flags = "a",
			.service = "SIP+D2T",
			.name = "a.test"},
		{.owner = "x.test",
			.type = DNS_NAPTR,
			.priority = 1,
			.service = "SIP+D2T",
			.expression = "!^.*$!a.test!",
			.name = "a.test"},
		NAPTR_OF(1, 1, "SIP+D2T", ""), A_OF("x.test", 1));
	FINDS("sip:x.test", ALL, "UDP 192.0.2.1:5060");
	ASKED("NAPTR x.test, SRV _sip._udp.x.test, SRV _sip._tcp.x.test, SRV _sips._tcp.x.test, A "
	      "x.test, AAAA x.test");
}

SEARCH_TEST(naptr_without_srv_asks_for_the_name_by_that_transport)
{
	ZONE(NAPTR_OF(1, 1, "SIPS+D2T", "_sips._tcp.x.test"), A_OF("x.test", 1));
	FINDS("sip:x.test", ALL, "TLS 192.0.2.1:5061");
}

SEARCH_TEST(without_naptr_the_first_transport_with_srv_is_taken)
{
	ZONE(SRV_OF("_sip._tcp.x.test", 1, 0, 7000, "a.test"),
		SRV_OF("_sips._tcp.x.test", 1, 0, 7001, "a.test"), A_OF("a.test", 1),
		A_OF("x.test", 2));
	FINDS("sip:x.test", ALL, "TCP 192.0.2.1:7000");
	FINDS("sips:x.test", ALL, "TLS 192.0.2.1:7001");
	FINDS("sip:x.test", UDP, "UDP 192.0.2.2:5060");
}

SEARCH_TEST(without_any_record_the_name_is_asked_for_by_udp_and_sips_by_tls)
{
	ZONE(A_OF("x.test", 1),
		{.owner = "x.test", .type = DNS_AAAA, .ttl_s = 9, .address = {0x20, 1, 0xd, 0xb8}});
	FINDS("sip:x.test", ALL, "UDP [2001:db8::]:5060, UDP 192.0.2.1:5060");
	FINDS("sips:x.test", ALL, "TLS [2001:db8::]:5061, TLS 192.0.2.1:5061");
	FINDS("sip:x.test", TCP | TLS, "TCP [2001:db8::]:5060, TCP 192.0.2.1:5060");
}

SEARCH_TEST(records_are_ordered_by_priority_weight_and_address_however_they_come)
{
	ZONE(SRV_OF("_sip._udp.x.test", 20, 99, 5060, "c.test"),
		SRV_OF("_sip._udp.x.test", 10, 1, 5060, "b.test"),
		SRV_OF("_sip._udp.x.test", 10, 1, 5060, "a.test"),
		SRV_OF("_sip._udp.x.test", 10, 7, 5060, "d.test"), A_OF("a.test", 1),
		A_OF("b.test", 2), A_OF("c.test", 3), A_OF("d.test", 4));
	const char *expected =
		"UDP 192.0.2.4:5060, UDP 192.0.2.1:5060, UDP 192.0.2.2:5060, UDP 192.0.2.3:5060";
	FINDS("sip:x.test", ALL, expected);
	backwards = true;
	FINDS("sip:x.test", ALL, expected);
	cr_assert(eq(uint, targets[0].priority, 10));
	cr_assert(eq(uint, targets[0].weight, 7));
	cr_assert(eq(uint, targets[3].priority, 20));
}

SEARCH_TEST(an_address_that_two_records_lead_to_stands_there_once_at_its_best)
{
	ZONE(SRV_OF("_sip._udp.x.test", 20, 0, 5060, "a.test"),
		SRV_OF("_sip._udp.x.test", 10, 0, 5060, "b.test"),
		SRV_OF("_sip._udp.x.test", 15, 0, 5070, "b.test"), A_OF("a.test", 1),
		A_OF("b.test", 1));
	for (unsigned i = 0; i < 2; i++, backwards = true) {
		FINDS("sip:x.test", ALL, "UDP 192.0.2.1:5060, UDP 192.0.2.1:5070");
		cr_assert(eq(uint, targets[0].priority, 10));
	}
}

SEARCH_TEST(a_service_that_is_denied_is_not_looked_for_under_the_name)
{
	ZONE(SRV_OF("_sip._udp.x.test", 0, 0, 0, ""), A_OF("x.test", 1),
		SRV_OF("_sip._tcp.x.test", 0, 0, 5060, "a.test"), A_OF("a.test", 2));
	cr_assert(eq(int, locate_uri("sip:x.test;transport=udp", ALL), -ENOENT));
	FINDS("sip:x.test", ALL, "TCP 192.0.2.2:5060");
}

SEARCH_TEST(the_time_to_live_is_the_shortest_of_all_answers)
{
	static struct zone_record records[] = {NAPTR_OF(1, 1, "SIP+D2U", "s.test"),
		SRV_OF("s.test", 0, 1, 5060, "a.test"),
		{.owner = "a.test", .type = DNS_CNAME, .ttl_s = 400, .name = "b.test"},
		A_OF("a.test", 1), {0}};

	for (unsigned i = 0; i < 4; i++) {
		for (unsigned j = 0; j < 4; j++)
			records[j].ttl_s = j == i ? 7 + i : 100 + j;
		zone = records;
		FINDS("sip:x.test", ALL, "UDP 192.0.2.1:5060");
		cr_assert(eq(u32, ttl_s, 7 + i), "record %u", i);
	}
	records[3].ttl_s = 0x80000001; // RFC 2181 section 8
	FINDS("sip:x.test", ALL, "UDP 192.0.2.1:5060");
	cr_assert(eq(u32, ttl_s, 0));
}

SEARCH_TEST(silence_keeps_what_was_known)
{
	ZONE(SRV_OF("_sip._tcp.x.test", 1, 0, 7000, "a.test"), A_OF("a.test", 1),
		A_OF("x.test", 2));
	silent = "NAPTR";
	cr_assert(eq(int, locate_uri("sip:x.test", ALL), -EAGAIN));
	ASKED("NAPTR x.test");
	silent = "SRV";
	cr_assert(eq(int, locate_uri("sip:x.test;transport=udp", ALL), -EAGAIN));
	ASKED("SRV _sip._udp.x.test");
	silent = "A";
	cr_assert(eq(int, locate_uri("sip:x.test:5060", ALL), -EAGAIN));
	silent = "AAAA";
	FINDS("sip:x.test:5060", ALL, "UDP 192.0.2.2:5060");
	silent = "_sip._udp.x.test";
	FINDS("sip:x.test", ALL, "TCP 192.0.2.1:7000");
}

SEARCH_TEST(a_name_without_addresses_is_unknown)
{
	ZONE(SRV_OF("_sip._udp.x.test", 1, 0, 5060, "nowhere.test"));
	cr_assert(eq(int, locate_uri("sip:x.test", ALL), -ENOENT));
	cr_assert(eq(int, locate_uri("sip:y.test", ALL), -ENOENT));
	cr_assert(eq(uint, count, 0));
}

SEARCH_TEST(an_address_known_without_dns_has_a_life_of_half_a_minute)
{
	const struct destination destination = {
		.host = SPAN("x.test"), .port = 5070, .transport = TRANSPORT_TCP};
	const struct endpoint address = {.family = ENDPOINT_V4, .address = {192, 0, 2, 6}};
	struct search_question question;

	cr_assert(eq(int, search_new(&destination, ALL, &search), 0));
	while (search_ask(search, &question)) {
		if (question.type == DNS_A)
			search_add(search, question.number, &address);
		search_hear(search, question.number, SEARCH_NOTHING, span_of(NULL, 0));
	}
	cr_assert(search_is_over(search));
	cr_assert(eq(int, search_result(search, &targets, &count, &ttl_s), 0));
	cr_assert(eq(str, (char *)found(), "TCP 192.0.2.6:5070"));
	cr_assert(eq(u32, ttl_s, 30));
}

SEARCH_TEST(what_cannot_be_sent_by_is_refused_at_once)
{
	struct destination destination = {.host = SPAN("x.test"), .transport = TRANSPORT_WS};

	cr_assert(eq(int, locate(&destination, ALL | 1u << TRANSPORT_WS), -EPROTONOSUPPORT));
	cr_assert(eq(int, locate_uri("sip:x.test;transport=tcp", UDP), -EPROTONOSUPPORT));
	cr_assert(eq(int, locate_uri("sips:x.test", UDP | TCP), -EPROTONOSUPPORT));
	cr_assert(eq(int, locate_uri("sips:x.test;transport=udp", ALL), -EPROTONOSUPPORT));
	cr_assert(eq(int, locate_uri("sips:192.0.2.1", UDP), -EPROTONOSUPPORT));
	cr_assert(eq(int, locate_uri("sip:x.test", 0), -EPROTONOSUPPORT));
	destination = (struct destination){.host = SPAN("")};
	cr_assert(eq(int, locate(&destination, ALL), -EINVAL));
	destination.host = SPAN("a\0b");
	cr_assert(eq(int, locate(&destination, ALL), -EINVAL));
	static const uint8_t long_name[DNS_NAME_MAX + 1] = {'a'};
	destination.host = span_of(long_name, sizeof(long_name));
	cr_assert(eq(int, locate(&destination, ALL), -EINVAL));
}

SEARCH_TEST(a_name_too_long_for_a_service_before_it_is_asked_for_itself)
{
	static char host[DNS_NAME_MAX + 1];

	for (unsigned i = 0; i < DNS_NAME_MAX; i++)
		host[i] = i % 50 == 49 ? '.' : 'a';
	static const struct zone_record records[] = {A_OF(host, 1), {0}};
	const struct destination destination = {
		.host = span_of(host, DNS_NAME_MAX), .transport = TRANSPORT_UDP};

	zone = records;
	cr_assert(eq(int, locate(&destination, ALL), 0));
	cr_assert(eq(str, (char *)found(), "UDP 192.0.2.1:5060"));
}

SEARCH_TEST(of_more_records_than_are_kept_the_best_stay)
{
	enum { MANY = 100 };
	static struct zone_record records[2 * MANY + 1];
	static char hosts[MANY][16];

	for (unsigned i = 0; i < MANY; i++) {
		unsigned rank = i * 37 % MANY; // in no order
		snprintf(hosts[i], sizeof(hosts[i]), "h%u.test", rank);
		records[i] = (struct zone_record)SRV_OF(
			"_sip._udp.x.test", (uint16_t)rank, 0, 5060, hosts[i]);
		records[MANY + i] = (struct zone_record)A_OF(hosts[i], (uint8_t)rank);
	}
	zone = records;
	cr_assert(eq(int, locate_uri("sip:x.test", ALL), 0));
	cr_assert(eq(uint, count, RESOLVED_MAX));
	for (unsigned i = 0; i < RESOLVED_MAX; i++)
		cr_assert(eq(uint, targets[i].endpoint.address[3], i));
}
