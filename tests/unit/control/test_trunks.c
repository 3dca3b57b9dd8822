// Two proxies' connections on one loop: `near` listens by TCP and TLS and connects to `far`, which does the same; and plain sockets.

#include "certificate_maker.h"
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

static void message_came(void *context, const struct trunk_party *from, struct span octets)
{
	struct proxy_side *side = context;

	side->from = *from;
	side->messages++;
	memcpy(side->text, octets.octets, octets.length);
	side->length = octets.length;
}

static void refuse(void *context, const struct trunk_party *from, const struct message *message,
	unsigned status)
{
	struct proxy_side *side = context;

	side->refused = status;
	cr_assert(message->request);
	cr_assert(trunks_send(side->trunks, from->id, SPAN("SIP/2.0 4xx\r\n\r\n")));
}

static void closed(void *context, const struct trunk_party *from, enum trunk_end end)
{
	struct proxy_side *side = context;

	side->closed++;
	side->end = end;
	side->gone = from->id;
	cr_assert(not(trunks_have(side->trunks, from->id)));
}

// A port that is ours as long as the socket is, and that nobody listens at.
static uint16_t port_take(int *fd)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(eq(int, bind(*fd, (struct sockaddr *)&address, length), 0));
	getsockname(*fd, (struct sockaddr *)&address, &length);
	return ntohs(address.sin_port);
}

// Free a moment ago.
static uint16_t free_port(void)
{
	int fd;
	uint16_t port = port_take(&fd);

	close(fd);
	return port;
}

static struct tls_set *certificates(void)
{
	struct config config = {.tls = {.items = &entry, .count = 1}};
	struct tls_fault fault;
	struct tls_set *set;

	cr_assert(eq(int, tls_set_new(&config, &set, &fault), 0));
	return set;
}

static int side_try(struct proxy_side *side)
{
	unsigned failed;

	memset(side, 0, sizeof(*side));
	for (unsigned i = 0; i < 2; i++)
		side->listeners[i] = (struct trunk_listener){
			.address = {.family = ENDPOINT_V4,
				.address = {127, 0, 0, 1},
				.port = free_port()},
			.transport = i == 0 ? TRANSPORT_TCP : TRANSPORT_TLS,
			.tls = i == 0 ? span_of(NULL, 0) : SPAN("one"),
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
static void side_open(struct proxy_side *side)
{
	int status = -1;

	for (unsigned i = 0; i < 100 && status != 0; i++)
		status = side_try(side);
	cr_assert(eq(int, status, 0));
}

static void setup(void)
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

static void teardown(void)
{
	trunks_close(near.trunks);
	trunks_close(far.trunks);
	event_base_free(base);
	certificate_drop(&pair);
	certificate_drop(&authority);
}

TestSuite(trunks, .init = setup, .fini = teardown, .timeout = 60);

// The loop runs until a counter has come to `count`, for five seconds at most.
static void wait_for(const unsigned *counter, unsigned count)
{
	const struct timeval step = {.tv_usec = 5000};

	for (unsigned i = 0; i < 1000 && *counter < count; i++) {
		event_base_loopexit(base, &step);
		event_base_dispatch(base);
	}
	cr_assert(ge(uint, *counter, count));
}

static void run_for(unsigned ms)
{
	const struct timeval step = {ms / 1000, ms % 1000 * 1000};

	event_base_loopexit(base, &step);
	event_base_dispatch(base);
}

static int plain_connect(const struct proxy_side *side)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(side->listeners[0].address.port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert(eq(int, connect(fd, (struct sockaddr *)&address, sizeof(address)), 0));
	return fd;
}

static void plain_write(int fd, const char *text)
{
	cr_assert(eq(sz, (size_t)write(fd, text, strlen(text)), strlen(text)));
}

// What the socket has; "" at its end, and "-" if there is nothing.
static const char *plain_read(int fd)
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

Test(trunks, messages_are_cut_out_wherever_they_are_split_and_a_ping_is_answered)
{
	int fd = plain_connect(&near);

	plain_write(fd, "\r\n\r\n");
	cr_assert(eq(str, (char *)plain_read(fd), "\r\n"));
	for (size_t split = 1; split < sizeof(OPTIONS) - 1; split += 7) {
		unsigned before = near.messages;
		cr_assert(eq(sz, (size_t)write(fd, OPTIONS, split), split));
		run_for(2);
		plain_write(fd, OPTIONS + split);
		plain_write(fd, OPTIONS);
		wait_for(&near.messages, before + 2);
		cr_assert(eq(sz, near.length, sizeof(OPTIONS) - 1));
	}
	cr_assert(eq(uint, near.from.transport, TRANSPORT_TCP));
	cr_assert(not(near.from.opened));
	close(fd);
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_PEER));
	cr_assert(eq(uint, trunks_count(near.trunks)->open, 0));
}

