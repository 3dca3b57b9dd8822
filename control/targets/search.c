#include "search.h"

#include "service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum {
	TTL_UNKNOWN_S = 30, // of answers from a hosts file
	TRANSPORTS = TRANSPORT_TLS + 1,
	// NAPTR, SRV of each transport, A and AAAA of each host.
	QUESTIONS_MAX = 1 + TRANSPORTS + 2 * SERVICE_RECORDS_MAX,
};

struct question {
	enum dns_type type;
	uint8_t transport;
	uint8_t record; // of the transport's service
};

struct search {
	struct destination destination; // its host is `host`
	unsigned transports;
	bool silent; // a server was silent or failed
	unsigned asked, heard, question_count;
	struct question questions[QUESTIONS_MAX];
	uint32_t ttl_s;
	unsigned services_out;
	unsigned count;
	struct resolved targets[RESOLVED_MAX];
	struct service services[TRANSPORTS];
	char host[DNS_NAME_MAX + 1];
};

static void question_add(
	struct search *search, enum dns_type type, uint8_t transport, uint8_t record)
{
	search->questions[search->question_count++] = (struct question){type, transport, record};
}

// --- The last step: addresses (RFC 3263 section 4.2) ---

static void hosts_ask(struct search *search, uint8_t transport)
{
	for (unsigned i = 0; i < search->services[transport].count; i++) {
		question_add(search, DNS_A, transport, (uint8_t)i);
		question_add(search, DNS_AAAA, transport, (uint8_t)i);
	}
}

static void host_ask(struct search *search, uint8_t transport, uint16_t port)
{
	struct service *service = &search->services[transport];

	service->count = 1;
	service->records[0] = (struct dns_srv){.port = port};
	memcpy(service->records[0].host, search->host, sizeof(search->host));
	hosts_ask(search, transport);
}

static int resolved_compare(const void *left, const void *right)
{
	const struct resolved *a = left;
	const struct resolved *b = right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return memcmp(&a->endpoint, &b->endpoint, sizeof(a->endpoint));
}

// The one that a new one would stand in for: its own address, or the worst when there are more than are kept. Every process keeps the
// same ones, in whatever order they came.
static struct resolved *rival_find(struct search *search, const struct endpoint *endpoint)
{
	struct resolved *worst = NULL;

	for (unsigned i = 0; i < search->count; i++) {
		struct resolved *rival = &search->targets[i];
		if (endpoint_equal(&rival->endpoint, endpoint))
			return rival;
		if (worst == NULL || resolved_compare(rival, worst) > 0)
			worst = rival;
	}
	return search->count == RESOLVED_MAX ? worst : NULL;
}

void search_add(struct search *search, unsigned number, const struct endpoint *address)
{
	const struct question *question = &search->questions[number];
	const struct dns_srv *record =
		&search->services[question->transport].records[question->record];
	struct resolved target = {.endpoint = *address,
		.transport = question->transport,
		.priority = record->priority,
		.weight = record->weight};

	target.endpoint.port = record->port;
	struct resolved *rival = rival_find(search, &target.endpoint);
	if (rival == NULL)
		search->targets[search->count++] = target;
	else if (resolved_compare(&target, rival) < 0)
		*rival = target;
}

// --- SRV: the hosts of each transport ---

static void service_ask(struct search *search, uint8_t transport, const char *name)
{
	static const char *const labels[TRANSPORTS] = {[TRANSPORT_UDP] = "_sip._udp",
		[TRANSPORT_TCP] = "_sip._tcp",
		[TRANSPORT_TLS] = "_sips._tcp"};
	struct service *service = &search->services[transport];
	int length = name != NULL ? snprintf(service->name, sizeof(service->name), "%s", name)
				  : snprintf(service->name, sizeof(service->name), "%s.%s",
					  labels[transport], search->host);

	service->asked = true;
	// A name too long for a service in front of it has no service.
	if (length >= (int)sizeof(service->name))
		return;
	question_add(search, DNS_SRV, transport, 0);
	search->services_out++;
}

