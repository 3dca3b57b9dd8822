#include "random.h"
#include "siv.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/evp.h>

enum {
	BODY_MAX = 47,
	MESSAGE_MAX = SIV_HEADER_OCTETS + SIV_OCTETS + BODY_MAX,
};

struct sealed {
	uint8_t octets[MESSAGE_MAX];
};

// OpenSSL's own AES-128-SIV: out is the SIV and then the text.
static void oracle_seal(const uint8_t *key, struct span associated, struct span plain, uint8_t *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-SIV", NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int length;

	cr_assert(ne(ptr, cipher, NULL));
	cr_assert(eq(int, EVP_EncryptInit_ex2(context, cipher, key, NULL, NULL), 1));
	cr_assert(eq(int,
		EVP_EncryptUpdate(
			context, NULL, &length, associated.octets, (int)associated.length),
		1));
	cr_assert(eq(int,
		EVP_EncryptUpdate(
			context, out + SIV_OCTETS, &length, plain.octets, (int)plain.length),
		1));
	cr_assert(eq(int, EVP_EncryptFinal_ex(context, out + SIV_OCTETS + length, &length), 1));
	cr_assert(eq(int, EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SIV_OCTETS, out), 1));
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
}

static struct siv_key key;
static uint8_t key_octets[SIV_KEY_OCTETS];

static void setup(void)
{
	EVP_CIPHER *aes = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);

	cr_assert(eq(int, siv_key_init(&key, aes), 0));
	EVP_CIPHER_free(aes);
}

static void teardown(void)
{
	siv_key_fini(&key);
}

TestSuite(siv, .init = setup, .fini = teardown);

static size_t random_body_length(struct random *random)
{
	size_t length = 17 + random_below(random, BODY_MAX - 17);

	return length >= 32 ? length + 1 : length;
}

static void random_key(struct random *random, uint8_t header)
{
	random_fill(random, key_octets, sizeof(key_octets));
	cr_assert(eq(int, siv_key_set(&key, key_octets, header), 0));
}

// RFC 5297 A.1 has 24 octets of associated data and a text under a block, neither of which a token has: it proves the oracle,
// and the oracle proves us.
Test(siv, oracle_gives_the_vector_of_rfc_5297_a_1)
{
	static const uint8_t vector_key[] = {0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8, 0xf7,
		0xf6, 0xf5, 0xf4, 0xf3, 0xf2, 0xf1, 0xf0, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6,
		0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
	static const uint8_t associated[] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
		0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26,
		0x27};
	static const uint8_t plain[] = {
		0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
	static const uint8_t sealed[] = {0x85, 0x63, 0x2d, 0x07, 0xc6, 0xe8, 0xf3, 0x7f, 0x95, 0x0a,
		0xcd, 0x32, 0x0a, 0x2e, 0xcc, 0x93, 0x40, 0xc0, 0x2b, 0x96, 0x90, 0xc4, 0xdc, 0x04,
		0xda, 0xef, 0x7f, 0x6a, 0xfe, 0x5c};
	uint8_t out[sizeof(sealed)];

	oracle_seal(vector_key, span_of(associated, sizeof(associated)),
		span_of(plain, sizeof(plain)), out);
	cr_assert(eq(int, memcmp(out, sealed, sizeof(sealed)), 0));
}

static void messages_fill(struct random *random, uint8_t header, struct sealed *sealed,
	struct siv_message *messages, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		random_fill(random, &sealed[i], sizeof(sealed[i]));
		sealed[i].octets[0] = (uint8_t)(header | random_below(random, SIV_HEADERS));
		messages[i] = (struct siv_message){sealed[i].octets, random_body_length(random)};
	}
}

Test(siv, seals_every_message_of_a_burst_as_openssl_does_and_opens_it)
{
	struct random random = {2};

	for (unsigned round = 0; round < 200; round++) {
		unsigned count = 1 + random_below(&random, SIV_BURST);
		uint8_t header = (uint8_t)(random_below(&random, 32) * SIV_HEADERS);
		struct sealed plain[SIV_BURST];
		struct sealed sealed[SIV_BURST];
		struct siv_message messages[SIV_BURST];
		bool genuine[SIV_BURST];

		random_key(&random, header);
		messages_fill(&random, header, sealed, messages, count);
		memcpy(plain, sealed, sizeof(sealed));
		siv_seal_burst(&key, messages, count);
		for (unsigned i = 0; i < count; i++) {
			uint8_t expected[SIV_OCTETS + BODY_MAX];

			oracle_seal(key_octets, span_of(plain[i].octets, 1),
				span_of(plain[i].octets + 17, messages[i].body_length), expected);
			cr_assert(eq(int,
				memcmp(sealed[i].octets + 1, expected,
					SIV_OCTETS + messages[i].body_length),
				0));
		}
		siv_open_burst(&key, messages, count, genuine);
		for (unsigned i = 0; i < count; i++) {
			cr_assert(genuine[i]);
			cr_assert(eq(int,
				memcmp(sealed[i].octets + 17, plain[i].octets + 17,
					messages[i].body_length),
				0));
		}
	}
}

Test(siv, refuses_every_flipped_bit_and_no_neighbour)
{
	struct random random = {3};
	struct sealed good[3];
	struct siv_message messages[3];
	bool genuine[3];

	random_key(&random, 0x50);
	messages_fill(&random, 0x50, good, messages, 3);
	siv_seal_burst(&key, messages, 3);
	for (unsigned bit = 0; bit < 8 * (17 + messages[1].body_length); bit++) {
		struct sealed tried[3];
		struct siv_message moved[3];

		// The upper five bits of the header choose the key and are not the cipher's to judge.
		if (bit < 5)
			continue;
		memcpy(tried, good, sizeof(good));
		tried[1].octets[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		for (unsigned i = 0; i < 3; i++)
			moved[i] = (struct siv_message){tried[i].octets, messages[i].body_length};
		siv_open_burst(&key, moved, 3, genuine);
		cr_assert(genuine[0] && !genuine[1] && genuine[2]);
	}
}

Test(siv, changes_its_key_and_comes_back)
{
	struct random random = {4};
	struct sealed first = {{0x28}};
	struct sealed second = {{0x28}};
	struct siv_message messages[2] = {{first.octets, 28}, {second.octets, 28}};
	uint8_t old[SIV_KEY_OCTETS];
	bool genuine;

	random_key(&random, 0x28);
	memcpy(old, key_octets, sizeof(old));
	siv_seal_burst(&key, messages, 2);
	random_key(&random, 0x28);
	siv_open_burst(&key, &messages[0], 1, &genuine);
	cr_assert(not(genuine));
	cr_assert(eq(int, siv_key_set(&key, old, 0x28), 0));
	siv_open_burst(&key, &messages[1], 1, &genuine);
	cr_assert(genuine);
}

Test(siv, takes_an_empty_burst)
{
	struct random random = {5};

	random_key(&random, 0);
	siv_seal_burst(&key, NULL, 0);
	siv_open_burst(&key, NULL, 0, NULL);
}