Test(trunks, an_answer_goes_by_the_connection_and_by_none_that_has_closed)
{
	int fd = plain_connect(&near);

	plain_write(fd, OPTIONS);
	wait_for(&near.messages, 1);
	cr_assert(trunks_send(near.trunks, near.from.id, SPAN("SIP/2.0 200 OK\r\n\r\n")));
	cr_assert(eq(str, (char *)plain_read(fd), "SIP/2.0 200 OK\r\n\r\n"));
	close(fd);
	wait_for(&near.closed, 1);
	cr_assert(not(trunks_send(near.trunks, near.from.id, SPAN("SIP/2.0 200 OK\r\n\r\n"))));
}

Test(trunks, a_message_that_does_not_say_where_it_ends_is_refused_and_the_connection_ends)
{
	int fd = plain_connect(&near);

	plain_write(fd, HEAD "\r\n");
	cr_assert(eq(str, (char *)plain_read(fd), "SIP/2.0 4xx\r\n\r\n"));
	cr_assert(eq(uint, near.refused, 400));
	wait_for(&near.closed, 1);
	cr_assert(eq(str, (char *)plain_read(fd), ""));
	close(fd);
	fd = plain_connect(&near);
	plain_write(fd, HEAD "Content-Length: 70000\r\n\r\n");
	cr_assert(eq(str, (char *)plain_read(fd), "SIP/2.0 4xx\r\n\r\n"));
	cr_assert(eq(uint, near.refused, 513));
	wait_for(&near.closed, 2);
	close(fd);
	fd = plain_connect(&near);
	plain_write(fd, "GET / HTTP/1.1\r\nHost: core.test\r\n\r\n");
	wait_for(&near.closed, 3);
	cr_assert(eq(int, near.end, TRUNK_END_UNREADABLE));
	close(fd);
}

Test(trunks, one_connection_to_an_address_carries_what_is_sent_before_it_stands_and_after)
{
	const struct endpoint *peer = &far.listeners[0].address;
	uint64_t id = trunks_reach(near.trunks, peer, TRANSPORT_TCP, SPAN("edge.test"));

	cr_assert(ne(u64, id, 0));
	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	cr_assert(eq(u64, trunks_reach(near.trunks, peer, TRANSPORT_TCP, SPAN("edge.test")), id));
	// Both ways.
	cr_assert(trunks_send(far.trunks, far.from.id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&near.messages, 1);
	cr_assert(eq(u64, near.from.id, id));
	cr_assert(near.from.opened);
	cr_assert(eq(uint, trunks_count(far.trunks)->open, 1));
}

Test(trunks, a_large_message_passes_in_pieces)
{
	static char large[TEXT_MAX];
	uint64_t id = trunks_reach(
		near.trunks, &far.listeners[1].address, TRANSPORT_TLS, SPAN("edge.test"));
	int head = snprintf(large, sizeof(large), HEAD "Content-Length: 60000\r\n\r\n");

	memset(large + head, 'x', 60000);
	cr_assert(trunks_send(near.trunks, id, span_of(large, (size_t)head + 60000)));
	wait_for(&far.messages, 1);
	cr_assert(eq(sz, far.length, (size_t)head + 60000));
	cr_assert(eq(int, memcmp(far.text, large, far.length), 0));
}

Test(trunks, where_nobody_listens_is_told_at_once)
{
	struct endpoint nobody = far.listeners[0].address;
	int deaf;

	nobody.port = port_take(&deaf);
	uint64_t id = trunks_reach(near.trunks, &nobody, TRANSPORT_TCP, SPAN("edge.test"));
	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_REFUSED));
	cr_assert(eq(u64, near.gone, id));
	cr_assert(
		ne(u64, trunks_reach(near.trunks, &nobody, TRANSPORT_TCP, SPAN("edge.test")), id));
	close(deaf);
}

Test(trunks, tls_is_written_to_whom_it_is_meant_for_and_to_nobody_else)
{
	const struct endpoint *peer = &far.listeners[1].address;
	uint64_t id = trunks_reach(near.trunks, peer, TRANSPORT_TLS, SPAN("edge.test"));

	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	cr_assert(eq(uint, far.from.transport, TRANSPORT_TLS));
	cr_assert(eq(u64, trunks_reach(near.trunks, peer, TRANSPORT_TLS, SPAN("edge.test")), id));
	uint64_t other = trunks_reach(near.trunks, peer, TRANSPORT_TLS, SPAN("other.test"));
	cr_assert(ne(u64, other, id));
	cr_assert(trunks_send(near.trunks, other, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_STRANGER));
	cr_assert(eq(u64, near.gone, other));
	run_for(50);
	cr_assert(eq(uint, far.messages, 1));
}

