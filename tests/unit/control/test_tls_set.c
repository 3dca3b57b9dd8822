// Handshakes in memory between a set's server and a client of the test's own.

#include "host_openssl.h"
#include "tls/tls_names.h"
#include "tls_fixture.h"

#include <criterion/new/assert.h>
#include <openssl/err.h>

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(tls_set, .init = setup, .fini = teardown);

Test(tls_set, speaks_tls_1_3_and_1_2_and_nothing_older)
{
	static const struct {
		int version;
		bool spoken;
	} cases[] = {{TLS1_3_VERSION, true}, {TLS1_2_VERSION, true}, {TLS1_1_VERSION, false},
		{TLS1_VERSION, false}};

	SSL_CTX_set_security_level(context, 0);
	for (unsigned i = 0; i < 4; i++) {
		SSL_CTX_set_min_proto_version(context, cases[i].version);
		SSL_CTX_set_max_proto_version(context, cases[i].version);
		call(NULL);
		cr_assert(eq(int, shake(), cases[i].spoken), "%x", cases[i].version);
		hang_up();
	}
}

Test(tls_set, takes_no_cipher_without_forward_secrecy)
{
	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	cr_assert(SSL_CTX_set_cipher_list(context, "kRSA:ECDHE+SHA1") == 1);
	call(NULL);
	cr_assert(not(shake()));
}

Test(tls_set, shows_the_certificate_that_the_phone_asks_for_and_else_the_listeners)
{
	static const struct {
		const char *asked;
		struct span shown;
	} cases[] = {{"edge1.test", SPAN("edge1.test")}, {"edge2.test", SPAN("edge2.test")},
		{"weir.test", SPAN("edge1.test")}, {NULL, SPAN("edge1.test")}};

	for (unsigned i = 0; i < 4; i++) {
		call(cases[i].asked);
		cr_assert(shake());
		cr_assert(tls_peer_is(client, cases[i].shown));
		hang_up();
	}
}

Test(tls_set, refuses_renegotiation)
{
	char octet;

	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	call(NULL);
	cr_assert(shake());
	cr_assert(eq(int, SSL_renegotiate(client), 1));
	(void)SSL_do_handshake(client);
	(void)SSL_read(server, &octet, 1);
	cr_assert(not(eq(int, SSL_do_handshake(client), 1)));
	cr_assert(eq(int, SSL_num_renegotiations(server), 0));
}

Test(tls_set, leaves_no_record_to_the_kernel_whatever_openssl_cnf_says)
{
	SSL_CTX *other;

	host_openssl_set("KTLS");
	other = SSL_CTX_new(TLS_client_method());
	cr_assert(ne(u64, SSL_CTX_get_options(other) & SSL_OP_ENABLE_KTLS, 0));
	SSL_CTX_free(other);
	tls_set_release(set);
	set_make();
	connect_both(tls_set_accept(set, SPAN("two")),
		tls_set_connect(set, SPAN("one"), SPAN("edge2.test")));
	cr_assert(eq(u64, SSL_get_options(server) & SSL_OP_ENABLE_KTLS, 0));
	cr_assert(eq(u64, SSL_get_options(client) & SSL_OP_ENABLE_KTLS, 0));
}

// How often the server reads before it has the octet that follows.
static unsigned reads_until_octet(void)
{
	unsigned reads = 1;
	char octet;

	while (SSL_read(server, &octet, 1) != 1) {
		cr_assert(eq(int, SSL_get_error(server, -1), SSL_ERROR_WANT_READ));
		reads++;
	}
	return reads;
}

// Each costs more to read than to send: who sends nothing else must not have the thread for himself.
Test(tls_set, reads_one_key_update_at_a_time)
{
	enum { UPDATES = 100 };

	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	call(NULL);
	cr_assert(shake());
	talk();
	for (unsigned i = 0; i < UPDATES; i++) {
		cr_assert(eq(int, SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED), 1));
		cr_assert(eq(int, SSL_do_handshake(client), 1));
	}
	cr_assert(eq(int, SSL_write(client, "x", 1), 1));
	cr_assert(gt(uint, reads_until_octet(), UPDATES));
}

Test(tls_set, offers_no_compression_and_no_early_data)
{
	call(NULL);
	cr_assert(shake());
	talk();
	cr_assert(SSL_get_current_compression(server) == NULL);
	cr_assert(eq(int, (int)SSL_SESSION_get_max_early_data(SSL_get_session(client)), 0));
	cr_assert(eq(int, (int)SSL_get_max_early_data(server), 0));
}

