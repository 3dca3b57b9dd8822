// The core role on loopback sockets:
//
//     caller ---- core ---- edge (where Paths lead)
//
// caller and edge are plain sockets of this test; what the core sends them is compared.

#include "core/core.h"
#include "port_choice.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct span DOMAIN = {(const uint8_t *)"example.test", 12};
static struct event_base *base;
static struct resolver *resolver;
static struct core *core;
static struct endpoint listener;
static struct trunk_listener listeners[1];
static char core_text[32]; // 127.0.0.1:port
static int caller, edge;
static uint16_t caller_port, edge_port;
static char got[8192];

static int socket_open(uint16_t *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	cr_assert(eq(int, bind(fd, (struct sockaddr *)&address, length), 0));
	getsockname(fd, (struct sockaddr *)&address, &length);
	*port = ntohs(address.sin_port);
	return fd;
}

static void open_core(bool record_route)
{
	uint16_t port = port_choose();
	int failed;

	caller = socket_open(&caller_port);
	edge = socket_open(&edge_port);
	listener =
		(struct endpoint){.address = {127, 0, 0, 1}, .port = port, .family = ENDPOINT_V4};
	int length = snprintf(core_text, sizeof(core_text), "127.0.0.1:%u", port);
	struct span name = span_of(core_text, (size_t)length);
	listeners[0] = (struct trunk_listener){.address = listener, .transport = TRANSPORT_UDP};
	const struct core_options options = {
		.base = base,
		.resolver = resolver,
		.listeners = listeners,
		.listener_count = 1,
		.names = {[TRANSPORT_UDP] = {name, name}},
		.record_route = record_route,
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
			.nonce_life_s = 60},
	};
	cr_assert(eq(int, core_open(&options, &core, &failed), 0));
}

static void setup(void)
{
	base = event_base_new();
	cr_assert(eq(int, resolver_open(base, "127.0.0.1:1", &resolver), 0));
}

static void teardown(void)
{
	core_close(core);
	resolver_close(resolver);
	event_base_free(base);
	close(caller);
	close(edge);
}

static void send_from(int fd, const char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(listener.port)};

	cr_assert(gt(int,
		(int)sendto(
			fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof(address)),
		0));
}

// The next message at a socket, "" if there is none within a moment.
static const char *receive(int fd)
{
	struct timeval tick = {.tv_usec = 5000};

	for (unsigned i = 0; i < 40; i++) {
		event_base_loopexit(base, &tick);
		event_base_dispatch(base);
		ssize_t length = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
		if (length >= 0) {
			got[length] = 0;
			return got;
		}
	}
	return "";
}

static void assert_holds(const char *text, const char *part)
{
	cr_assert(strstr(text, part) != NULL, "'%s' is not in\n%s", part, text);
}

static void register_alice(void)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"REGISTER sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP "
		"edge.test;branch=z9hG4bKr;rport\r\n"
		"Path: <sip:token@127.0.0.1:%u;lr;ob>\r\nFrom: <sip:alice@example.test>;tag=1\r\n"
		"To: <sip:alice@example.test>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\nSupported: "
		"path\r\n"
		"Contact: <sip:alice@10.1.1.1:5070>\r\nContent-Length: 0\r\n\r\n",
		edge_port);
	send_from(edge, text);
	assert_holds(receive(edge), "SIP/2.0 200 OK\r\n");
}

static const char *invite(const char *target, const char *extra)
{
	static char text[2048];
	static unsigned number; // every one is another transaction

	snprintf(text, sizeof(text),
		"INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKi%u;rport\r\n%s"
		"Max-Forwards: 70\r\nFrom: <sip:bob@example.test>;tag=b\r\nTo: <%s>\r\nCall-ID: "
		"i\r\n"
		"CSeq: 1 INVITE\r\nContact: <sip:bob@10.9.9.9>\r\nContent-Length: 4\r\n\r\nbody",
		target, ++number, extra, target);
	return text;
}

