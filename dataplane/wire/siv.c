// siv.c: see siv.h.

#include "siv.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <stdlib.h>

enum {
	BLOCK = sizeof(struct siv_block),
};

static const struct siv_block zero_block;

static struct siv_block block_load(const uint8_t *octets)
{
	struct siv_block block;

	memcpy(&block, octets, BLOCK);
	return block;
}

static void block_xor(struct siv_block *block, const struct siv_block *other)
{
	uint64_t a[2];
	uint64_t b[2];

	memcpy(a, block, BLOCK);
	memcpy(b, other, BLOCK);
	a[0] ^= b[0];
	a[1] ^= b[1];
	memcpy(block, a, BLOCK);
}

// Multiply by x in GF(2^128) (RFC 5297 section 2.3), in constant time.
static void block_double(struct siv_block *block)
{
	uint8_t carry = (uint8_t)(block->octets[0] >> 7);

	for (unsigned i = 0; i + 1 < BLOCK; i++)
		block->octets[i] = (uint8_t)(block->octets[i] << 1 | block->octets[i + 1] >> 7);
	block->octets[BLOCK - 1] = (uint8_t)(block->octets[BLOCK - 1] << 1 ^ (0x87 & -carry));
}

// Whole blocks in ECB under a key that is set cannot fail. Should libcrypto ever find a way, going on would send plaintext.
static void blocks_encrypt(EVP_CIPHER_CTX *cipher, struct siv_block *blocks, unsigned count)
{
	int written;

	if (EVP_EncryptUpdate(
		    cipher, blocks->octets, &written, blocks->octets, (int)(count * BLOCK))
		!= 1)
		abort();
}

static uint8_t *message_siv(const struct siv_message *message)
{
	return message->octets + SIV_HEADER_OCTETS;
}

static uint8_t *message_body(const struct siv_message *message)
{
	return message->octets + SIV_HEADER_OCTETS + SIV_OCTETS;
}

static unsigned message_blocks(const struct siv_message *message)
{
	return (unsigned)(message->body_length + BLOCK - 1) / BLOCK;
}

static EVP_CIPHER_CTX *context_new(const EVP_CIPHER *aes)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();

	if (context == NULL)
		return NULL;
	// A key already here makes libcrypto allocate its part now, and not when the key is changed.
	if (EVP_EncryptInit_ex2(context, aes, zero_block.octets, NULL, NULL) == 1
		&& EVP_CIPHER_CTX_set_padding(context, 0) == 1)
		return context;
	EVP_CIPHER_CTX_free(context);
	return NULL;
}

int siv_key_init(struct siv_key *key, const EVP_CIPHER *aes)
{
	key->mac = context_new(aes);
	if (key->mac == NULL)
		return -ENOMEM;
	key->stream = context_new(aes);
	if (key->stream == NULL)
		goto free_mac;
	return 0;

free_mac:
	EVP_CIPHER_CTX_free(key->mac);
	key->mac = NULL;
	return -ENOMEM;
}

void siv_key_fini(struct siv_key *key)
{
	EVP_CIPHER_CTX_free(key->mac);
	EVP_CIPHER_CTX_free(key->stream);
	OPENSSL_cleanse(key, sizeof(*key));
}

// CMAC of one octet: a single part block.
static struct siv_block header_cmac(struct siv_key *key, uint8_t header)
{
	struct siv_block block = {{header, 0x80}};

	block_xor(&block, &key->part_subkey);
	blocks_encrypt(key->mac, &block, 1);
	return block;
}

// What of S2V (RFC 5297 section 2.4) is the same for every message under this key.
static void key_prepare(struct siv_key *key, uint8_t header)
{
	struct siv_block start = zero_block;

	blocks_encrypt(key->mac, &start, 1);
	block_double(&start); // CMAC's K1
	key->part_subkey = start;
	block_double(&key->part_subkey);
	blocks_encrypt(key->mac, &start, 1); // CMAC of <zero>, a whole block: E(zero ^ K1)
	block_double(&start);
	for (unsigned i = 0; i < SIV_HEADERS; i++) {
		key->header_mac[i] = header_cmac(key, (uint8_t)(header | i));
		block_xor(&key->header_mac[i], &start);
	}
	OPENSSL_cleanse(&start, sizeof(start));
}

int siv_key_set(struct siv_key *key, const uint8_t octets[SIV_KEY_OCTETS], uint8_t header)
{
	if (EVP_EncryptInit_ex2(key->mac, NULL, octets, NULL, NULL) != 1)
		return -EIO;
	if (EVP_EncryptInit_ex2(key->stream, NULL, octets + SIV_KEY_OCTETS / 2, NULL, NULL) != 1)
		return -EIO;
	key_prepare(key, header);
	return 0;
}