static bool shake_with_client_certificate(bool shown)
{
	tls_set_release(set);
	set_make();
	call("edge2.test");
	if (shown) {
		cr_assert(SSL_use_certificate_file(
				  client, client_pair.certificate_path, SSL_FILETYPE_PEM)
			== 1);
		cr_assert(SSL_use_PrivateKey_file(client, client_pair.key_path, SSL_FILETYPE_PEM)
			== 1);
	}
	bool done = shake() && SSL_is_init_finished(server);

	hang_up();
	return done;
}

// Entry "two", which the phone asks for, requires nothing: the listener's entry counts.
Test(tls_set, asks_phones_for_a_certificate_as_the_listeners_entry_says)
{
	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	entries[0].client_auth = CLIENT_AUTH_REQUIRED;
	cr_assert(not(shake_with_client_certificate(false)));
	cr_assert(shake_with_client_certificate(true));
	entries[0].client_auth = CLIENT_AUTH_OPTIONAL;
	cr_assert(shake_with_client_certificate(false));
	cr_assert(shake_with_client_certificate(true));
}

Test(tls_set, believes_no_client_whose_certificate_is_a_strangers)
{
	struct made_certificate stranger;

	certificate_make(&stranger, NULL, NULL, 0);
	certificate_drop(&client_pair);
	client_pair = stranger;
	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	entries[0].client_auth = CLIENT_AUTH_OPTIONAL;
	cr_assert(not(shake_with_client_certificate(true)));
}

Test(tls_set, lives_as_long_as_somebody_holds_it)
{
	struct tls_set *held = tls_set_hold(set);

	tls_set_release(set);
	set = held;
	call("edge2.test");
	cr_assert(shake());
	cr_assert(tls_peer_is(client, SPAN("edge2.test")));
}

Test(tls_set, connects_to_proxies_and_believes_their_names_alone)
{
	connect_both(tls_set_accept(set, SPAN("two")),
		tls_set_connect(set, SPAN("one"), SPAN("edge2.test")));
	cr_assert(shake());
	cr_assert(tls_peer_is(client, SPAN("edge2.test")));
	cr_assert(not(tls_peer_is(client, SPAN("edge3.test"))));
	hang_up();
	connect_both(tls_set_accept(set, SPAN("two")),
		tls_set_connect(set, SPAN("one"), SPAN("192.0.2.1")));
	cr_assert(shake());
	cr_assert(SSL_get_servername(client, TLSEXT_NAMETYPE_host_name) == NULL);
}

Test(tls_set, has_nothing_for_an_entry_that_there_is_not)
{
	cr_assert(tls_set_accept(set, SPAN("three")) == NULL);
	cr_assert(tls_set_connect(set, SPAN("on"), SPAN("edge1.test")) == NULL);
	cr_assert(tls_set_certificate(set, SPAN("")) == NULL);
	cr_assert(tls_names_cover(tls_set_certificate(set, SPAN("two")), SPAN("edge2.test")));
}

// With a terminal, at which nobody answers.
Test(tls_set, asks_nobody_for_the_passphrase_of_a_key, .timeout = 30)
{
	FILE *file = fopen(second.key_path, "w");
	int terminal, status;

	cr_assert(file != NULL);
	cr_assert(eq(int,
		PEM_write_PKCS8PrivateKey(
			file, second.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
		1));
	fclose(file);
	pid_t child = forkpty(&terminal, NULL, NULL, NULL);

	if (child == 0) {
		struct tls_set *none = NULL;
		struct tls_fault fault;

		alarm(10);
		_exit(tls_set_new(&config, &none, &fault) == -EINVAL
					&& fault.member == &entries[1].key
				? 0
				: 1);
	}
	cr_assert(eq(int, waitpid(child, &status, 0), child));
	close(terminal);
	cr_assert(eq(int, status, 0));
}

static void expect_fault(const void *member)
{
	struct tls_set *none = NULL;
	struct tls_fault fault;

	cr_assert(eq(int, tls_set_new(&config, &none, &fault), -EINVAL));
	cr_assert(none == NULL && fault.entry == &entries[1] && fault.member == member);
	cr_assert(strlen(fault.what) > 10);
}

Test(tls_set, is_not_made_of_files_that_are_missing_or_belong_to_others)
{
	entries[1].certificate = "/no/such/file.pem";
	expect_fault(&entries[1].certificate);
	entries[1] = entry_of(SPAN("two"), &second);
	entries[1].key = first.key_path;
	expect_fault(&entries[1].key);
	entries[1].key = first.certificate_path;
	expect_fault(&entries[1].key);
	entries[1] = entry_of(SPAN("two"), &second);
	entries[1].ca = second.key_path;
	expect_fault(&entries[1].ca);
}
