#include "hkdf.h"
#include "keyring.h"
#include "random.h"

#include <weir/keyring.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

enum {
	WEEK_S = 7 * 24 * 3600,
};

static const uint8_t secret[TOKEN_SECRET_OCTETS] = "a secret of thirty-two octets...";

static struct key_material material_at(uint64_t epoch)
{
	struct key_material material = {.minting = 0};

	cr_assert(eq(int,
		key_material_derive(&material, 0, secret, SPAN("edge.example.net"), WEEK_S, epoch),
		0));
	return material;
}

static unsigned slot_of(uint64_t epoch, unsigned secret_index)
{
	return (unsigned)(epoch % 16) * 2 + secret_index;
}

static bool is_usable(struct keyring *keys, uint64_t epoch)
{
	return keyring_find(keys, slot_of(epoch, 0)) != NULL;
}

// RFC 5869 by hand: one HMAC to extract under a zero salt, one to expand 32 octets.
static void hkdf_by_hand(uint8_t key[32], struct span info)
{
	static const uint8_t salt[32];
	uint8_t extracted[32];
	uint8_t message[300];

	memcpy(message, info.octets, info.length);
	message[info.length] = 1;
	HMAC(EVP_sha256(), salt, sizeof(salt), secret, sizeof(secret), extracted, NULL);
	HMAC(EVP_sha256(), extracted, sizeof(extracted), message, info.length + 1, key, NULL);
}

Test(keyring, derives_each_epoch_key_by_hkdf_of_cluster_period_and_epoch)
{
	struct key_material material = material_at(2900);
	uint8_t info[] = "tokenedge.example.net\x00\x09\x3a\x80\x00\x00\x00\x00\x00\x00\x0b\x00";
	uint8_t key[32];

	cr_assert(eq(u64, material.first_epoch, 2900 - KEYRING_PAST));
	for (uint64_t i = 0; i < KEYRING_EPOCHS; i++) {
		uint64_t epoch = material.first_epoch + i;

		info[sizeof(info) - 3] = (uint8_t)(epoch >> 8);
		info[sizeof(info) - 2] = (uint8_t)epoch;
		hkdf_by_hand(key, span_of(info, sizeof(info) - 1));
		cr_assert(eq(int, memcmp(key, material.key[0][i], sizeof(key)), 0));
	}
}

Test(keyring, derives_other_keys_for_another_cluster_period_epoch_or_secret)
{
	struct key_material a = material_at(100);
	struct key_material b = {0};
	uint8_t other[TOKEN_SECRET_OCTETS] = {1};

	for (unsigned i = 1; i < KEYRING_EPOCHS; i++)
		cr_assert(ne(int, memcmp(a.key[0][0], a.key[0][i], EPOCH_KEY_OCTETS), 0));
	cr_assert(eq(
		int, key_material_derive(&b, 0, secret, SPAN("edge.example.com"), WEEK_S, 100), 0));
	cr_assert(ne(int, memcmp(a.key[0], b.key[0], EPOCH_KEY_OCTETS), 0));
	cr_assert(eq(int,
		key_material_derive(&b, 0, secret, SPAN("edge.example.net"), WEEK_S + 1, 100), 0));
	cr_assert(ne(int, memcmp(a.key[0], b.key[0], EPOCH_KEY_OCTETS), 0));
	cr_assert(eq(
		int, key_material_derive(&b, 1, other, SPAN("edge.example.net"), WEEK_S, 100), 0));
	cr_assert(ne(int, memcmp(a.key[0], b.key[1], EPOCH_KEY_OCTETS), 0));
	cr_assert(eq(int, b.held, 3));
}

Test(keyring, derives_nothing_from_impossible_arguments)
{
	struct key_material material = {0};
	struct key_material before = material;
	uint8_t name[CLUSTER_NAME_MAX + 1] = {'a'};

	cr_assert(eq(int, key_material_derive(&material, 2, secret, SPAN("a"), 60, 1), -EINVAL));
	cr_assert(eq(int, key_material_derive(&material, 0, secret, SPAN("a"), 0, 1), -EINVAL));
	cr_assert(eq(int,
		key_material_derive(&material, 0, secret, span_of(name, sizeof(name)), 60, 1),
		-EINVAL));
	cr_assert(eq(int, memcmp(&material, &before, sizeof(material)), 0));
	cr_assert(eq(int,
		key_material_derive(&material, 0, secret, span_of(name, CLUSTER_NAME_MAX), 60, 1),
		0));
}