Test(core, sends_a_request_for_an_aor_along_its_path, .init = setup, .fini = teardown)
{
	char expected[256];

	open_core(true);
	register_alice();
	send_from(caller, invite("sip:alice@example.test", ""));
	const char *text = receive(edge);
	assert_holds(text, "INVITE sip:alice@10.1.1.1:5070 SIP/2.0\r\n");
	snprintf(
		expected, sizeof(expected), "Route: <sip:token@127.0.0.1:%u;lr;ob>\r\n", edge_port);
	assert_holds(text, expected);
	snprintf(expected, sizeof(expected), "Record-Route: <sip:%s;lr>\r\n", core_text);
	assert_holds(text, expected);
	snprintf(expected, sizeof(expected),
		"Via: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKi1;received=127.0.0.1;rport=%u\r\n",
		caller_port);
	assert_holds(text, expected);
	assert_holds(text, "Max-Forwards: 69\r\n");
	assert_holds(text, "\r\n\r\nbody");
}

Test(core, brings_the_response_back_along_the_vias, .init = setup, .fini = teardown)
{
	char response[4096];

	open_core(false);
	register_alice();
	send_from(caller, invite("sip:alice@example.test", ""));
	const char *text = receive(edge);
	const char *vias = strstr(text, "Via:");
	const char *end = strstr(text, "Max-Forwards");
	snprintf(response, sizeof(response),
		"SIP/2.0 180 Ringing\r\n%.*sFrom: <sip:bob@example.test>;tag=b\r\n"
		"To: <sip:alice@example.test>;tag=a\r\nCall-ID: i\r\nCSeq: 1 "
		"INVITE\r\nContent-Length: 0\r\n\r\n",
		(int)(end - vias), vias);
	cr_assert(eq(ptr, strstr(text, "Record-Route"), NULL));
	send_from(edge, response);
	assert_holds(receive(caller), "SIP/2.0 100 Trying\r\n");
	const char *back = receive(caller);
	assert_holds(back, "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 10.9.9.9:5060;");
	cr_assert(eq(ptr, strstr(back, core_text), NULL));
}

Test(core, follows_the_route_of_a_request_in_a_dialog, .init = setup, .fini = teardown)
{
	char routes[256], expected[128];

	open_core(true);
	snprintf(routes, sizeof(routes), "Route: <sip:%s;lr>, <sip:t2@127.0.0.1:%u;lr>\r\n",
		core_text, edge_port);
	send_from(caller, invite("sip:alice@10.1.1.1:5070", routes));
	const char *text = receive(edge);
	assert_holds(text, "INVITE sip:alice@10.1.1.1:5070 SIP/2.0\r\n");
	snprintf(expected, sizeof(expected), "Route: <sip:t2@127.0.0.1:%u;lr>\r\n", edge_port);
	assert_holds(text, expected);
}

Test(core, takes_the_destination_out_of_the_last_route_behind_a_strict_router, .init = setup,
	.fini = teardown)
{
	char target[64], routes[256], expected[128];

	open_core(true);
	snprintf(target, sizeof(target), "sip:%s;lr", core_text);
	snprintf(routes, sizeof(routes),
		"Route: <sip:t2@127.0.0.1:%u;lr>, <sip:alice@10.1.1.1:5070>\r\n", edge_port);
	send_from(caller, invite(target, routes));
	const char *text = receive(edge);
	assert_holds(text, "INVITE sip:alice@10.1.1.1:5070 SIP/2.0\r\n");
	snprintf(expected, sizeof(expected), "\r\nRoute: <sip:t2@127.0.0.1:%u;lr>\r\n", edge_port);
	assert_holds(text, expected);
	assert_holds(text, "\r\n\r\nbody");
}

Test(core, a_request_for_the_core_itself_is_no_strict_routers, .init = setup, .fini = teardown)
{
	char target[64], routes[256];

	open_core(true);
	snprintf(target, sizeof(target), "sip:%s", core_text);
	snprintf(routes, sizeof(routes), "Route: <sip:%s;lr>\r\n", core_text);
	send_from(caller, invite(target, routes));
	assert_holds(receive(caller), "SIP/2.0 404 ");
}

