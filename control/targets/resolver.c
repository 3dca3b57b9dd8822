#include "resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/queue.h>

enum {
	TRY_TIMEOUT_MS = 1000,
	TRIES = 2,
};

// One socket of c-ares that libevent watches for it.
struct watch {
	LIST_ENTRY(watch) entry;
	struct resolver *resolver;
	struct event *event;
	ares_socket_t socket;
};

// One resolver_ask().
struct query {
	LIST_ENTRY(query) entry;
	struct resolver *resolver;
	resolver_done *done;
	void *context;
	bool running; // answers that come at once are seen by whoever runs it
	struct search *search;
};

// One question of a query that is out.
struct lookup {
	struct query *query;
	unsigned number;
	enum dns_type type;
};

struct resolver {
	struct event_base *base;
	ares_channel channel;
	struct event *timer;
	bool closing;
	LIST_HEAD(, watch) watches;
	LIST_HEAD(, query) queries;
};

static void query_free(struct query *query)
{
	LIST_REMOVE(query, entry);
	search_free(query->search);
	free(query);
}

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
	while ((query = LIST_FIRST(&resolver->queries)) != NULL)
		query_free(query);
	event_free(resolver->timer);
	free(resolver);
}

static void query_finish(struct query *query)
{
	const struct resolved *targets;
	unsigned count;
	uint32_t ttl_s;
	int status = search_result(query->search, &targets, &count, &ttl_s);

	query->done(query->context, status, targets, count, ttl_s);
	query_free(query);
}

static enum search_news news_of(enum dns_type type, int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return SEARCH_ANSWER;
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
	case ARES_EBADNAME: // of a record's making: no such name can exist
		return SEARCH_NOTHING;
	case ARES_EFORMERR:
	case ARES_ENOTIMP:
	case ARES_EREFUSED:
		// Servers that do not know NAPTR say so in these ways; it is for servers of the other types to have a say.
		return type == DNS_NAPTR ? SEARCH_NOTHING : SEARCH_SILENCE;
	default:
		return SEARCH_SILENCE;
	}
}

static void query_run(struct query *query);

// While the resolver closes, resolver_close() frees the queries.
static void answer_came(void *argument, int status, int timeouts, unsigned char *octets, int length)
{
	struct lookup *lookup = argument;
	struct query *query = lookup->query;

	if (!query->resolver->closing) {
		search_hear(query->search, lookup->number, news_of(lookup->type, status),
			span_of(octets, (size_t)length));
		query_run(query);
	}
	free(lookup);
}

static bool hosts_file_read(
	struct query *query, const struct search_question *question, enum dns_type type)
{
	bool v4 = type == DNS_A;
	struct hostent *host;

	if (ares_gethostbyname_file(
		    query->resolver->channel, question->name, v4 ? AF_INET : AF_INET6, &host)
		!= ARES_SUCCESS)
		return false;
	for (char **octets = host->h_addr_list; *octets != NULL; octets++) {
		struct endpoint address = {.family = v4 ? ENDPOINT_V4 : ENDPOINT_V6};

		memcpy(address.address, *octets, v4 ? 4 : 16);
		if (type == question->type)
			search_add(query->search, question->number, &address);
	}
	ares_free_hostent(host);
	return true;
}

// A name that stands in the hosts file, be it of the other family, is not asked for.
static bool hosts_file_knows(struct query *query, const struct search_question *question)
{
	if (question->type != DNS_A && question->type != DNS_AAAA)
		return false;
	bool v4 = hosts_file_read(query, question, DNS_A);
	bool v6 = hosts_file_read(query, question, DNS_AAAA);
	return v4 || v6;
}

static void question_ask(struct query *query, const struct search_question *question)
{
	ares_channel channel = query->resolver->channel;
	struct lookup *lookup = NULL;
	enum search_news news = SEARCH_NOTHING;

	if (!hosts_file_knows(query, question)) {
		lookup = malloc(sizeof(*lookup));
		news = SEARCH_SILENCE;
	}
	if (lookup == NULL) {
		search_hear(query->search, question->number, news, span_of(NULL, 0));
		return;
	}
	*lookup = (struct lookup){query, question->number, question->type};
	// Hosts that people write may be short names of this domain, as everywhere on the system.
	if ((question->type == DNS_A || question->type == DNS_AAAA) && !question->absolute)
		ares_search(channel, question->name, ns_c_in, question->type, answer_came, lookup);
	else
		ares_query(channel, question->name, ns_c_in, question->type, answer_came, lookup);
}

static void query_run(struct query *query)
{
	struct search_question question;

	if (query->running)
		return;
	query->running = true;
	while (search_ask(query->search, &question))
		question_ask(query, &question);
	query->running = false;
	timer_arm(query->resolver);
	if (search_is_over(query->search))
		query_finish(query);
}

int resolver_ask(struct resolver *resolver, const struct destination *destination,
	unsigned transports, resolver_done *done, void *context)
{
	struct query *query = calloc(1, sizeof(*query));

	if (query == NULL)
		return -ENOMEM;
	int status = search_new(destination, transports, &query->search);
	if (status != 0) {
		free(query);
		return status;
	}
	query->resolver = resolver;
	query->done = done;
	query->context = context;
	LIST_INSERT_HEAD(&resolver->queries, query, entry);
	query_run(query);
	return 0;
}
