// The core role on loopback, by TCP:
//
//     phone ---- core ---- edge (where Paths lead)
//
// The phone connects to the core, the core to the edge; both are plain sockets of this test.

#include "core/core.h"
#include "port_choice.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TEXT_MAX = 70000,
	LARGE = 20000,
};

static const struct span DOMAIN = {(const uint8_t *)"example.test", 12};
static struct event_base *base;
static struct resolver *resolver;
static struct core *core;
static struct trunk_listener listeners[2]; // UDP and TCP, one port
static char core_text[32]; // 127.0.0.1:port
static char got[TEXT_MAX];

static int port_open(int type, uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(*port)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);

	if (bind(fd, (struct sockaddr *)&address, length) != 0) {
		close(fd);
		return -1;
	}
	getsockname(fd, (struct sockaddr *)&address, &length);
	*port = ntohs(address.sin_port);
	return fd;
}

// A port that is ours for both, and that nobody listens at yet.
static uint16_t port_take(int *stream, int *datagram)
{
	for (;;) {
		uint16_t port = 0;

		*stream = port_open(SOCK_STREAM, &port);
		*datagram = port_open(SOCK_DGRAM, &port);
		if (*stream >= 0 && *datagram >= 0)
			return port;
		close(*stream);
	}
}

static int core_try(void)
{
	uint16_t port = port_choose();
	int failed;
	int length = snprintf(core_text, sizeof(core_text), "127.0.0.1:%u", port);
	struct span name = span_of(core_text, (size_t)length);

	for (unsigned i = 0; i < 2; i++)
		listeners[i] = (struct trunk_listener){
			.address = {.address = {127, 0, 0, 1}, .port = port, .family = ENDPOINT_V4},
			.transport = i == 0 ? TRANSPORT_UDP : TRANSPORT_TCP};
	const struct core_options options = {
		.base = base,
		.resolver = resolver,
		.listeners = listeners,
		.listener_count = 2,
		.names = {[TRANSPORT_UDP] = {name, name}, [TRANSPORT_TCP] = {name, name}},
		.limits = {.connections = 10,
			.per_source = 10,
			.write_octets = 262144,
			.connect_ms = 2000,
			.first_ms = 60000,
			.header_ms = 60000,
			.write_ms = 60000,
			.idle_ms = 60000,
			.keepalive_ms = 60000},
		.record_route = true,
		.transactions_max = 100,
		.forks_max = 10,
		.timer_c_ms = 181000,
		.probe_every_ms = 500,
		.probe_down_after = 2,
		.registrar = {.realm = DOMAIN,
			.domains = &DOMAIN,
			.domain_count = 1,
			.min_expires_s = 10,
			.max_expires_s = 3600,
			.default_expires_s = 600,
			.flow_timer_s = 90,
			.nonce_life_s = 60},
	};
	return core_open(&options, &core, &failed);
}

// The port may have been taken by somebody else meanwhile.
static void setup(void)
{
	int status = -1;

	base = event_base_new();
	cr_assert(eq(int, resolver_open(base, "127.0.0.1:1", &resolver), 0));
	for (unsigned i = 0; i < 100 && status != 0; i++)
		status = core_try();
	cr_assert(eq(int, status, 0));
}

static void teardown(void)
{
	core_close(core);
	resolver_close(resolver);
	event_base_free(base);
}

TestSuite(core_streams, .init = setup, .fini = teardown, .timeout = 60);

static void run_loop(void)
{
	struct timeval tick = {.tv_usec = 5000};

	event_base_loopexit(base, &tick);
	event_base_dispatch(base);
}

static struct sockaddr_in address_of(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
}

