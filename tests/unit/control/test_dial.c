// Connections that stream threads open, to a server that the test plays. The main loop is the test.

#include "certificate_maker.h"
#include "streams/streams.h"

#include <weir/side.h>

#include <criterion/new/assert.h>
#include <openssl/err.h>

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

enum {
	SLOT = 3,
	CORE_TCP = 1,
	CORE_TLS = 2,
	PATIENCE_MS = 10000,
};

static struct made_certificate authority, ours, theirs;
static struct config_tls entry;
static struct config config = {.tls = {.items = &entry, .count = 1}};
static struct event_base *base;
static struct streams *streams;
static struct stream_listener listeners[2];
static struct stream_mail *came; // the last
static int ear = -1;
static struct endpoint target;
static SSL_CTX *context;
static int line = -1; // the connection at the server
static SSL *ssl;

static void mail_note(void *argument, struct stream_mail *mail)
{
	came = mail;
	event_base_loopbreak(base);
}

static void listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}};
	socklen_t length = sizeof(address);

	ear = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(bind(ear, (struct sockaddr *)&address, length) == 0 && listen(ear, 8) == 0);
	cr_assert(eq(int, getsockname(ear, (struct sockaddr *)&address, &length), 0));
	target = (struct endpoint){
		.address = {127, 0, 0, 1}, .port = ntohs(address.sin_port), .family = ENDPOINT_V4};
}

static void streams_start(void)
{
	struct tls_fault fault;
	struct tls_set *set;
	unsigned failed;

	entry = (struct config_tls){.name = SPAN("core"),
		.certificate = ours.certificate_path,
		.key = ours.key_path,
		.ca = authority.certificate_path};
	cr_assert(eq(int, tls_set_new(&config, &set, &fault), 0));
	for (unsigned i = 0; i < 2; i++)
		listeners[i] = (struct stream_listener){.id = (uint8_t)(CORE_TCP + i),
			.side = SIDE_CORE,
			.transport = i == 0 ? TRANSPORT_TCP : TRANSPORT_TLS,
			.address = {.address = {127, 0, 0, 2}, .family = ENDPOINT_V4},
			.tls = i == 0 ? span_of(NULL, 0) : SPAN("core")};
	const struct streams_options options = {.base = base,
		.listeners = listeners,
		.listener_count = 2,
		.threads = 1,
		.limits = {.connections = 8,
			.per_source = 8,
			.message_octets = 16384,
			.write_octets = 65536,
			.first_ms = 10000,
			.header_ms = 1000,
			.write_ms = 1000,
			.idle_ms = 60000,
			.keepalive_ms = 60000,
			.flows = SLOT + 1},
		.tls = set,
		.mail = mail_note};
	cr_assert(eq(int, streams_open(&options, &streams, &failed), 0));
}

static void setup(void)
{
	const struct made_name edge = {GEN_DNS, SPAN("edge1.test")};

	// Who is refused hangs up in the middle of the handshake.
	signal(SIGPIPE, SIG_IGN);
	certificate_make(&authority, NULL, NULL, 0);
	certificate_make(&ours, &authority, &edge, 1);
	base = event_base_new();
	listen_somewhere();
	streams_start();
}

static void teardown(void)
{
	streams_close(streams);
	event_base_free(base);
	SSL_free(ssl);
	SSL_CTX_free(context);
	if (line >= 0)
		close(line);
	close(ear);
	certificate_drop(&ours);
	certificate_drop(&authority);
}

TestSuite(dial, .init = setup, .fini = teardown, .timeout = 60);

static void give_up(evutil_socket_t fd, short what, void *argument)
{
	event_base_loopbreak(base);
}

// The next mail of the thread; NULL: none came in time.
static struct stream_mail *mail_wait(void)
{
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	struct event *timer = evtimer_new(base, give_up, NULL);

	evtimer_add(timer, &patience);
	came = NULL;
	event_base_dispatch(base);
	event_free(timer);
	return came;
}

static void call(uint8_t listener, struct span host, uint32_t silent_ms)
{
	struct stream_dial dial = {.outlet = 77,
		.silent_ms = silent_ms,
		.listener = listener,
		.target = target,
		.host_length = (uint8_t)host.length};

	if (host.length > 0)
		memcpy(dial.host, host.octets, host.length);
	cr_assert(eq(int, streams_dial(streams, &dial), 0));
}

static void answer(void)
{
	struct pollfd ready = {.fd = ear, .events = POLLIN};

	cr_assert(eq(int, poll(&ready, 1, PATIENCE_MS), 1));
	line = accept(ear, NULL, NULL);
	cr_assert(line >= 0);
}

static void flow_give(struct stream_mail *mail)
{
	mail->slot = SLOT;
	mail->generation = 9;
	mail->refusal = REFUSAL_NONE;
	streams_reply(streams, mail);
}

static void assert_closed(enum stream_end end, uint32_t generation)
{
	struct stream_mail *mail = mail_wait();

	cr_assert(ne(ptr, mail, NULL));
	cr_assert(eq(int, mail->type, MAIL_CLOSED));
	cr_assert(eq(u32, mail->outlet, 77));
	cr_assert(eq(u32, mail->generation, generation));
	cr_assert(eq(int, mail->end, end), "%s", stream_end_words[mail->end]);
	mail_free(mail);
}

