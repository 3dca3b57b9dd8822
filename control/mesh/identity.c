#include "identity.h"

#include "../keys/private_key.h"

#include <weir/span.h>
#include <weir/uri.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool key_use(SSL_CTX *context, const char *path)
{
	EVP_PKEY *key = private_key_read(path);
	bool used = key != NULL && SSL_CTX_use_PrivateKey(context, key) == 1;

	EVP_PKEY_free(key);
	return used;
}

static int context_load(SSL_CTX *context, const char *certificate, const char *key, const char *ca)
{
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1
		&& SSL_CTX_use_certificate_chain_file(context, certificate) == 1
		&& key_use(context, key) && SSL_CTX_check_private_key(context) == 1
		&& SSL_CTX_load_verify_locations(context, ca, NULL) == 1;
}

SSL_CTX *identity_open(
	const char *certificate, const char *key, const char *ca, char *why, size_t why_size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());

	if (context == NULL || !context_load(context, certificate, key, ca)) {
		ERR_error_string_n(ERR_get_error(), why, why_size);
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	// As in tls_set.c: openssl.cnf may have turned on what the sandbox kills for.
	SSL_CTX_clear_options(context, SSL_OP_ENABLE_KTLS);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	return context;
}

// "urn:weir:edge:N" to N. Octets and length, never a C string: a NUL inside must not shorten a name.
static uint8_t edge_read(const ASN1_IA5STRING *uri)
{
	static const char PREFIX[] = "urn:weir:edge:";
	const size_t prefix = sizeof(PREFIX) - 1;
	struct span text = span_of(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
	uint64_t number;

	if (text.length <= prefix || memcmp(text.octets, PREFIX, prefix) != 0)
		return 0;
	if (!number_parse(span_of(text.octets + prefix, text.length - prefix), UINT8_MAX, &number))
		return 0;
	return (uint8_t)number;
}

static uint8_t names_read(const GENERAL_NAMES *names)
{
	uint8_t edge = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_URI)
			continue;
		uint8_t found = edge_read(name->d.uniformResourceIdentifier);
		if (found != 0 && edge != 0)
			return 0;
		if (found != 0)
			edge = found;
	}
	return edge;
}

uint8_t identity_read(SSL *ssl)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	uint8_t edge = 0;

	if (certificate == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
		return 0;
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	if (names != NULL)
		edge = names_read(names);
	GENERAL_NAMES_free(names);
	return edge;
}
