#include "../base/descriptors.h"
#include "../base/sockaddr.h"
#include "../flows/mix.h"
#include "trunks_private.h"

#include <openssl/rand.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BACKLOG = 1024,
};

struct trunk_list *trunks_bucket(struct trunks *trunks, uint64_t id)
{
	return &trunks->by_id[id % TRUNK_BUCKETS];
}

struct trunk_list *trunks_reach_bucket(struct trunks *trunks, const struct endpoint *reach)
{
	uint64_t hash =
		mix_octets(trunks->admission.seed, span_of((const uint8_t *)reach, sizeof(*reach)));

	return &trunks->by_reach[hash % TRUNK_BUCKETS];
}

static struct trunk *trunk_find(const struct trunks *trunks, uint64_t id)
{
	struct trunk *trunk;

	LIST_FOREACH(trunk, &trunks->by_id[id % TRUNK_BUCKETS], by_id)
	{
		if (trunk->party.id == id)
			return trunk;
	}
	return NULL;
}

// --- Who comes ---

static void socket_came(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *address,
	int length, void *argument)
{
	struct trunk_ear *ear = argument;
	struct trunks *trunks = ear->trunks;
	struct sockaddr_storage from = {0};

	memcpy(&from, address, (size_t)length < sizeof(from) ? (size_t)length : sizeof(from));
	struct endpoint peer = sockaddr_read(&from);
	if (!trunk_listener_hears(ear->listener, &peer)
		|| !admission_take(&trunks->admission, &peer)) {
		trunks->counts.turned_away++;
		close(fd);
		return;
	}
	if (trunk_accept(trunks, ear->listener, fd, &peer) == NULL)
		admission_release(&trunks->admission, &peer);
}

// Out of descriptors, most likely: it would be told again at once.
static void socket_failed(struct evconnlistener *socket, void *argument)
{
	struct trunk_ear *ear = argument;

	evconnlistener_disable(socket);
	ear->trunks->deaf = true;
}

static int ear_open(struct trunks *trunks, struct trunk_ear *ear)
{
	struct sockaddr_storage address;
	socklen_t length = sockaddr_write(&ear->listener->address, &address);
	int on = 1;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, length) != 0) {
		int status = -errno;
		close(fd);
		return status;
	}
	ear->socket = evconnlistener_new(trunks->options.base, socket_came, ear,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (ear->socket == NULL) {
		int status = errno != 0 ? -errno : -ENOMEM;
		close(fd);
		return status;
	}
	evconnlistener_set_error_cb(ear->socket, socket_failed);
	return 0;
}

// --- The clock ---

static void reap(evutil_socket_t fd, short what, void *argument)
{
	struct trunks *trunks = argument;
	struct trunk *trunk;

	while ((trunk = LIST_FIRST(&trunks->dying)) != NULL)
		trunk_close(trunk, trunk->end);
}

static void tick(evutil_socket_t fd, short what, void *argument)
{
	struct trunks *trunks = argument;
	struct trunk *trunk;
	struct trunk *next;
	uint64_t now_ms = clock_ms();

	reap(fd, what, argument);
	// What is told of an end may open others, and they come first in the list; it frees none.
	for (trunk = LIST_FIRST(&trunks->all); trunk != NULL; trunk = next) {
		next = LIST_NEXT(trunk, all);
		trunk_check(trunk, now_ms);
	}
	if (!trunks->deaf)
		return;
	trunks->deaf = false;
	for (unsigned i = 0; i < trunks->options.listener_count; i++)
		if (trunks->ears[i].socket != NULL)
			evconnlistener_enable(trunks->ears[i].socket);
}

// --- All of them ---

static int clock_open(struct trunks *trunks)
{
	const struct timeval every = {0, TRUNK_TICK_MS * 1000};

	trunks->tick = event_new(trunks->options.base, -1, EV_PERSIST, tick, trunks);
	trunks->reaper = event_new(trunks->options.base, -1, 0, reap, trunks);
	return trunks->tick != NULL && trunks->reaper != NULL
			&& event_add(trunks->tick, &every) == 0
		? 0
		: -ENOMEM;
}

static int ears_open(struct trunks *trunks, unsigned *failed)
{
	const struct trunks_options *options = &trunks->options;
	int status = 0;

	for (unsigned i = 0; i < options->listener_count && status == 0; i++) {
		trunks->ears[i] = (struct trunk_ear){trunks, &options->listeners[i], NULL};
		if (options->listeners[i].transport == TRANSPORT_UDP)
			continue;
		status = ear_open(trunks, &trunks->ears[i]);
		if (status != 0)
			*failed = i;
	}
	return status;
}

