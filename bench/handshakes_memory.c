// handshakes_memory.c: OpenSSL against itself over a pair of BIOs, with the settings that weir-control has.

#include "handshakes.h"

#include <openssl/err.h>

#include <stdio.h>
#include <time.h>

enum {
	ROUNDS_MAX = 16, // a handshake takes three at most
	BIO_ROOM = 32768,
};

struct memory {
	SSL_CTX *server;
	SSL_CTX *client;
	SSL_SESSION *session; // to be resumed; NULL: none
	bool fresh; // the session is to be taken
	uint64_t server_ns; // spent for the server
	uint64_t done;
};

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void agreement_write(SSL *client, char how[64])
{
	// A resumed session of TLS 1.2 agrees upon no new key, and remembers the old one's group.
	bool keyed = SSL_version(client) == TLS1_3_VERSION || !SSL_session_reused(client);

	snprintf(how, 64, "%s%s%s", SSL_get_cipher_name(client), keyed ? ", " : "",
		keyed ? OBJ_nid2sn((int)SSL_get_negotiated_group(client)) : "");
}

SSL_CTX *client_context(const struct kind *kind)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL || SSL_CTX_set_min_proto_version(context, kind->version) != 1
		|| SSL_CTX_set_max_proto_version(context, kind->version) != 1)
		return NULL;
	// A session that OpenSSL keeps is good once; here it is resumed again and again.
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	// A ticket is taken and the call comes back, though nothing else has come.
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
	return context;
}

// As control/tls makes its own.
static SSL_CTX *server_context(const struct job *job)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1
		|| SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1
		|| SSL_CTX_use_certificate_chain_file(context, job->certificate) != 1
		|| SSL_CTX_use_PrivateKey_file(context, job->key, SSL_FILETYPE_PEM) != 1)
		return NULL;
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(context, (const unsigned char *)"bench", 5);
	SSL_CTX_set_num_tickets(context, 1);
	return context;
}

// False: it cannot go on.
static bool step(SSL *ssl)
{
	int done = SSL_do_handshake(ssl);

	return done == 1 || SSL_get_error(ssl, done) == SSL_ERROR_WANT_READ;
}

static bool shake(struct memory *memory, SSL *client, SSL *server)
{
	uint8_t octet;

	for (unsigned i = 0; i < ROUNDS_MAX; i++) {
		if (!step(client))
			return false;
		uint64_t before = now_ns();
		bool good = step(server);
		memory->server_ns += now_ns() - before;
		if (!good)
			return false;
		if (SSL_is_init_finished(client) && SSL_is_init_finished(server))
			break;
	}
	(void)SSL_read(client, &octet, 1); // the ticket of TLS 1.3
	ERR_clear_error();
	return SSL_is_init_finished(server)
		&& SSL_session_reused(client) == (memory->session != NULL);
}

static bool handshake(struct memory *memory, char how[64])
{
	BIO *near, *far;
	SSL *client = SSL_new(memory->client);
	uint64_t before = now_ns();
	SSL *server = SSL_new(memory->server);

	if (client == NULL || server == NULL
		|| BIO_new_bio_pair(&near, BIO_ROOM, &far, BIO_ROOM) != 1)
		return false;
	SSL_set_bio(server, far, far);
	SSL_set_accept_state(server);
	memory->server_ns += now_ns() - before;
	SSL_set_bio(client, near, near);
	SSL_set_connect_state(client);
	if (memory->session != NULL)
		SSL_set_session(client, memory->session);
	bool good = shake(memory, client, server);
	agreement_write(client, how);
	if (good && memory->fresh)
		memory->session = SSL_get1_session(client);
	memory->fresh = false;
	// A session is not to be resumed after an end without a word, says OpenSSL.
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(client);
	before = now_ns();
	SSL_free(server);
	memory->server_ns += now_ns() - before;
	memory->done++;
	return good;
}

static bool handshakes(struct memory *memory, double seconds, char how[64])
{
	uint64_t begin;

	if (memory->fresh && !handshake(memory, how))
		return false;
	memory->done = memory->server_ns = 0;
	begin = now_ns();
	while ((double)(now_ns() - begin) < seconds * 1e9)
		if (!handshake(memory, how))
			return false;
	return true;
}

int memory_measure(const struct job *job, const struct kind *kind, double *us, char how[64])
{
	struct memory memory = {.server = server_context(job),
		.client = client_context(kind),
		.fresh = kind->resumed};
	bool good = memory.server != NULL && memory.client != NULL
		&& handshakes(&memory, job->seconds, how);

	if (good)
		*us = (double)memory.server_ns / (double)memory.done / 1e3;
	SSL_SESSION_free(memory.session);
	SSL_CTX_free(memory.client);
	SSL_CTX_free(memory.server);
	return good ? 0 : -1;
}