// By which transport the name itself is asked for when no SRV record names another.
static uint8_t plain_transport(const struct search *search)
{
	uint8_t plain = destination_transport(&search->destination);

	for (uint8_t i = 0; i < TRANSPORTS; i++)
		if (search->services[i].asked && (i == plain || !search->services[plain].asked))
			return i;
	return plain;
}

// All SRV answers are there: the first transport that has records, else the name itself (RFC 3263 section 4.2).
static void services_choose(struct search *search)
{
	bool denied = false;

	for (uint8_t i = 0; i < TRANSPORTS; i++) {
		denied |= search->services[i].denied;
		if (search->services[i].count > 0) {
			hosts_ask(search, i);
			return;
		}
	}
	uint8_t plain = plain_transport(search);
	if (!search->silent && !denied)
		host_ask(search, plain, destination_default_port(plain));
}

static void service_hear(struct search *search, uint8_t transport, struct dns_answer *answer)
{
	struct service *service = &search->services[transport];
	struct dns_record record;

	while (dns_answer_next(answer, &record)) {
		if (record.ttl_s < search->ttl_s)
			search->ttl_s = record.ttl_s;
		if (record.srv.host[0] == '\0')
			service->denied = true;
		else
			service_add(service, &record.srv);
	}
}

// --- NAPTR: the transport (RFC 3263 section 4.1) ---

static void services_ask(struct search *search)
{
	for (uint8_t i = TRANSPORT_UDP; i < TRANSPORTS; i++)
		if (search->transports & transport_bit(i))
			service_ask(search, i, NULL);
	if (search->services_out == 0)
		services_choose(search);
}

static bool naptr_is_better(const struct dns_naptr *a, const struct dns_naptr *b)
{
	if (a->order != b->order)
		return a->order < b->order;
	if (a->preference != b->preference)
		return a->preference < b->preference;
	if (a->transport != b->transport)
		return a->transport < b->transport;
	return strcasecmp(a->replacement, b->replacement) < 0;
}

// False: none of a transport we can send by.
static bool naptr_choose(struct search *search, struct dns_answer *answer, struct dns_naptr *best)
{
	struct dns_record record;
	bool found = false;

	while (dns_answer_next(answer, &record)) {
		if (record.ttl_s < search->ttl_s)
			search->ttl_s = record.ttl_s;
		if (!(search->transports & transport_bit(record.naptr.transport)))
			continue;
		if (!found || naptr_is_better(&record.naptr, best))
			*best = record.naptr;
		found = true;
	}
	return found;
}

static void naptr_hear(struct search *search, struct dns_answer *answer)
{
	struct dns_naptr best;

	if (naptr_choose(search, answer, &best))
		service_ask(search, best.transport, best.replacement);
	else
		services_ask(search);
}

// --- The search ---

static void address_hear(struct search *search, unsigned number, struct dns_answer *answer)
{
	struct dns_record record;

	while (dns_answer_next(answer, &record)) {
		if (record.ttl_s < search->ttl_s)
			search->ttl_s = record.ttl_s;
		search_add(search, number, &record.address);
	}
}

static void answer_hear(struct search *search, unsigned number, struct dns_answer *answer)
{
	const struct question *question = &search->questions[number];

	if (question->type == DNS_NAPTR)
		naptr_hear(search, answer);
	else if (question->type == DNS_SRV)
		service_hear(search, question->transport, answer);
	else
		address_hear(search, number, answer);
	if (answer->alias_ttl_s < search->ttl_s)
		search->ttl_s = answer->alias_ttl_s;
}

void search_hear(struct search *search, unsigned number, enum search_news news, struct span octets)
{
	enum dns_type type = search->questions[number].type;
	struct dns_answer answer;

	search->heard++;
	if (news == SEARCH_ANSWER && !dns_answer_begin(&answer, octets, type))
		news = SEARCH_SILENCE;
	if (news == SEARCH_ANSWER)
		answer_hear(search, number, &answer);
	else if (news == SEARCH_SILENCE)
		search->silent = true;
	else if (type == DNS_NAPTR)
		services_ask(search);
	if (type == DNS_SRV && --search->services_out == 0)
		services_choose(search);
}