static int phone_connect(void)
{
	struct sockaddr_in address = address_of(listeners[0].address.port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert(eq(int, connect(fd, (struct sockaddr *)&address, sizeof(address)), 0));
	return fd;
}

static int connection_take(int listening)
{
	int fd = -1;

	for (unsigned i = 0; i < 200 && fd < 0; i++) {
		run_loop();
		fd = accept(listening, NULL, NULL);
	}
	cr_assert(ge(int, fd, 0));
	return fd;
}

static void send_text(int fd, const char *text)
{
	cr_assert(eq(sz, (size_t)write(fd, text, strlen(text)), strlen(text)));
}

// What comes until `end` has come; "" if the other side closes first, or nothing more comes.
static const char *receive(int fd, const char *end)
{
	size_t length = 0;

	for (unsigned i = 0; i < 200; i++) {
		run_loop();
		ssize_t part = recv(fd, got + length, sizeof(got) - 1 - length, MSG_DONTWAIT);
		if (part == 0)
			return "";
		length += part > 0 ? (size_t)part : 0;
		got[length] = 0;
		if (length > 0 && strstr(got, end) != NULL)
			return got;
	}
	return "";
}

static void assert_holds(const char *text, const char *part)
{
	cr_assert(strstr(text, part) != NULL, "'%s' is not in\n%s", part, text);
}

static void register_alice(int fd, const char *lines)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/TCP "
		"192.168.0.7;branch=z9hG4bKr;rport\r\nFrom: <sip:alice@example.test>;tag=1\r\n"
		"To: <sip:alice@example.test>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n"
		"Supported: path, outbound\r\n%sContent-Length: 0\r\n\r\n",
		lines);
	send_text(fd, text);
	assert_holds(receive(fd, "Content-Length: 0\r\n\r\n"), "SIP/2.0 200 OK\r\n");
}

#define FLOW \
	"Contact: <sip:alice@192.168.0.7:5062;transport=tcp>;+sip.instance=\"<urn:uuid:1>\";" \
	"reg-id=1\r\n"

static void invite(int fd, unsigned body)
{
	static unsigned number; // every one is another transaction
	static char text[TEXT_MAX];
	int length = snprintf(text, sizeof(text),
		"INVITE sip:alice@example.test SIP/2.0\r\nVia: SIP/2.0/TCP "
		"192.168.0.8;branch=z9hG4bKi%u;rport\r\nMax-Forwards: 70\r\n"
		"From: <sip:bob@example.test>;tag=b\r\nTo: <sip:alice@example.test>\r\n"
		"Call-ID: i\r\nCSeq: 1 INVITE\r\nContact: <sip:bob@192.168.0.8;transport=tcp>\r\n"
		"Content-Length: %u\r\n\r\n",
		++number, body);

	memset(text + length, 'x', body);
	text[(unsigned)length + body] = 0;
	send_text(fd, text);
}

Test(core_streams, a_phone_is_called_by_its_connection_and_is_gone_with_it)
{
	int alice = phone_connect(), bob = phone_connect();

	register_alice(alice, FLOW);
	assert_holds(got, "Require: outbound\r\nFlow-Timer: 90\r\n");
	invite(bob, 4);
	assert_holds(receive(bob, "\r\n\r\n"), "SIP/2.0 100 Trying\r\n");
	const char *text = receive(alice, "\r\n\r\nxxxx");
	assert_holds(text, "INVITE sip:alice@192.168.0.7:5062;transport=tcp SIP/2.0\r\n");
	char via[96];
	snprintf(via, sizeof(via), "\r\nVia: SIP/2.0/TCP %s;", core_text);
	assert_holds(text, via);
	snprintf(via, sizeof(via), "@%s;transport=tcp;lr>, <sip:", core_text);
	assert_holds(text, via);
	close(alice);
	for (unsigned i = 0; i < 100 && core_count(core)->flows_closed == 0; i++)
		run_loop();
	cr_assert(eq(u64, core_count(core)->flows_closed, 1));
	receive(bob, "\r\n\r\n");
	invite(bob, 4);
	assert_holds(receive(bob, "SIP/2.0 480 "), "SIP/2.0 480 ");
	close(bob);
}

Test(core_streams, keep_alives_are_answered_and_what_has_no_end_is_refused)
{
	int phone = phone_connect();

	send_text(phone, "\r\n\r\n");
	assert_holds(receive(phone, "\r\n"), "\r\n");
	send_text(phone,
		"OPTIONS sip:example.test SIP/2.0\r\nVia: SIP/2.0/TCP a.test;branch=z9hG4bK1\r\n"
		"From: <sip:a@a.test>;tag=1\r\nTo: <sip:example.test>\r\nCall-ID: 1\r\n"
		"CSeq: 1 OPTIONS\r\n\r\n");
	assert_holds(receive(phone, "\r\n\r\n"), "SIP/2.0 400 ");
	cr_assert(eq(str, (char *)receive(phone, "\r\n"), ""));
	close(phone);
}

