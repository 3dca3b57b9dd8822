#include "resolver.h"

#include "../base/sockaddr.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

enum {
	HOST_MAX = 253, // RFC 1035 section 2.3.4
	SIP_PORT = 5060,
	// Of answers from a hosts file, and of SRV answers, whose own c-ares does not tell.
	TTL_UNKNOWN_S = 30,
	TRY_TIMEOUT_MS = 1000,
	TRIES = 2,
	SERVICES_MAX = 1024, // records of one SRV answer that are looked at
};

// One socket of c-ares that libevent watches for it.
struct watch {
	LIST_ENTRY(watch) entry;
	struct resolver *resolver;
	struct event *event;
	ares_socket_t socket;
};

// One resolver_ask(): the addresses gathered, and how many lookups are still out.
struct query {
	LIST_ENTRY(query) entry;
	struct resolver *resolver;
	resolver_done *done;
	void *context;
	char host[HOST_MAX + 1];
	unsigned outstanding;
	unsigned count;
	uint32_t ttl_s;
	bool unanswered; // a server was silent or failed
	struct resolved targets[RESOLVED_MAX];
};

// One address lookup of a query: of the host itself or of one SRV target.
struct lookup {
	struct query *query;
	uint16_t priority;
	uint16_t weight;
	uint16_t port;
};

struct resolver {
	struct event_base *base;
	ares_channel channel;
	struct event *timer;
	bool closing;
	LIST_HEAD(, watch) watches;
	LIST_HEAD(, query) queries;
};

static void timer_arm(struct resolver *resolver)
{
	struct timeval left;
	struct timeval *wait = ares_timeout(resolver->channel, NULL, &left);

	if (wait == NULL)
		evtimer_del(resolver->timer);
	else
		evtimer_add(resolver->timer, wait);
}

static void timer_fired(evutil_socket_t socket, short what, void *argument)
{
	struct resolver *resolver = argument;

	ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	timer_arm(resolver);
}

static void socket_ready(evutil_socket_t socket, short what, void *argument)
{
	struct watch *watch = argument;
	struct resolver *resolver = watch->resolver; // the watch may be gone after the call
	ares_socket_t readable = what & EV_READ ? socket : ARES_SOCKET_BAD;
	ares_socket_t writable = what & EV_WRITE ? socket : ARES_SOCKET_BAD;

	ares_process_fd(resolver->channel, readable, writable);
	timer_arm(resolver);
}

static void watch_free(struct watch *watch)
{
	LIST_REMOVE(watch, entry);
	if (watch->event != NULL)
		event_free(watch->event);
	free(watch);
}

static void watch_drop(struct resolver *resolver, ares_socket_t socket)
{
	struct watch *watch;

	LIST_FOREACH(watch, &resolver->watches, entry)
	{
		if (watch->socket == socket) {
			watch_free(watch);
			return;
		}
	}
}