bool search_ask(struct search *search, struct search_question *question)
{
	if (search->asked == search->question_count)
		return false;
	const struct question *next = &search->questions[search->asked];
	const struct service *service = &search->services[next->transport];
	const char *name = next->type == DNS_NAPTR ? search->host
		: next->type == DNS_SRV            ? service->name
						   : service->records[next->record].host;

	question->number = search->asked++;
	question->type = next->type;
	question->absolute = strcmp(name, search->host) != 0;
	memcpy(question->name, name, sizeof(question->name));
	return true;
}

bool search_is_over(const struct search *search)
{
	return search->heard == search->question_count;
}

static bool host_read(struct search *search, struct span host)
{
	if (host.length == 0 || host.length > DNS_NAME_MAX
		|| memchr(host.octets, 0, host.length) != NULL)
		return false;
	memcpy(search->host, host.octets, host.length);
	return true;
}

// An address: nothing is asked.
static int literal_take(struct search *search, const struct endpoint *address)
{
	uint8_t transport = destination_transport(&search->destination);
	uint16_t port = search->destination.port;
	struct resolved *target = &search->targets[search->count++];

	if (!(search->transports & transport_bit(transport)))
		return -EPROTONOSUPPORT;
	*target = (struct resolved){.endpoint = *address, .transport = transport};
	target->endpoint.port = port != 0 ? port : destination_default_port(transport);
	return 0;
}

static int name_take(struct search *search)
{
	const struct destination *destination = &search->destination;
	uint8_t transport = destination_transport(destination);
	bool any = destination->transport == TRANSPORT_NONE && destination->port == 0;

	if (destination->secure)
		search->transports &= transport_bit(TRANSPORT_TLS);
	if (any && search->transports != 0) {
		question_add(search, DNS_NAPTR, TRANSPORT_NONE, 0);
		return 0;
	}
	if (!(search->transports & transport_bit(transport)))
		return -EPROTONOSUPPORT;
	if (destination->port != 0) {
		host_ask(search, transport, destination->port);
		return 0;
	}
	search->transports = transport_bit(transport);
	services_ask(search);
	return 0;
}

static int search_begin(
	struct search *search, const struct destination *destination, unsigned transports)
{
	struct endpoint literal = {0};

	search->destination = *destination;
	search->destination.host = span_of(search->host, destination->host.length);
	search->ttl_s = UINT32_MAX;
	search->transports = transports
		& (transport_bit(TRANSPORT_UDP) | transport_bit(TRANSPORT_TCP)
			| transport_bit(TRANSPORT_TLS));
	if (!host_read(search, destination->host))
		return -EINVAL;
	if (endpoint_parse_address(destination->host, &literal))
		return literal_take(search, &literal);
	return name_take(search);
}

int search_new(const struct destination *destination, unsigned transports, struct search **out)
{
	struct search *search = calloc(1, sizeof(*search));

	if (search == NULL)
		return -ENOMEM;
	int status = search_begin(search, destination, transports);
	if (status != 0) {
		search_free(search);
		return status;
	}
	*out = search;
	return 0;
}

void search_free(struct search *search)
{
	free(search);
}

int search_result(
	struct search *search, const struct resolved **targets, unsigned *count, uint32_t *ttl_s)
{
	bool literal = search->question_count == 0;

	qsort(search->targets, search->count, sizeof(search->targets[0]), resolved_compare);
	*targets = search->targets;
	*count = search->count;
	*ttl_s = literal || search->ttl_s != UINT32_MAX ? search->ttl_s : TTL_UNKNOWN_S;
	if (search->count > 0)
		return 0;
	return search->silent ? -EAGAIN : -ENOENT;
}
