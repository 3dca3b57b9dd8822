// keyring.c: a window of fifteen epochs over the key material, as keyed cipher contexts.

#include "keyring.h"

#include "hkdf.h"

#include <openssl/crypto.h>

#include <assert.h>
#include <errno.h>

// Fifteen epochs of sixteen residues are redeemed: the one left over tells "retired" from a key that is about to come.
static_assert(KEYRING_PAST + 1 + KEYRING_FUTURE == KEYRING_RESIDUES - 1,
	"one residue is retired at any time");
static_assert((int)EPOCH_KEY_OCTETS == (int)SIV_KEY_OCTETS, "an epoch key is an AES-128-SIV key");

struct keyring_slot {
	uint64_t epoch; // of the key, while it is usable
	bool usable;
	struct siv_key key;
};

struct keyring {
	uint64_t epoch;
	struct key_material material;
	struct keyring_slot slots[KEYRING_SLOTS];
};

static int epoch_key_derive(uint8_t key[EPOCH_KEY_OCTETS], struct span secret, struct span cluster,
	uint32_t rotate_every_s, uint64_t epoch)
{
	struct hkdf_info info = {.length = 0};

	hkdf_info_add(&info, SPAN("token"));
	hkdf_info_add(&info, cluster);
	hkdf_info_add_number(&info, rotate_every_s, sizeof(rotate_every_s));
	hkdf_info_add_number(&info, epoch, sizeof(epoch));
	return hkdf_derive(key, EPOCH_KEY_OCTETS, secret, &info);
}

int key_material_derive(struct key_material *material, unsigned secret_index,
	const uint8_t secret[TOKEN_SECRET_OCTETS], struct span cluster, uint32_t rotate_every_s,
	uint64_t current_epoch)
{
	uint64_t first = current_epoch > KEYRING_PAST ? current_epoch - KEYRING_PAST : 0;
	uint8_t derived[KEYRING_EPOCHS][EPOCH_KEY_OCTETS];
	int error = 0;

	if (secret_index >= KEYRING_SECRETS || rotate_every_s == 0
		|| cluster.length > CLUSTER_NAME_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < KEYRING_EPOCHS && error == 0; i++)
		error = epoch_key_derive(derived[i], span_of(secret, TOKEN_SECRET_OCTETS), cluster,
			rotate_every_s, first + i);
	if (error != 0)
		goto wipe_derived;
	memcpy(material->key[secret_index], derived, sizeof(derived));
	material->first_epoch = first;
	material->rotate_every_s = rotate_every_s;
	material->held |= (uint8_t)(1u << secret_index);

wipe_derived:
	OPENSSL_cleanse(derived, sizeof(derived));
	return error;
}

static bool material_covers(const struct key_material *material, uint64_t epoch)
{
	return epoch >= material->first_epoch && epoch - material->first_epoch < KEYRING_EPOCHS;
}

static bool material_holds(const struct key_material *material, unsigned secret)
{
	return (material->held >> secret & 1) != 0;
}

static int slot_set(struct keyring_slot *slot, const uint8_t *key, unsigned index, uint64_t epoch)
{
	slot->usable = false;
	if (siv_key_set(&slot->key, key, (uint8_t)(index << HEADER_SLOT_SHIFT)) != 0)
		return -EIO;
	slot->usable = true;
	slot->epoch = epoch;
	return 0;
}

// Overwrites the old key in the cipher contexts.
static int slot_retire(struct keyring_slot *slot, unsigned index)
{
	static const uint8_t no_key[EPOCH_KEY_OCTETS];
	int error = slot_set(slot, no_key, index, 0);

	slot->usable = false;
	return error;
}

// Give a slot the key that it stands for while `current` is the epoch.
static int slot_turn(struct keyring *keys, unsigned index, uint64_t current)
{
	struct keyring_slot *slot = &keys->slots[index];
	const struct key_material *material = &keys->material;
	unsigned secret = index % KEYRING_SECRETS;
	uint64_t newest = current + KEYRING_FUTURE;
	// The newest epoch with this residue. Before epoch 15 it may lie below zero: no material covers what it wraps to.
	uint64_t age = (newest - index / KEYRING_SECRETS) % KEYRING_RESIDUES;
	uint64_t epoch = newest - age;

	if (age > KEYRING_PAST + KEYRING_FUTURE || !material_holds(material, secret)
		|| !material_covers(material, epoch))
		return slot->usable ? slot_retire(slot, index) : 0;
	if (slot->usable && slot->epoch == epoch)
		return 0;
	return slot_set(slot, material->key[secret][epoch - material->first_epoch], index, epoch);
}

// The material covers the epoch.
static void material_wipe_before(struct key_material *material, uint64_t epoch)
{
	assert(epoch < material->first_epoch + KEYRING_EPOCHS);
	for (uint64_t i = 0; material->first_epoch + i < epoch; i++)
		for (unsigned secret = 0; secret < KEYRING_SECRETS; secret++)
			OPENSSL_cleanse(material->key[secret][i], EPOCH_KEY_OCTETS);
}

static int keyring_turn(struct keyring *keys, uint64_t current)
{
	for (unsigned index = 0; index < KEYRING_SLOTS; index++) {
		int error = slot_turn(keys, index, current);

		if (error != 0)
			return error;
	}
	keys->epoch = current;
	if (current > KEYRING_PAST)
		material_wipe_before(&keys->material, current - KEYRING_PAST);
	return 0;
}

static int slots_init(struct keyring *keys)
{
	EVP_CIPHER *aes = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
	int error = aes == NULL ? -ENOMEM : 0;

	for (unsigned i = 0; i < KEYRING_SLOTS && error == 0; i++)
		error = siv_key_init(&keys->slots[i].key, aes);
	EVP_CIPHER_free(aes);
	return error;
}

struct keyring *keyring_new(const struct key_material *material, uint64_t current_epoch)
{
	struct keyring *keys;
	int error = -EINVAL;

	if (material->minting >= KEYRING_SECRETS || !material_holds(material, material->minting)
		|| !material_covers(material, current_epoch))
		goto fail;
	error = -ENOMEM;
	keys = OPENSSL_zalloc(sizeof(*keys));
	if (keys == NULL)
		goto fail;
	keys->material = *material;
	error = slots_init(keys);
	if (error == 0)
		error = keyring_turn(keys, current_epoch);
	if (error == 0)
		return keys;
	keyring_free(keys);
fail:
	errno = -error;
	return NULL;
}

void keyring_free(struct keyring *keys)
{
	if (keys == NULL)
		return;
	for (unsigned i = 0; i < KEYRING_SLOTS; i++)
		siv_key_fini(&keys->slots[i].key);
	OPENSSL_clear_free(keys, sizeof(*keys));
}

// libcrypto 3.0 keys a context that has a cipher in place, without asking for memory; test_keyring counts.
int keyring_advance(struct keyring *keys, uint64_t current_epoch)
{
	if (current_epoch < keys->epoch || !material_covers(&keys->material, current_epoch))
		return -ERANGE;
	return keyring_turn(keys, current_epoch);
}

uint64_t keyring_epoch(const struct keyring *keys)
{
	return keys->epoch;
}

struct siv_key *keyring_find(struct keyring *keys, unsigned slot)
{
	return keys->slots[slot].usable ? &keys->slots[slot].key : NULL;
}

unsigned keyring_minting_slot(const struct keyring *keys)
{
	return (unsigned)(keys->epoch % KEYRING_RESIDUES) * KEYRING_SECRETS
		+ keys->material.minting;
}
