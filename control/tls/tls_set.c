#include "tls_set.h"

#include "../keys/private_key.h"
#include "tls_names.h"
#include "tls_ticket.h"

#include <weir/endpoint.h>

#include <openssl/err.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SERVER_NAME_MAX = 255,
};

// With forward secrecy and authenticated (RFC 9325 section 4.2); those of TLS 1.3 all are.
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

struct tls_pair {
	const struct config_tls *entry; // while the set is made
	char *name;
	SSL_CTX *server;
	SSL_CTX *client;
};

struct tls_set {
	_Atomic unsigned references;
	struct tickets *tickets; // of all its servers
	size_t count;
	struct tls_pair pairs[];
};

static const struct tls_pair *pair_find(const struct tls_set *set, struct span name)
{
	for (size_t i = 0; i < set->count; i++)
		if (span_equal(name, span_of(set->pairs[i].name, strlen(set->pairs[i].name))))
			return &set->pairs[i];
	return NULL;
}

// --- Which certificate answers ---

// Another certificate answers; whom to believe stays the listener's to say, which OpenSSL would take from the other context too.
static bool context_change(SSL *ssl, SSL_CTX *context)
{
	SSL_CTX *listener = SSL_get_SSL_CTX(ssl);
	const STACK_OF(X509_NAME) *names = SSL_CTX_get_client_CA_list(listener);

	if (SSL_set_SSL_CTX(ssl, context) == NULL
		|| SSL_set1_verify_cert_store(ssl, SSL_CTX_get_cert_store(listener)) != 1)
		return false;
	if (names != NULL)
		SSL_set_client_CA_list(ssl, SSL_dup_CA_list(names));
	return true;
}

static int server_name_take(SSL *ssl, int *alert, void *context)
{
	const struct tls_set *set = context;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct span name = span_of(asked, asked == NULL ? 0 : strlen(asked));

	if (asked == NULL || tls_names_cover(SSL_get_certificate(ssl), name))
		return SSL_TLSEXT_ERR_OK;
	for (size_t i = 0; i < set->count; i++)
		if (tls_names_cover(SSL_CTX_get0_certificate(set->pairs[i].server), name))
			return context_change(ssl, set->pairs[i].server)
				? SSL_TLSEXT_ERR_OK
				: SSL_TLSEXT_ERR_ALERT_FATAL;
	// An old phone that asks for the registrar's domain is served with what there is; it judges the names itself.
	return SSL_TLSEXT_ERR_NOACK;
}

// --- Contexts ---

static bool fault_note(struct tls_fault *fault, const struct config_tls *entry, const void *member,
	const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	fault->entry = entry;
	fault->member = member;
	snprintf(fault->what, sizeof(fault->what), "%s: %s", what,
		reason == NULL ? "unknown reason" : reason);
	ERR_clear_error();
	return false;
}

static bool key_load(SSL_CTX *context, const struct config_tls *entry)
{
	EVP_PKEY *key = private_key_read(entry->key);
	bool used = key != NULL && SSL_CTX_use_PrivateKey(context, key) == 1;

	EVP_PKEY_free(key);
	return used;
}

static bool certificate_load(
	SSL_CTX *context, const struct config_tls *entry, struct tls_fault *fault)
{
	if (SSL_CTX_use_certificate_chain_file(context, entry->certificate) != 1)
		return fault_note(fault, entry, &entry->certificate, "no certificate can be read");
	if (!key_load(context, entry))
		return fault_note(
			fault, entry, &entry->key, "no key of this certificate can be read");
	if (SSL_CTX_check_private_key(context) != 1)
		return fault_note(fault, entry, &entry->key, "the key is not this certificate's");
	return true;
}

