// keyring.h: the token keys of a cluster, by secret and epoch.
//
// Epoch key = HKDF-SHA256(token secret, "token" | cluster name | rotate-every | epoch number), epoch = wall clock /
// rotate-every. Control holds the secrets and derives; the dataplane sees epoch keys only, sixteen epochs ahead, and advances by
// the clock, so that a dead control stops nothing.

#pragma once

#include <weir/span.h>

enum {
	KEYRING_PAST = 13, // epochs before the current one whose tokens are redeemed
	KEYRING_FUTURE = 1, // an edge whose clock is ahead may mint under it
	KEYRING_AHEAD = 16, // epochs that control derives ahead
	// Epochs in one struct key_material and secret.
	KEYRING_EPOCHS = KEYRING_PAST + 1 + KEYRING_AHEAD,
	KEYRING_SECRETS = 2,
	// AES-128-SIV: a 16 octet S2V key, then a 16 octet CTR key (RFC 5297 section 2.2).
	EPOCH_KEY_OCTETS = 32,
	TOKEN_SECRET_OCTETS = 32,
};

// What control hands to the keeper: keys of consecutive epochs from `first_epoch`. Wipe after use.
struct key_material {
	uint64_t first_epoch;
	uint32_t rotate_every_s;
	uint8_t held; // bit n: secret n is held
	uint8_t minting; // the secret whose current epoch mints
	uint8_t reserved[2];
	uint8_t key[KEYRING_SECRETS][KEYRING_EPOCHS][EPOCH_KEY_OCTETS];
};

// Derive one secret's part of the material, for epochs current - KEYRING_PAST and on. 0 or a negative errno.
[[nodiscard]] int key_material_derive(struct key_material *material, unsigned secret_index,
	const uint8_t secret[TOKEN_SECRET_OCTETS], struct span cluster, uint32_t rotate_every_s,
	uint64_t current_epoch);

// Expanded keys. Belongs to one thread: its cipher contexts are mutated by every call. NULL, and errno: ENOMEM; EIO;
// EINVAL: the material does not cover the epoch, or its minting secret is not held.
struct keyring;
[[nodiscard]] struct keyring *keyring_new(
	const struct key_material *material, uint64_t current_epoch);
void keyring_free(struct keyring *keys); // wipes
// Move to a later epoch that the material covers (the same one again is fine): 0; -ERANGE: an earlier one or not covered,
// nothing changed; -EIO: libcrypto failed, use the ring no more. Allocates nothing.
[[nodiscard]] int keyring_advance(struct keyring *keys, uint64_t current_epoch);
uint64_t keyring_epoch(const struct keyring *keys);