Test(core, its_own_maddr_goes_with_port_and_transport_if_the_request_came_by_them, .init = setup,
	.fini = teardown)
{
	char target[128];

	open_core(true);
	register_alice();
	snprintf(target, sizeof(target), "sip:alice@example.test:%u;maddr=127.0.0.1;transport=udp",
		listener.port);
	send_from(caller, invite(target, ""));
	assert_holds(receive(edge), "INVITE sip:alice@10.1.1.1:5070 SIP/2.0\r\n");
	assert_holds(receive(caller), "SIP/2.0 100 ");
	// By another port than that it is another place.
	send_from(caller, invite("sip:alice@example.test;maddr=127.0.0.2", ""));
	cr_assert(eq(str, (char *)receive(edge), ""));
}

Test(core, absorbs_a_retransmission_and_repeats_the_request_by_itself, .init = setup,
	.fini = teardown)
{
	char request[2048];
	char first[8192];

	open_core(false);
	register_alice();
	snprintf(request, sizeof(request), "%s", invite("sip:alice@example.test", ""));
	send_from(caller, request);
	snprintf(first, sizeof(first), "%s", receive(edge));
	assert_holds(first, "INVITE sip:alice@10.1.1.1:5070 SIP/2.0\r\n");
	assert_holds(receive(caller), "SIP/2.0 100 Trying\r\n");
	send_from(caller, request);
	assert_holds(receive(caller), "SIP/2.0 100 Trying\r\n");
	// Nothing more goes on because of it; what does is timer A's.
	for (unsigned i = 0; i < 8 && receive(edge)[0] == 0; i++)
		;
	cr_assert(eq(str, got, first));
	cr_assert(eq(u64, proxy_count_transactions(core_proxy(core))->absorbed, 1));
	cr_assert(eq(u64, proxy_count_transactions(core_proxy(core))->repeated, 1));
}

Test(core, hears_from_icmp_that_nobody_is_there, .init = setup, .fini = teardown)
{
	open_core(false);
	register_alice();
	close(edge);
	send_from(caller, invite("sip:alice@example.test", ""));
	assert_holds(receive(caller), "SIP/2.0 100 Trying\r\n");
	assert_holds(receive(caller), "SIP/2.0 500 ");
	edge = socket(AF_INET, SOCK_DGRAM, 0);
}

Test(core, answers_what_it_cannot_forward, .init = setup, .fini = teardown)
{
	open_core(true);
	send_from(caller, invite("sip:nobody@example.test", ""));
	assert_holds(receive(caller), "SIP/2.0 480 ");
	send_from(caller, invite("tel:+4912345", ""));
	assert_holds(receive(caller), "SIP/2.0 416 ");
	send_from(caller, invite("sip:example.test", ""));
	assert_holds(receive(caller), "SIP/2.0 404 ");
}

Test(core, hears_only_whom_its_listener_is_to_hear, .init = setup, .fini = teardown)
{
	static struct prefix others;

	cr_assert(prefix_parse(SPAN("192.0.2.0/24"), &others));
	open_core(true);
	listeners[0].allow = &others;
	listeners[0].allow_count = 1;
	send_from(caller, invite("sip:nobody@example.test", ""));
	cr_assert(eq(str, (char *)receive(caller), ""));
	cr_assert(eq(u64, core_count(core)->dropped, 1));
	listeners[0].allow_count = 0;
	send_from(caller, invite("sip:nobody@example.test", ""));
	assert_holds(receive(caller), "SIP/2.0 480 ");
}

Test(core, answers_options_and_drops_noise, .init = setup, .fini = teardown)
{
	open_core(true);
	send_from(caller, "\r\n\r\n");
	send_from(caller, "garbage that is no SIP message at all");
	send_from(caller,
		"OPTIONS sip:example.test SIP/2.0\r\nVia: SIP/2.0/UDP "
		"h;branch=z9hG4bKo;rport\r\nMax-Forwards: 0\r\n"
		"From: <sip:p@h>;tag=1\r\nTo: <sip:example.test>\r\nCall-ID: o\r\nCSeq: 1 "
		"OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n");
	assert_holds(receive(caller), "SIP/2.0 200 OK\r\n");
	cr_assert(eq(str, (char *)receive(caller), ""));
	cr_assert(eq(u64, core_count(core)->received, 3));
}