Test(trunks, an_alias_holds_where_both_have_proven_who_they_are)
{
	uint64_t id = trunks_reach(
		near.trunks, &far.listeners[1].address, TRANSPORT_TLS, SPAN("edge.test"));
	struct endpoint back = near.listeners[1].address;

	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	uint64_t came = far.from.id;
	trunks_alias(far.trunks, came, back.port);
	cr_assert(eq(u64, trunks_reach(far.trunks, &back, TRANSPORT_TLS, SPAN("edge.test")), came));
	cr_assert(
		ne(u64, trunks_reach(far.trunks, &back, TRANSPORT_TLS, SPAN("other.test")), came));
}

Test(trunks, without_certificates_there_is_no_alias)
{
	uint64_t id = trunks_reach(
		near.trunks, &far.listeners[0].address, TRANSPORT_TCP, SPAN("edge.test"));
	const struct endpoint *back = &near.listeners[0].address;

	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	trunks_alias(far.trunks, far.from.id, back->port);
	cr_assert(ne(u64, trunks_reach(far.trunks, back, TRANSPORT_TCP, SPAN("edge.test")),
		far.from.id));
}

Test(trunks, new_certificates_leave_connections_alone)
{
	const struct endpoint *peer = &far.listeners[1].address;
	uint64_t id = trunks_reach(near.trunks, peer, TRANSPORT_TLS, SPAN("edge.test"));

	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 1);
	trunks_set_tls(far.trunks, certificates());
	trunks_set_tls(near.trunks, certificates());
	cr_assert(trunks_send(near.trunks, id, span_of(OPTIONS, sizeof(OPTIONS) - 1)));
	wait_for(&far.messages, 2);
	cr_assert(eq(uint, near.closed + far.closed, 0));
}

static void open_with(struct proxy_side *side)
{
	trunks_close(side->trunks);
	side_open(side);
}

Test(trunks, a_source_has_so_many_connections_and_no_more)
{
	limits.per_source = 2;
	open_with(&near);
	int first = plain_connect(&near), second = plain_connect(&near);
	int third = plain_connect(&near);

	cr_assert(eq(str, (char *)plain_read(third), ""));
	cr_assert(eq(u64, trunks_count(near.trunks)->turned_away, 1));
	plain_write(second, "\r\n\r\n");
	cr_assert(eq(str, (char *)plain_read(second), "\r\n"));
	close(first);
	wait_for(&near.closed, 1);
	close(third);
	third = plain_connect(&near);
	plain_write(third, "\r\n\r\n");
	cr_assert(eq(str, (char *)plain_read(third), "\r\n"));
	close(second);
	close(third);
}

Test(trunks, who_sends_no_message_in_time_or_no_more_of_it_is_cut)
{
	limits.first_ms = 700;
	limits.header_ms = 700;
	open_with(&near);
	int idle = plain_connect(&near), slow = plain_connect(&near), good = plain_connect(&near);

	plain_write(good, OPTIONS);
	plain_write(slow, OPTIONS);
	wait_for(&near.messages, 2);
	plain_write(slow, "OPTIONS sip:core.test SIP/2.0\r\n");
	wait_for(&near.closed, 2);
	cr_assert(eq(u64, trunks_count(near.trunks)->ended[TRUNK_END_SLOW], 2));
	cr_assert(eq(uint, trunks_count(near.trunks)->open, 1));
	close(idle);
	close(slow);
	close(good);
}

Test(trunks, who_has_shown_keep_alives_is_missed_earlier_than_who_has_not)
{
	limits.keepalive_ms = 700;
	open_with(&near);
	int quiet = plain_connect(&near), pinging = plain_connect(&near);

	plain_write(quiet, OPTIONS);
	plain_write(pinging, "\r\n\r\n");
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_SILENT));
	cr_assert(eq(uint, trunks_count(near.trunks)->open, 1));
	close(quiet);
	close(pinging);
}

Test(trunks, who_does_not_read_is_closed_and_harms_nobody)
{
	static uint8_t octets[60000];
	int fd = plain_connect(&near);

	plain_write(fd, OPTIONS);
	wait_for(&near.messages, 1);
	for (unsigned i = 0; i < 1000 && trunks_have(near.trunks, near.from.id); i++) {
		(void)!trunks_send(near.trunks, near.from.id, span_of(octets, sizeof(octets)));
		if (i % 8 == 0)
			run_for(1);
	}
	wait_for(&near.closed, 1);
	cr_assert(eq(int, near.end, TRUNK_END_STALLED));
	close(fd);
}
