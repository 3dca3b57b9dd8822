#include "flow_token.h"

#include <weir/base64url.h>

#include <openssl/crypto.h>

#include <string.h>

enum {
	NUMBER_OCTETS = 8,
	TOKEN_OCTETS = 16,
};

static void token_make(
	const struct hash_keys *hashes, uint64_t connection, uint8_t out[TOKEN_OCTETS])
{
	struct keyhash hash;

	keyhash_begin(&hash, hashes, HASH_BIND);
	keyhash_field(&hash, SPAN("flow"));
	keyhash_field_number(&hash, connection, sizeof(connection));
	uint64_t proof = keyhash_end(&hash);
	memcpy(out, &connection, NUMBER_OCTETS);
	memcpy(out + NUMBER_OCTETS, &proof, sizeof(proof));
}

void flow_token_write(
	const struct hash_keys *hashes, uint64_t connection, uint8_t out[FLOW_TOKEN_TEXT])
{
	uint8_t octets[TOKEN_OCTETS];

	token_make(hashes, connection, octets);
	base64url_encode(out, octets, sizeof(octets));
}

bool flow_token_read(const struct hash_keys *hashes, struct span user, uint64_t *connection)
{
	uint8_t octets[TOKEN_OCTETS];
	uint8_t made[TOKEN_OCTETS];
	uint64_t number;

	if (user.length != FLOW_TOKEN_TEXT
		|| base64url_decode(octets, sizeof(octets), user) != sizeof(octets))
		return false;
	memcpy(&number, octets, sizeof(number));
	token_make(hashes, number, made);
	if (CRYPTO_memcmp(octets, made, sizeof(made)) != 0)
		return false;
	*connection = number;
	return true;
}
