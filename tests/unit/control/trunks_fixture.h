// trunks_fixture.h: two proxies' connections on one loop: `near` listens by TCP and TLS and connects to `far`, which does the same; and plain sockets.

#pragma once

#include "certificate_maker.h"
#include "port_choice.h"
#include "trunks/trunks.h"

#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
	HEARD_MAX = 64,
	TEXT_MAX = 70000,
};

// One proxy, and what its connections told it.
struct proxy_side {
	struct trunks *trunks;
	struct trunk_listener listeners[2]; // TCP, TLS
	struct trunk_party from; // of the last message
	unsigned messages;
	unsigned refused; // status
	unsigned closed;
	enum trunk_end end;
	uint64_t gone; // the connection that closed last
	size_t length;
	char text[TEXT_MAX];
};

static struct event_base *base;
static struct made_certificate authority, pair;
static struct config_tls entry;
static struct proxy_side near, far;
static struct trunk_limits limits;
static const struct prefix *allowed; // NULL: anybody

static inline void message_came(void *context, const struct trunk_party *from, struct span octets)
{
	struct proxy_side *side = context;

	side->from = *from;
	side->messages++;
	memcpy(side->text, octets.octets, octets.length);
	side->length = octets.length;
}

static inline void refuse(void *context, const struct trunk_party *from,
	const struct message *message, unsigned status)
{
	struct proxy_side *side = context;

	side->refused = status;
	cr_assert(message->request);
	cr_assert(trunks_send(side->trunks, from->id, SPAN("SIP/2.0 4xx\r\n\r\n")));
}

static inline void closed(void *context, const struct trunk_party *from, enum trunk_end end)
{
	struct proxy_side *side = context;

	side->closed++;
	side->end = end;
	side->gone = from->id;
	cr_assert(not(trunks_have(side->trunks, from->id)));
}

// A port that is ours as long as the socket is, and that nobody listens at.
static inline uint16_t port_take(int *fd)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(eq(int, bind(*fd, (struct sockaddr *)&address, length), 0));
	getsockname(*fd, (struct sockaddr *)&address, &length);
	return ntohs(address.sin_port);
}

static inline struct tls_set *certificates(void)
{
	struct config config = {.tls = {.items = &entry, .count = 1}};
	struct tls_fault fault;
	struct tls_set *set;

	cr_assert(eq(int, tls_set_new(&config, &set, &fault), 0));
	return set;
}

static inline int side_try(struct proxy_side *side)
{
	unsigned failed;

	memset(side, 0, sizeof(*side));
	for (unsigned i = 0; i < 2; i++)
		side->listeners[i] = (struct trunk_listener){
			.address = {.family = ENDPOINT_V4,
				.address = {127, 0, 0, 1},
				.port = port_choose()},
			.transport = i == 0 ? TRANSPORT_TCP : TRANSPORT_TLS,
			.tls = i == 0 ? span_of(NULL, 0) : SPAN("one"),
			.allow = allowed,
			.allow_count = allowed != NULL,
		};
	const struct trunks_options options = {
		.base = base,
		.listeners = side->listeners,
		.listener_count = 2,
		.limits = limits,
		.tls = certificates(),
		.client_tls = SPAN("one"),
		.message = message_came,
		.refuse = refuse,
		.closed = closed,
		.context = side,
	};
	return trunks_open(&options, &side->trunks, &failed);
}

// A port may have been taken by somebody else meanwhile.
static inline void side_open(struct proxy_side *side)
{
	int status = -1;

	for (unsigned i = 0; i < 100 && status != 0; i++)
		status = side_try(side);
	cr_assert(eq(int, status, 0));
}

static inline void setup(void)
{
	const struct made_name name = {GEN_DNS, SPAN("edge.test")};

	limits = (struct trunk_limits){.connections = 100,
		.per_source = 100,
		.write_octets = 262144,
		.connect_ms = 2000,
		.first_ms = 60000,
		.header_ms = 60000,
		.write_ms = 60000,
		.idle_ms = 60000,
		.keepalive_ms = 60000};
	base = event_base_new();
	certificate_make(&authority, NULL, NULL, 0);
	certificate_make(&pair, &authority, &name, 1);
	entry = (struct config_tls){.name = SPAN("one"),
		.certificate = pair.certificate_path,
		.key = pair.key_path,
		.ca = authority.certificate_path,
		.client_auth = CLIENT_AUTH_OPTIONAL};
	side_open(&near);
	side_open(&far);
}

static inline void teardown(void)
{
	trunks_close(near.trunks);
	trunks_close(far.trunks);
	event_base_free(base);
	certificate_drop(&pair);
	certificate_drop(&authority);
}

// The loop runs until a counter has come to `count`, for five seconds at most.
static inline void wait_for(const unsigned *counter, unsigned count)
{
	const struct timeval step = {.tv_usec = 5000};

	for (unsigned i = 0; i < 1000 && *counter < count; i++) {
		event_base_loopexit(base, &step);
		event_base_dispatch(base);
	}
	cr_assert(ge(uint, *counter, count));
}

static inline void run_for(unsigned ms)
{
	const struct timeval step = {ms / 1000, ms % 1000 * 1000};

	event_base_loopexit(base, &step);
	event_base_dispatch(base);
}

static inline int plain_connect(const struct proxy_side *side)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(side->listeners[0].address.port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert(eq(int, connect(fd, (struct sockaddr *)&address, sizeof(address)), 0));
	return fd;
}

static inline void plain_write(int fd, const char *text)
{
	cr_assert(eq(sz, (size_t)write(fd, text, strlen(text)), strlen(text)));
}

// What the socket has; "" at its end, and "-" if there is nothing.
static inline const char *plain_read(int fd)
{
	static char got[4096];

	for (unsigned i = 0; i < 100; i++) {
		run_for(10);
		ssize_t length = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
		if (length < 0)
			continue;
		got[length] = 0;
		return got;
	}
	return "-";
}

#define HEAD \
	"OPTIONS sip:core.test SIP/2.0\r\nVia: SIP/2.0/TCP a.test;branch=z9hG4bK1\r\n" \
	"From: <sip:a@a.test>;tag=1\r\nTo: <sip:core.test>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
static const char OPTIONS[] = HEAD "Content-Length: 0\r\n\r\n";