// The body as CMAC takes it at the end of S2V: "xorend" with the chain, padded, the last block masked by K2.
static void body_prepare(const struct siv_key *key, const struct siv_message *message,
	struct siv_block blocks[SIV_BODY_BLOCKS_MAX])
{
	uint8_t padded[SIV_BODY_BLOCKS_MAX * BLOCK] = {0};
	uint8_t *end = padded + message->body_length - BLOCK;
	struct siv_block chained;

	memcpy(padded, message_body(message), message->body_length);
	padded[message->body_length] = 0x80;
	chained = block_load(end);
	block_xor(&chained, &key->header_mac[message->octets[0] % SIV_HEADERS]);
	memcpy(end, &chained, BLOCK);
	memcpy(blocks, padded, sizeof(padded));
	block_xor(&blocks[message_blocks(message) - 1], &key->part_subkey);
}

// One step of the CMACs of all messages that are long enough: gather, encrypt, scatter. Returns how many there were.
static unsigned cmac_step(struct siv_key *key, const struct siv_message *messages, unsigned count,
	struct siv_block (*bodies)[SIV_BODY_BLOCKS_MAX], unsigned step, struct siv_block *chains)
{
	struct siv_block gathered[SIV_BURST];
	unsigned active = 0;

	for (unsigned i = 0; i < count; i++)
		if (step < message_blocks(&messages[i])) {
			gathered[active] = chains[i];
			block_xor(&gathered[active++], &bodies[i][step]);
		}
	if (active == 0)
		return 0;
	blocks_encrypt(key->mac, gathered, active);
	for (unsigned i = 0, from = 0; i < count; i++)
		if (step < message_blocks(&messages[i]))
			chains[i] = gathered[from++];
	return active;
}

static void s2v_burst(struct siv_key *key, const struct siv_message *messages, unsigned count,
	struct siv_block *sivs)
{
	struct siv_block bodies[SIV_BURST][SIV_BODY_BLOCKS_MAX];

	for (unsigned i = 0; i < count; i++) {
		body_prepare(key, &messages[i], bodies[i]);
		sivs[i] = zero_block;
	}
	for (unsigned step = 0; step < SIV_BODY_BLOCKS_MAX; step++)
		if (cmac_step(key, messages, count, bodies, step, sivs) == 0)
			return;
}

// Counter blocks of one message. RFC 5297 section 2.5 zeroes two bits of the SIV so that adding never carries past 32 bits.
static void counters_fill(struct siv_block *counters, const struct siv_message *message)
{
	struct siv_block first = block_load(message_siv(message));
	uint32_t low;

	first.octets[8] &= 0x7f;
	first.octets[12] &= 0x7f;
	memcpy(&low, first.octets + 12, sizeof(low));
	for (uint32_t i = 0; i < message_blocks(message); i++) {
		uint32_t next = __builtin_bswap32(__builtin_bswap32(low) + i);

		counters[i] = first;
		memcpy(counters[i].octets + 12, &next, sizeof(next));
	}
}

static void body_mask(const struct siv_message *message, const struct siv_block *stream)
{
	uint8_t *body = message_body(message);
	const uint8_t *octets = stream->octets;

	for (size_t i = 0; i < message->body_length; i++)
		body[i] ^= octets[i];
}

// CTR encrypts and decrypts alike.
static void ctr_burst(struct siv_key *key, const struct siv_message *messages, unsigned count)
{
	struct siv_block stream[SIV_BURST * SIV_BODY_BLOCKS_MAX];
	unsigned blocks = 0;

	stream[0] = zero_block; // gcc does not see that count is not 0
	for (unsigned i = 0; i < count; blocks += message_blocks(&messages[i++]))
		counters_fill(stream + blocks, &messages[i]);
	blocks_encrypt(key->stream, stream, blocks);
	blocks = 0;
	for (unsigned i = 0; i < count; blocks += message_blocks(&messages[i++]))
		body_mask(&messages[i], stream + blocks);
}

void siv_seal_burst(struct siv_key *key, const struct siv_message *messages, unsigned count)
{
	struct siv_block sivs[SIV_BURST];

	if (count == 0)
		return;
	s2v_burst(key, messages, count, sivs);
	for (unsigned i = 0; i < count; i++)
		memcpy(message_siv(&messages[i]), &sivs[i], SIV_OCTETS);
	ctr_burst(key, messages, count);
}

void siv_open_burst(
	struct siv_key *key, const struct siv_message *messages, unsigned count, bool *genuine)
{
	struct siv_block sivs[SIV_BURST];

	if (count == 0)
		return;
	ctr_burst(key, messages, count);
	s2v_burst(key, messages, count, sivs);
	for (unsigned i = 0; i < count; i++)
		genuine[i] = CRYPTO_memcmp(&sivs[i], message_siv(&messages[i]), SIV_OCTETS) == 0;
}
