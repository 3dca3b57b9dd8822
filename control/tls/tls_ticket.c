#include "tls_ticket.h"

#include "../base/clock.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <errno.h>

// What OpenSSL is told: a failure ends the handshake, "no key" makes it a full one.
enum {
	TICKET_FAILED = -1,
	TICKET_NO_KEY = 0,
	TICKET_DONE = 1,
	TICKET_OLD = 2, // the phone gets a new one
};

static bool mac_set(EVP_MAC_CTX *mac, struct ticket_key *key)
{
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

static int ticket_seal(struct tickets *tickets, struct ticket_key *key, unsigned char *name,
	unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	if (tickets_seal(tickets, clock_wall_ms() / 1000, key) != 0
		|| RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1
		|| EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher, iv, NULL) != 1
		|| !mac_set(mac, key))
		return TICKET_FAILED;
	memcpy(name, key->name, sizeof(key->name));
	return TICKET_DONE;
}

static int ticket_open(struct tickets *tickets, struct ticket_key *key, unsigned char *name,
	unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	bool old;
	int status = tickets_open(tickets, clock_wall_ms() / 1000, name, key, &old);

	if (status == -ENOENT)
		return TICKET_NO_KEY;
	if (status != 0
		|| EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key->cipher, iv, NULL) != 1
		|| !mac_set(mac, key))
		return TICKET_FAILED;
	return old ? TICKET_OLD : TICKET_DONE;
}

static int ticket_take(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int seal)
{
	struct tickets *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct ticket_key key = {0};
	int status = seal ? ticket_seal(tickets, &key, name, iv, cipher, mac)
			  : ticket_open(tickets, &key, name, iv, cipher, mac);

	// A ticket of TLS 1.3 is used once (RFC 8446 appendix C.4): the phone needs the next one.
	if (!seal && status == TICKET_DONE && SSL_version(ssl) == TLS1_3_VERSION)
		status = TICKET_OLD;

	OPENSSL_cleanse(&key, sizeof(key));
	return status;
}

bool tls_ticket_use(SSL_CTX *context, struct tickets *tickets)
{
	return SSL_CTX_set_app_data(context, tickets) == 1
		&& SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_take) == 1;
}
