// tls_fixture.h: handshakes in memory between a set's server and a client of the test's own.

#pragma once

#include "certificate_maker.h"
#include "tls/tls_set.h"

#include <criterion/new/assert.h>

static struct made_certificate authority, first, second, client_pair;
static struct config_tls entries[2];
static struct config config = {.tls = {.items = entries, .count = 2}};
static struct tls_set *set;
static SSL_CTX *context; // the client's
static SSL *server, *client;

static struct config_tls entry_of(struct span name, const struct made_certificate *made)
{
	return (struct config_tls){.name = name,
		.certificate = made->certificate_path,
		.key = made->key_path,
		.ca = authority.certificate_path};
}

static void set_make(void)
{
	struct tls_fault fault;

	cr_assert(eq(int, tls_set_new(&config, &set, &fault), 0));
}

static void setup(void)
{
	const struct made_name one = {GEN_DNS, SPAN("edge1.test")};
	const struct made_name two = {GEN_DNS, SPAN("edge2.test")};

	certificate_make(&authority, NULL, NULL, 0);
	certificate_make(&first, &authority, &one, 1);
	certificate_make(&second, &authority, &two, 1);
	certificate_make(&client_pair, &authority, NULL, 0);
	entries[0] = entry_of(SPAN("one"), &first);
	entries[1] = entry_of(SPAN("two"), &second);
	set_make();
	context = SSL_CTX_new(TLS_client_method());
	cr_assert(SSL_CTX_load_verify_locations(context, authority.certificate_path, NULL) == 1);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
}

static void hang_up(void)
{
	// As after a close on both sides: a session that was cut off is not offered again.
	if (client != NULL)
		SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(client);
	SSL_free(server);
	client = server = NULL;
}

static void teardown(void)
{
	hang_up();
	SSL_CTX_free(context);
	tls_set_release(set);
	certificate_drop(&client_pair);
	certificate_drop(&second);
	certificate_drop(&first);
	certificate_drop(&authority);
}

static void connect_both(SSL *accepting, SSL *connecting)
{
	BIO *one, *other;

	cr_assert(BIO_new_bio_pair(&one, 0, &other, 0) == 1);
	server = accepting;
	client = connecting;
	SSL_set_bio(server, one, one);
	SSL_set_bio(client, other, other);
}

// True when both are done.
static bool shake(void)
{
	for (unsigned turn = 0; turn < 10; turn++) {
		int one = SSL_do_handshake(client), other = SSL_do_handshake(server);

		if (one == 1 && other == 1)
			return true;
		if ((one != 1 && SSL_get_error(client, one) != SSL_ERROR_WANT_READ)
			|| (other != 1 && SSL_get_error(server, other) != SSL_ERROR_WANT_READ))
			return false;
	}
	return false;
}

static void call(const char *name)
{
	SSL *connecting = SSL_new(context);

	if (name != NULL)
		SSL_set_tlsext_host_name(connecting, name);
	SSL_set_connect_state(connecting);
	connect_both(tls_set_accept(set, SPAN("one")), connecting);
}

// One octet each way, so that what comes after the handshake has been read.
static void talk(void)
{
	char octet = 'x';

	cr_assert(eq(int, SSL_write(server, &octet, 1), 1));
	cr_assert(eq(int, SSL_read(client, &octet, 1), 1));
	cr_assert(eq(int, SSL_write(client, &octet, 1), 1));
	cr_assert(eq(int, SSL_read(server, &octet, 1), 1));
}