static SSL_CTX *context_new(
	const SSL_METHOD *method, const struct config_tls *entry, struct tls_fault *fault)
{
	SSL_CTX *context = SSL_CTX_new(method);

	if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1
		|| SSL_CTX_set_cipher_list(context, ciphers) != 1) {
		(void)fault_note(fault, entry, entry, "no TLS context");
		SSL_CTX_free(context);
		return NULL;
	}
	if (!certificate_load(context, entry, fault)) {
		SSL_CTX_free(context);
		return NULL;
	}
	// Phones hang up without close_notify; where a message ends is SIP's to say, so nothing is lost by that.
	SSL_CTX_set_options(context,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	// openssl.cnf may turn it on for all programs of a host; what it asks the kernel for, the sandbox kills for.
	SSL_CTX_clear_options(context, SSL_OP_ENABLE_KTLS);
	SSL_CTX_set_mode(context,
		SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
			| SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	// Who sends key updates without end would never let a read return.
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
	return context;
}

static bool clients_verify(
	SSL_CTX *context, const struct config_tls *entry, struct tls_fault *fault)
{
	int mode = SSL_VERIFY_PEER;

	if (entry->client_auth == CLIENT_AUTH_NONE)
		return true;
	if (entry->client_auth == CLIENT_AUTH_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	if (entry->ca == NULL ? SSL_CTX_set_default_verify_paths(context) != 1
			      : SSL_CTX_load_verify_locations(context, entry->ca, NULL) != 1)
		return fault_note(fault, entry, &entry->ca, "no certificates can be read");
	if (entry->ca != NULL)
		SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(entry->ca));
	SSL_CTX_set_verify(context, mode, NULL);
	return true;
}

// Tickets of all entries are sealed by the same keys: what was proven to one listener must count at another only if that asks for no more.
// So a session is of a listener that asks for no certificate, or of this one.
static bool session_context_set(SSL_CTX *context, const struct config_tls *entry)
{
	unsigned char named[EVP_MAX_MD_SIZE];
	unsigned length;

	if (entry->client_auth == CLIENT_AUTH_NONE)
		return SSL_CTX_set_session_id_context(
			       context, (const unsigned char *)"weir", strlen("weir"))
			== 1;
	return EVP_Digest(
		       entry->name.octets, entry->name.length, named, &length, EVP_sha256(), NULL)
		== 1
		&& SSL_CTX_set_session_id_context(context, named, length) == 1;
}

// Tickets alone: nothing is kept here for a phone that is gone.
static bool sessions_set(
	SSL_CTX *context, const struct tls_set *set, const struct config_tls *entry)
{
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_max_early_data(context, 0);
	return session_context_set(context, entry) && tls_ticket_use(context, set->tickets);
}

static SSL_CTX *server_new(
	struct tls_set *set, const struct config_tls *entry, struct tls_fault *fault)
{
	SSL_CTX *context = context_new(TLS_server_method(), entry, fault);

	if (context == NULL)
		return NULL;
	if (!clients_verify(context, entry, fault)
		|| (!sessions_set(context, set, entry)
			&& !fault_note(fault, entry, entry, "no session tickets"))) {
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_tlsext_servername_callback(context, server_name_take);
	SSL_CTX_set_tlsext_servername_arg(context, set);
	return context;
}

// Where a connection notes that it was asked. Not as app data, which is the callers'.
static int asked_index;
static pthread_once_t asked_once = PTHREAD_ONCE_INIT;

static void asked_begin(void)
{
	asked_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

// The server has asked for our certificate.
static int certificate_asked(SSL *ssl, void *context)
{
	static char asked;

	(void)context;
	return SSL_set_ex_data(ssl, asked_index, &asked);
}

static SSL_CTX *client_new(const struct config_tls *entry, struct tls_fault *fault)
{
	SSL_CTX *context = context_new(TLS_client_method(), entry, fault);

	(void)pthread_once(&asked_once, asked_begin);
	if (context == NULL)
		return NULL;
	if (entry->ca == NULL ? SSL_CTX_set_default_verify_paths(context) != 1
			      : SSL_CTX_load_verify_locations(context, entry->ca, NULL) != 1) {
		(void)fault_note(fault, entry, &entry->ca, "no certificates can be read");
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_cb(context, certificate_asked, NULL);
	return context;
}

// --- Sets ---

static void set_free(struct tls_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		free(set->pairs[i].name);
		SSL_CTX_free(set->pairs[i].server);
		SSL_CTX_free(set->pairs[i].client);
	}
	tickets_free(set->tickets);
	free(set);
}

static int pair_open(struct tls_set *set, struct tls_pair *pair, const struct config_tls *entry,
	struct tls_fault *fault)
{
	pair->name = strndup((const char *)entry->name.octets, entry->name.length);
	if (pair->name == NULL)
		return -ENOMEM;
	pair->server = server_new(set, entry, fault);
	if (pair->server != NULL)
		pair->client = client_new(entry, fault);
	return pair->client == NULL ? -EINVAL : 0;
}

int tls_set_new(const struct config *config, struct tls_set **set, struct tls_fault *fault)
{
	size_t count = config->tls.count;
	struct tls_set *created = calloc(1, sizeof(*created) + count * sizeof(created->pairs[0]));
	int status = 0;

	if (created == NULL)
		return -ENOMEM;
	atomic_init(&created->references, 1);
	ERR_clear_error();
	created->tickets = tickets_new();
	if (created->tickets == NULL)
		status = -ENOMEM;
	for (size_t i = 0; i < count && status == 0; i++) {
		created->count++;
		status = pair_open(created, &created->pairs[i], &config->tls.items[i], fault);
	}
	if (status != 0) {
		set_free(created);
		return status;
	}
	*set = created;
	return 0;
}

void tls_set_share_tickets(struct tls_set *set, const uint8_t secret[TICKETS_SECRET_OCTETS])
{
	tickets_set_secret(set->tickets, secret);
}

struct tls_set *tls_set_hold(struct tls_set *set)
{
	atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
	return set;
}

void tls_set_release(struct tls_set *set)
{
	// Both ways: what others did with it is over before it is freed.
	if (set != NULL
		&& atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) == 1)
		set_free(set);
}

SSL *tls_set_accept(struct tls_set *set, struct span entry)
{
	const struct tls_pair *pair = pair_find(set, entry);
	SSL *ssl = pair == NULL ? NULL : SSL_new(pair->server);

	if (ssl != NULL)
		SSL_set_accept_state(ssl);
	return ssl;
}

// An address is asked for by nobody (RFC 6066 section 3).
static bool server_name_ask(SSL *ssl, struct span host)
{
	struct endpoint address;
	char name[SERVER_NAME_MAX + 1];

	if (endpoint_parse_address(host, &address))
		return true;
	if (host.length == 0 || host.length > SERVER_NAME_MAX)
		return false;
	memcpy(name, host.octets, host.length);
	name[host.length] = '\0';
	return SSL_set_tlsext_host_name(ssl, name) == 1;
}

SSL *tls_set_connect(struct tls_set *set, struct span entry, struct span host)
{
	const struct tls_pair *pair = pair_find(set, entry);
	SSL *ssl = pair == NULL ? NULL : SSL_new(pair->client);

	if (ssl == NULL)
		return NULL;
	if (!server_name_ask(ssl, host)) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

bool tls_set_has_shown(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, asked_index) != NULL;
}

X509 *tls_set_certificate(const struct tls_set *set, struct span entry)
{
	const struct tls_pair *pair = pair_find(set, entry);

	return pair == NULL ? NULL : SSL_CTX_get0_certificate(pair->server);
}