int trunks_open(const struct trunks_options *options, struct trunks **out, unsigned *failed)
{
	struct trunks *trunks = calloc(1, sizeof(*trunks));

	*failed = options->listener_count;
	if (trunks == NULL) {
		tls_set_release(options->tls);
		return -ENOMEM;
	}
	trunks->options = *options;
	trunks->tls = options->tls;
	// As many may come, and as many be opened.
	descriptors_raise(2 * (uint64_t)options->limits.connections);
	trunks->admission.total_max = options->limits.connections;
	trunks->admission.source_max = options->limits.per_source;
	trunks->reached.total_max = options->limits.connections;
	trunks->reached.source_max = options->limits.per_source;
	trunks->ears = calloc(options->listener_count + 1, sizeof(*trunks->ears));
	int status = trunks->ears == NULL ? -ENOMEM : clock_open(trunks);
	if (status == 0
		&& RAND_bytes(
			   (unsigned char *)&trunks->admission.seed, sizeof(trunks->admission.seed))
			!= 1)
		status = -EIO;
	trunks->reached.seed = trunks->admission.seed;
	if (status == 0)
		status = ears_open(trunks, failed);
	if (status != 0) {
		trunks_close(trunks);
		return status;
	}
	*out = trunks;
	return 0;
}

void trunks_close(struct trunks *trunks)
{
	struct trunk *trunk;

	if (trunks == NULL)
		return;
	for (unsigned i = 0; trunks->ears != NULL && i < trunks->options.listener_count; i++)
		if (trunks->ears[i].socket != NULL)
			evconnlistener_free(trunks->ears[i].socket);
	while ((trunk = LIST_FIRST(&trunks->all)) != NULL)
		trunk_free(trunk);
	if (trunks->tick != NULL)
		event_free(trunks->tick);
	if (trunks->reaper != NULL)
		event_free(trunks->reaper);
	tls_set_release(trunks->tls);
	free(trunks->ears);
	free(trunks);
}

void trunks_set_tls(struct trunks *trunks, struct tls_set *set)
{
	tls_set_release(trunks->tls);
	trunks->tls = set;
}

const struct trunks_counts *trunks_count(const struct trunks *trunks)
{
	return &trunks->counts;
}

uint64_t trunks_reach(
	struct trunks *trunks, const struct endpoint *peer, uint8_t transport, struct span name)
{
	struct trunk *trunk;

	LIST_FOREACH(trunk, trunks_reach_bucket(trunks, peer), by_reach)
	{
		if (!trunk->is_dying && !trunk->ending && trunk->party.transport == transport
			&& endpoint_equal(&trunk->reach, peer) && trunk_is_for(trunk, name))
			return trunk->party.id;
	}
	if (!admission_take(&trunks->reached, peer))
		return 0;
	trunk = trunk_connect(trunks, peer, transport, name);
	if (trunk == NULL)
		admission_release(&trunks->reached, peer);
	return trunk == NULL ? 0 : trunk->party.id;
}

bool trunks_find(const struct trunks *trunks, uint64_t id, struct trunk_party *party)
{
	const struct trunk *trunk = trunk_find(trunks, id);

	if (trunk == NULL || trunk->is_dying || trunk->ending)
		return false;
	*party = trunk->party;
	return true;
}

bool trunks_have(const struct trunks *trunks, uint64_t id)
{
	struct trunk_party party;

	return trunks_find(trunks, id, &party);
}

bool trunks_send(struct trunks *trunks, uint64_t id, struct span octets)
{
	struct trunk *trunk = trunk_find(trunks, id);

	return trunk != NULL && trunk_send(trunk, octets);
}

// Whether the other side has proven to be the name that a request is for is asked when there is one: trunk_is_for().
void trunks_alias(struct trunks *trunks, uint64_t id, uint16_t port)
{
	struct trunk *trunk = trunk_find(trunks, id);

	if (trunk == NULL || trunk->party.opened || trunk->ssl == NULL
		|| SSL_get0_peer_certificate(trunk->ssl) == NULL
		|| SSL_get_verify_result(trunk->ssl) != X509_V_OK
		|| trunk->reach.family != ENDPOINT_NONE)
		return;
	trunk->reach = trunk->party.peer;
	trunk->reach.port = port;
	LIST_INSERT_HEAD(trunks_reach_bucket(trunks, &trunk->reach), trunk, by_reach);
}
