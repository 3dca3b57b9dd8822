// siv.h: AES-128-SIV (RFC 5297) over a burst of short messages that share a key.
//
// OpenSSL's own AES-SIV wants a fresh context a message and costs several times what the cipher does. So the mode is put
// together here from AES-128-ECB: each step of S2V and of CTR is one call of libcrypto for the blocks of all messages.
//
// A message is one octet of associated data (the header), the synthetic IV, and a body of 17 to 47 octets but not 32: its last
// block is a part block always. Fixed work: what is done does not depend on what the octets are.

#pragma once

#include <weir/span.h>

#include <openssl/evp.h>

enum {
	SIV_KEY_OCTETS = 32, // the S2V key, then the CTR key (RFC 5297 section 2.2)
	SIV_OCTETS = 16,
	SIV_HEADERS = 8, // associated data under one key: they differ in the low three bits
	SIV_HEADER_OCTETS = 1,
	SIV_BODY_BLOCKS_MAX = 3,
	SIV_BURST = 128, // messages that one call takes at most
};

struct siv_block {
	uint8_t octets[16];
};

// Belongs to one thread: every call mutates the contexts.
struct siv_key {
	EVP_CIPHER_CTX *mac; // AES-128-ECB under the S2V key
	EVP_CIPHER_CTX *stream; // AES-128-ECB under the CTR key
	// CMAC's K2, for a last block that is not whole (RFC 4493 section 2.3).
	struct siv_block part_subkey;
	struct siv_block header_mac[SIV_HEADERS]; // S2V's chain after the associated data
};

// A header octet, the SIV and the body, in one piece.
struct siv_message {
	uint8_t *octets;
	size_t body_length;
};

// Allocates what the key will ever need. aes is AES-128-ECB. 0 or -ENOMEM.
[[nodiscard]] int siv_key_init(struct siv_key *key, const EVP_CIPHER *aes);
void siv_key_fini(struct siv_key *key); // wipes
// Change the key; `header` is the associated data with its low three bits zero. Allocates nothing. 0 or -EIO.
[[nodiscard]] int siv_key_set(
	struct siv_key *key, const uint8_t octets[SIV_KEY_OCTETS], uint8_t header);

// Fill in the SIV and encrypt the body of each message.
void siv_seal_burst(struct siv_key *key, const struct siv_message *messages, unsigned count);
// Decrypt the body of each message; genuine[i] says whether its SIV fits. The body of one that is not genuine is noise.
void siv_open_burst(
	struct siv_key *key, const struct siv_message *messages, unsigned count, bool *genuine);