Test(core_streams, a_path_with_transport_tcp_is_reached_by_one_connection)
{
	int edge, unused;
	uint16_t port = port_take(&edge, &unused);
	int phone = phone_connect(), bob = phone_connect();
	char path[256];

	cr_assert(eq(int, listen(edge, 10), 0));
	snprintf(path, sizeof(path), "Path: <sip:token@127.0.0.1:%u;transport=tcp;lr;ob>\r\n" FLOW,
		port);
	register_alice(phone, path);
	invite(bob, LARGE);
	int first = connection_take(edge);
	receive(first, "\r\n\r\nxxxx");
	snprintf(path, sizeof(path), "Route: <sip:token@127.0.0.1:%u;transport=tcp;lr;ob>\r\n",
		port);
	assert_holds(got, path);
	size_t length = strlen(got);
	for (unsigned i = 0; i < 200 && length < LARGE; i++) {
		run_loop();
		ssize_t part = recv(first, got + length, sizeof(got) - 1 - length, MSG_DONTWAIT);
		length += part > 0 ? (size_t)part : 0;
	}
	cr_assert(gt(sz, length, LARGE));
	invite(bob, 4);
	assert_holds(receive(first, "\r\n\r\nxxxx"), "INVITE ");
	cr_assert(lt(int, accept(edge, NULL, NULL), 0));
	// It dies: its requests fail at once, and nobody else takes them.
	close(first);
	close(edge);
	assert_holds(receive(bob, "SIP/2.0 500 "), "SIP/2.0 500 ");
	close(bob);
	close(unused);
	close(phone);
}

Test(core_streams, a_large_request_for_an_edge_without_tcp_goes_by_udp)
{
	int deaf, edge; // what is bound and does not listen refuses
	uint16_t port = port_take(&deaf, &edge);
	int phone = phone_connect(), bob = phone_connect();
	char path[256];

	snprintf(path, sizeof(path), "Path: <sip:token@127.0.0.1:%u;lr;ob>\r\n" FLOW, port);
	register_alice(phone, path);
	invite(bob, LARGE);
	assert_holds(receive(edge, "\r\n\r\nxxxx"), "\r\nVia: SIP/2.0/UDP ");
	cr_assert(eq(u64, proxy_count(core_proxy(core))->large, 1));
	// It is not asked again for a while.
	invite(bob, LARGE);
	assert_holds(receive(edge, "\r\n\r\nxxxx"), "\r\nVia: SIP/2.0/UDP ");
	cr_assert(eq(u64, proxy_count(core_proxy(core))->large, 1));
	close(edge);
	close(deaf);
	close(phone);
	close(bob);
}

Test(core_streams, an_answer_finds_another_connection_when_its_own_has_closed)
{
	int caller, unused;
	uint16_t port = port_take(&caller, &unused);
	int alice = phone_connect(), bob = phone_connect();
	char text[2048], vias[1024];

	cr_assert(eq(int, listen(caller, 10), 0));
	register_alice(alice, FLOW);
	snprintf(text, sizeof(text),
		"MESSAGE sip:alice@example.test SIP/2.0\r\nVia: SIP/2.0/TCP "
		"127.0.0.1:%u;branch=z9hG4bKm;rport\r\nMax-Forwards: 70\r\n"
		"From: <sip:bob@example.test>;tag=b\r\nTo: <sip:alice@example.test>\r\n"
		"Call-ID: m\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
		port);
	send_text(bob, text);
	const char *request = receive(alice, "\r\n\r\n");
	assert_holds(request, "MESSAGE ");
	const char *begin = strstr(request, "Via:"), *end = strstr(request, "Max-Forwards");
	snprintf(vias, sizeof(vias), "%.*s", (int)(end - begin), begin);
	close(bob);
	for (unsigned i = 0; i < 20; i++)
		run_loop();
	snprintf(text, sizeof(text),
		"SIP/2.0 200 OK\r\n%sFrom: <sip:bob@example.test>;tag=b\r\n"
		"To: <sip:alice@example.test>;tag=a\r\nCall-ID: m\r\nCSeq: 1 MESSAGE\r\n"
		"Content-Length: 0\r\n\r\n",
		vias);
	send_text(alice, text);
	int back = connection_take(caller);
	assert_holds(receive(back, "\r\n\r\n"), "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.1:");
	close(back);
	close(caller);
	close(unused);
	close(alice);
}