Test(dial, a_connection_stands_comes_from_the_listeners_address_and_its_end_is_told)
{
	struct sockaddr_in from;
	socklen_t length = sizeof(from);

	call(CORE_TCP, span_of(NULL, 0), 60000);
	answer();
	cr_assert(eq(int, getpeername(line, (struct sockaddr *)&from, &length), 0));
	cr_assert(eq(u32, ntohl(from.sin_addr.s_addr), 0x7f000002));
	struct stream_mail *mail = mail_wait();

	cr_assert(ne(ptr, mail, NULL));
	cr_assert(eq(int, mail->type, MAIL_OPEN));
	cr_assert(eq(u32, mail->outlet, 77));
	cr_assert(eq(int, mail->listener, CORE_TCP));
	cr_assert(eq(int, mail->transport, TRANSPORT_TCP));
	cr_assert(endpoint_equal(&mail->peer, &target));
	cr_assert(not(mail->mutual));
	flow_give(mail);
	close(line);
	line = -1;
	assert_closed(STREAM_END_PEER, 9);
}

Test(dial, nobody_there_is_told_too)
{
	close(ear);
	call(CORE_TCP, span_of(NULL, 0), 60000);
	assert_closed(STREAM_END_UNREACHABLE, 0);
}

Test(dial, without_a_flow_it_ends)
{
	call(CORE_TCP, span_of(NULL, 0), 60000);
	answer();
	struct stream_mail *mail = mail_wait();

	cr_assert(ne(ptr, mail, NULL));
	mail->refusal = REFUSAL_NO_ROOM;
	streams_reply(streams, mail);
	assert_closed(STREAM_END_REFUSED, 0);
}

Test(dial, it_is_closed_by_its_flow)
{
	call(CORE_TCP, span_of(NULL, 0), 60000);
	answer();
	flow_give(mail_wait());
	cr_assert(eq(int, streams_hang_up(streams, 0, SLOT, 8), 0)); // another one's
	cr_assert(eq(int, streams_hang_up(streams, 0, SLOT, 9), 0));
	assert_closed(STREAM_END_STOP, 9);
}

// --- TLS ---

static void certify(const struct made_name *names, size_t count, const struct made_certificate *by)
{
	certificate_make(&theirs, by, names, count);
	context = SSL_CTX_new(TLS_server_method());
	cr_assert(SSL_CTX_use_certificate_file(context, theirs.certificate_path, SSL_FILETYPE_PEM)
		== 1);
	cr_assert(SSL_CTX_use_PrivateKey_file(context, theirs.key_path, SSL_FILETYPE_PEM) == 1);
	certificate_drop(&theirs);
}

static int take_any(X509_STORE_CTX *store, void *argument)
{
	return 1;
}

static void shake(void)
{
	answer();
	ssl = SSL_new(context);
	SSL_set_fd(ssl, line);
	SSL_set_accept_state(ssl);
	(void)SSL_do_handshake(ssl);
	ERR_clear_error();
}

Test(dial, the_host_is_asked_for_and_our_certificate_shown_to_who_wants_it)
{
	const struct made_name name = {GEN_DNS, SPAN("core.test")};

	for (unsigned wants = 0; wants < 2; wants++) {
		certify(&name, 1, &authority);
		if (wants == 1)
			SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(context, take_any, NULL);
		call(CORE_TLS, SPAN("core.test"), 60000);
		shake();
		struct stream_mail *mail = mail_wait();

		cr_assert(ne(ptr, mail, NULL));
		cr_assert(eq(int, mail->type, MAIL_OPEN));
		cr_assert(eq(int, mail->mutual, wants == 1));
		cr_assert(eq(str, (char *)SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
			"core.test"));
		cr_assert(eq(int, SSL_get0_peer_certificate(ssl) != NULL, wants == 1));
		flow_give(mail);
		SSL_free(ssl);
		ssl = NULL;
		SSL_CTX_free(context);
		context = NULL;
		close(line);
		line = -1;
		struct stream_mail *end = mail_wait();

		cr_assert(ne(ptr, end, NULL));
		mail_free(end);
	}
}

static void assert_refused(const struct made_name *names, size_t count)
{
	certify(names, count, &authority);
	call(CORE_TLS, SPAN("core.test"), 60000);
	shake();
	assert_closed(STREAM_END_IMPOSTOR, 0);
	SSL_free(ssl);
	ssl = NULL;
	SSL_CTX_free(context);
	context = NULL;
	close(line);
	line = -1;
}

// RFC 5922 section 7.2: no wildcards; a NUL is an octet like any other; a `sip` URI goes before DNS names; the common name says nothing.
Test(dial, a_certificate_of_any_other_name_is_refused)
{
	static const struct made_name nul = {GEN_DNS, SPAN("core.test\0.evil.test")};
	static const struct made_name nul_uri = {GEN_URI, SPAN("sip:core.test\0.evil.test")};
	static const struct made_name wild = {GEN_DNS, SPAN("*.test")};
	static const struct made_name other = {GEN_DNS, SPAN("core2.test")};
	static const struct made_name both[] = {
		{GEN_URI, SPAN("sip:other.test")}, {GEN_DNS, SPAN("core.test")}};

	assert_refused(&nul, 1);
	assert_refused(&nul_uri, 1);
	assert_refused(&wild, 1);
	assert_refused(&other, 1);
	assert_refused(both, 2);
	assert_refused(NULL, 0);
}

Test(dial, a_certificate_that_nobody_vouches_for_is_refused)
{
	const struct made_name name = {GEN_DNS, SPAN("core.test")};
	struct made_certificate stranger;

	certificate_make(&stranger, NULL, NULL, 0);
	certify(&name, 1, &stranger);
	call(CORE_TLS, SPAN("core.test"), 60000);
	shake();
	assert_closed(STREAM_END_IMPOSTOR, 0);
	certificate_drop(&stranger);
}