Test(keyring, holds_one_epoch_ahead_thirteen_behind_and_retires_the_sixteenth_residue)
{
	struct key_material material = material_at(100);
	struct keyring *keys = keyring_new(&material, 100);

	for (uint64_t epoch = 100; epoch <= 100 + KEYRING_AHEAD; epoch++) {
		cr_assert(eq(int, keyring_advance(keys, epoch), 0));
		cr_assert(eq(u64, keyring_epoch(keys), epoch));
		// The last epoch that the material covers has none ahead.
		cr_assert(eq(int, is_usable(keys, epoch + 1), epoch < 100 + KEYRING_AHEAD));
		for (uint64_t past = 0; past <= KEYRING_PAST; past++)
			cr_assert(is_usable(keys, epoch - past));
		cr_assert(not(is_usable(keys, epoch - KEYRING_PAST - 1)));
		cr_assert(eq(uint, keyring_minting_slot(keys), slot_of(epoch, 0)));
		for (unsigned i = 0; i < 16; i++)
			cr_assert(eq(ptr, keyring_find(keys, slot_of(i, 1)), NULL));
	}
	cr_assert(eq(int, keyring_advance(keys, 101 + KEYRING_AHEAD), -ERANGE));
	cr_assert(eq(u64, keyring_epoch(keys), 100 + KEYRING_AHEAD));
	keyring_free(keys);
}

Test(keyring, never_goes_back)
{
	struct key_material material = material_at(100);
	struct keyring *keys = keyring_new(&material, 101);

	cr_assert(eq(int, keyring_advance(keys, 100), -ERANGE));
	cr_assert(eq(int, keyring_advance(keys, 0), -ERANGE));
	cr_assert(eq(int, keyring_advance(keys, 101), 0));
	cr_assert(eq(u64, keyring_epoch(keys), 101));
	keyring_free(keys);
}

Test(keyring, starts_at_every_small_epoch)
{
	for (uint64_t start = 0; start < 20; start++) {
		struct key_material material = material_at(start);
		struct keyring *keys = keyring_new(&material, start);

		cr_assert(ne(ptr, keys, NULL));
		for (uint64_t epoch = 0; epoch < 16; epoch++) {
			uint64_t age = (start + 1 - epoch) % 16;
			bool exists = age <= start + 1 && age != 15;

			cr_assert(eq(int, is_usable(keys, epoch), exists), "start %lu epoch %lu",
				start, epoch);
		}
		keyring_free(keys);
	}
}

// Two epochs of one residue: the slot must hold the newer one's key, however far the jump.
Test(keyring, has_the_same_keys_after_a_jump_as_after_single_steps)
{
	struct key_material material = material_at(100);
	struct keyring *steps = keyring_new(&material, 100);
	struct keyring *jump = keyring_new(&material, 100);

	for (uint64_t epoch = 101; epoch <= 116; epoch++)
		cr_assert(eq(int, keyring_advance(steps, epoch), 0));
	cr_assert(eq(int, keyring_advance(jump, 116), 0));
	for (unsigned slot = 0; slot < KEYRING_SLOTS; slot++) {
		struct siv_key *a = keyring_find(steps, slot);
		struct siv_key *b = keyring_find(jump, slot);

		cr_assert(eq(int, a == NULL, b == NULL));
		if (a != NULL)
			cr_assert(eq(int,
				memcmp(a->header_mac, b->header_mac, sizeof(a->header_mac)), 0));
	}
	keyring_free(steps);
	keyring_free(jump);
}

Test(keyring, refuses_material_that_cannot_mint)
{
	struct key_material material = material_at(100);

	errno = 0;
	material.minting = 1;
	cr_assert(eq(ptr, keyring_new(&material, 100), NULL));
	cr_assert(eq(int, errno, EINVAL));
	material.minting = 2;
	cr_assert(eq(ptr, keyring_new(&material, 100), NULL));
	material.minting = 0;
	cr_assert(eq(ptr, keyring_new(&material, 86), NULL));
	cr_assert(eq(ptr, keyring_new(&material, 117), NULL));
	keyring_free(NULL);
}

// What libcrypto asks of the heap, counted; and what it gives back, looked at before it is gone.
static unsigned allocations;
static unsigned live;
static unsigned allowed = UINT32_MAX;
static const struct key_material *wanted;
static unsigned unwiped;
static bool counted;

static void *counting_malloc(size_t size, const char *file, int line)
{
	allocations++;
	if (allowed == 0)
		return NULL;
	allowed--;
	live++;
	return malloc(size);
}

static void *counting_realloc(void *old, size_t size, const char *file, int line)
{
	allocations++;
	live += old == NULL;
	return realloc(old, size);
}