// c-ares tells which of its sockets wait for what.
static void socket_changed(void *argument, ares_socket_t socket, int readable, int writable)
{
	struct resolver *resolver = argument;

	watch_drop(resolver, socket);
	if (!readable && !writable)
		return;
	struct watch *watch = calloc(1, sizeof(*watch));
	if (watch == NULL)
		return; // the query times out and is asked again
	short what = (short)(EV_PERSIST | (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
	watch->resolver = resolver;
	watch->socket = socket;
	LIST_INSERT_HEAD(&resolver->watches, watch, entry);
	watch->event = event_new(resolver->base, socket, what, socket_ready, watch);
	if (watch->event == NULL || event_add(watch->event, NULL) != 0)
		watch_free(watch);
}

int resolver_open(struct event_base *base, const char *servers, struct resolver **out)
{
	struct ares_options options = {.timeout = TRY_TIMEOUT_MS, .tries = TRIES};
	int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (resolver == NULL)
		return -ENOMEM;
	resolver->base = base;
	options.sock_state_cb = socket_changed;
	options.sock_state_cb_data = resolver;
	resolver->timer = evtimer_new(base, timer_fired, resolver);
	if (resolver->timer == NULL || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		goto free_resolver;
	if (ares_init_options(&resolver->channel, &options, mask) != ARES_SUCCESS)
		goto free_library;
	if (servers != NULL
		&& ares_set_servers_ports_csv(resolver->channel, servers) != ARES_SUCCESS)
		goto free_channel;
	*out = resolver;
	return 0;

free_channel:
	ares_destroy(resolver->channel);
free_library:
	ares_library_cleanup();
free_resolver:
	if (resolver->timer != NULL)
		event_free(resolver->timer);
	free(resolver);
	return -EINVAL;
}

void resolver_close(struct resolver *resolver)
{
	struct query *query;

	resolver->closing = true;
	ares_destroy(resolver->channel); // calls back every lookup that is out
	ares_library_cleanup();
	while (!LIST_EMPTY(&resolver->watches))
		watch_free(LIST_FIRST(&resolver->watches));
	while ((query = LIST_FIRST(&resolver->queries)) != NULL) {
		LIST_REMOVE(query, entry);
		free(query);
	}
	event_free(resolver->timer);
	free(resolver);
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

static void query_finish(struct query *query)
{
	int status = query->count > 0 ? 0 : query->unanswered ? -EAGAIN : -ENOENT;

	LIST_REMOVE(query, entry);
	qsort(query->targets, query->count, sizeof(query->targets[0]), resolved_compare);
	query->done(query->context, status, query->targets, query->count, query->ttl_s);
	free(query);
}

// One lookup of the query has ended. While the resolver closes, resolver_close() frees the queries.
static void query_release(struct query *query)
{
	if (--query->outstanding == 0 && !query->resolver->closing)
		query_finish(query);
}

// The one that makes way when there are more addresses than are kept: every process keeps the same ones, in whatever order they came.
static struct resolved *query_worst(struct query *query)
{
	struct resolved *worst = &query->targets[0];

	for (unsigned i = 1; i < query->count; i++)
		if (resolved_compare(&query->targets[i], worst) > 0)
			worst = &query->targets[i];
	return worst;
}

static void query_add(
	struct query *query, const struct lookup *lookup, const struct sockaddr *address)
{
	struct resolved target = {.priority = lookup->priority,
		.weight = lookup->weight,
		.endpoint = sockaddr_read((const struct sockaddr_storage *)address)};

	if (target.endpoint.family == ENDPOINT_NONE)
		return;
	target.endpoint.port = lookup->port;
	if (query->count < RESOLVED_MAX) {
		query->targets[query->count++] = target;
		return;
	}
	struct resolved *worst = query_worst(query);
	if (resolved_compare(&target, worst) < 0)
		*worst = target;
}

static bool status_is_silence(int status)
{
	return status != ARES_SUCCESS && status != ARES_ENOTFOUND && status != ARES_ENODATA;
}

static void addresses_came(
	void *argument, int status, int timeouts, struct ares_addrinfo *addresses)
{
	struct lookup *lookup = argument;
	struct query *query = lookup->query;

	if (status_is_silence(status))
		query->unanswered = true;
	if (addresses != NULL && !query->resolver->closing) {
		for (struct ares_addrinfo_node *node = addresses->nodes; node != NULL;
			node = node->ai_next) {
			query_add(query, lookup, node->ai_addr);
			if (node->ai_ttl > 0 && (uint32_t)node->ai_ttl < query->ttl_s)
				query->ttl_s = (uint32_t)node->ai_ttl;
		}
	}
	if (addresses != NULL)
		ares_freeaddrinfo(addresses);
	free(lookup);
	query_release(query);
}

static void addresses_ask(
	struct query *query, const char *host, uint16_t priority, uint16_t weight, uint16_t port)
{
	struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	struct lookup *lookup = malloc(sizeof(*lookup));

	if (lookup == NULL) {
		query->unanswered = true;
		return;
	}
	*lookup = (struct lookup){query, priority, weight, port};
	query->outstanding++;
	ares_getaddrinfo(query->resolver->channel, host, NULL, &hints, addresses_came, lookup);
}

static int service_compare(const void *left, const void *right)
{
	const struct ares_srv_reply *a = *(const struct ares_srv_reply *const *)left;
	const struct ares_srv_reply *b = *(const struct ares_srv_reply *const *)right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	int hosts = strcmp(a->host, b->host);
	return hosts != 0 ? hosts : (a->port > b->port) - (a->port < b->port);
}

// Of a long answer the best are looked up: each costs questions of its own.
static void services_ask(struct query *query, struct ares_srv_reply *services)
{
	struct ares_srv_reply *order[SERVICES_MAX];
	unsigned count = 0;

	for (; services != NULL && count < SERVICES_MAX; services = services->next)
		order[count++] = services;
	qsort(order, count, sizeof(struct ares_srv_reply *), service_compare);
	for (unsigned i = 0; i < count && i < RESOLVED_MAX; i++)
		addresses_ask(query, order[i]->host, order[i]->priority, order[i]->weight,
			order[i]->port);
}

static void services_came(
	void *argument, int status, int timeouts, unsigned char *answer, int length)
{
	struct query *query = argument;
	struct ares_srv_reply *services = NULL;

	if (query->resolver->closing) {
		query_release(query);
		return;
	}
	if (status_is_silence(status))
		query->unanswered = true;
	if (status == ARES_SUCCESS
		&& ares_parse_srv_reply(answer, length, &services) != ARES_SUCCESS)
		services = NULL;
	services_ask(query, services);
	// RFC 3263 section 4.2: no SRV records, then the name itself is asked for.
	if (services == NULL && !status_is_silence(status))
		addresses_ask(query, query->host, 0, 0, SIP_PORT);
	if (services != NULL)
		ares_free_data(services);
	query_release(query);
}

static void query_start(struct query *query, uint16_t port)
{
	char service[sizeof("_sip._udp.") + HOST_MAX];

	query->outstanding = 1; // held until everything has been asked
	if (port != 0) {
		addresses_ask(query, query->host, 0, 0, port);
	} else {
		snprintf(service, sizeof(service), "_sip._udp.%s", query->host);
		query->outstanding++;
		ares_query(
			query->resolver->channel, service, ns_c_in, ns_t_srv, services_came, query);
	}
	timer_arm(query->resolver);
	query_release(query);
}

int resolver_ask(struct resolver *resolver, struct span host, uint16_t port, resolver_done *done,
	void *context)
{
	struct resolved literal = {0};

	if (endpoint_parse_address(host, &literal.endpoint)) {
		literal.endpoint.port = port != 0 ? port : SIP_PORT;
		done(context, 0, &literal, 1, UINT32_MAX);
		return 0;
	}
	if (host.length == 0 || host.length > HOST_MAX
		|| memchr(host.octets, 0, host.length) != NULL)
		return -EINVAL;
	struct query *query = calloc(1, sizeof(*query));
	if (query == NULL)
		return -ENOMEM;
	query->resolver = resolver;
	query->done = done;
	query->context = context;
	query->ttl_s = TTL_UNKNOWN_S;
	memcpy(query->host, host.octets, host.length);
	LIST_INSERT_HEAD(&resolver->queries, query, entry);
	query_start(query, port);
	return 0;
}