static void look_for_keys(const void *octets, size_t length)
{
	const uint8_t(*keys)[16] = (const uint8_t(*)[16])wanted->key[0];

	for (unsigned i = 0; i < 2 * KEYRING_EPOCHS; i++)
		unwiped += memmem(octets, length, keys[i], 16) != NULL;
}

static void counting_free(void *old, const char *file, int line)
{
	if (old != NULL && wanted != NULL)
		look_for_keys(old, malloc_usable_size(old));
	live -= old != NULL;
	free(old);
}

// Criterion's own libraries use libcrypto too: only before main() are there no blocks of another allocator.
__attribute__((constructor)) static void count_heap(void)
{
	counted = CRYPTO_set_mem_functions(counting_malloc, counting_realloc, counting_free) == 1;
}

Test(keyring, advances_without_asking_for_memory)
{
	cr_assert(counted);
	struct key_material material = material_at(100);
	struct keyring *keys = keyring_new(&material, 100);
	size_t heap = mallinfo2().uordblks;

	cr_assert(gt(uint, allocations, 0));
	allocations = 0;
	for (uint64_t epoch = 101; epoch <= 116; epoch++)
		cr_assert(eq(int, keyring_advance(keys, epoch), 0));
	cr_assert(eq(uint, allocations, 0));
	cr_assert(eq(sz, mallinfo2().uordblks, heap));
	keyring_free(keys);
}

Test(keyring, leaves_no_key_in_the_memory_that_it_gives_back)
{
	cr_assert(counted);
	struct key_material material = material_at(100);
	struct keyring *keys = keyring_new(&material, 100);

	wanted = &material;
	look_for_keys(keys, sizeof(material));
	cr_assert(gt(uint, unwiped, 0), "the search finds keys where they are");
	unwiped = 0;
	cr_assert(eq(int, keyring_advance(keys, 103), 0));
	keyring_free(keys);
	cr_assert(eq(uint, unwiped, 0));
}

static struct keyring *new_with(const struct key_material *material, unsigned blocks)
{
	struct keyring *keys;

	allowed = blocks;
	errno = 0;
	keys = keyring_new(material, 100);
	allowed = UINT32_MAX;
	ERR_clear_error();
	return keys;
}

Test(keyring, comes_out_null_and_whole_wherever_memory_ends)
{
	struct key_material material = material_at(100);
	struct keyring *keys = NULL;
	unsigned blocks = 0;

	cr_assert(counted);
	// What libcrypto keeps for good, its list of errors among it, is there after one success and one failure.
	keyring_free(keyring_new(&material, 100));
	cr_assert(eq(ptr, new_with(&material, 1), NULL));
	unsigned before = live;

	while ((keys = new_with(&material, blocks)) == NULL) {
		cr_assert(eq(int, errno, ENOMEM));
		cr_assert(eq(uint, live, before));
		blocks++;
	}
	cr_assert(gt(uint, blocks, KEYRING_SLOTS * 2));
	keyring_free(keys);
	cr_assert(eq(uint, live, before));
}

Test(keyring, derives_all_keys_or_none_wherever_memory_ends)
{
	struct key_material none = {.minting = 0}, material = none;
	unsigned blocks = 0;
	int status;

	cr_assert(counted);
	(void)material_at(100);
	do {
		cr_assert(eq(int, memcmp(&material, &none, sizeof(none)), 0));
		allowed = blocks++;
		status = key_material_derive(
			&material, 0, secret, SPAN("edge.example.net"), WEEK_S, 100);
		allowed = UINT32_MAX;
		ERR_clear_error();
	} while (status != 0);
	cr_assert(gt(uint, blocks, KEYRING_EPOCHS));
	cr_assert(eq(int, material.held, 1));
}

// A context without a cipher takes no key: the one in it would be the old one.
Test(keyring, uses_no_slot_whose_key_could_not_be_changed)
{
	struct key_material material = material_at(100);
	struct keyring *keys = keyring_new(&material, 100);
	uint64_t oldest = 100 - KEYRING_PAST;

	cr_assert(is_usable(keys, oldest));
	EVP_CIPHER_CTX_reset(keyring_find(keys, slot_of(oldest, 0))->mac);
	cr_assert(eq(int, keyring_advance(keys, 101), -EIO));
	cr_assert(not(is_usable(keys, oldest)));
	cr_assert(eq(u64, keyring_epoch(keys), 100));
	cr_assert(is_usable(keys, 100));
	keyring_free(keys);
}
