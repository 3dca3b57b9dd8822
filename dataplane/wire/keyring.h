// keyring.h: what tokens need of a keyring: the key that a header octet names.

#pragma once

#include "siv.h"

#include <weir/keyring.h>

// The top five bits of a token's header name a slot: epoch modulo sixteen, then the secret.
enum {
	KEYRING_RESIDUES = 16,
	KEYRING_SLOTS = KEYRING_RESIDUES * KEYRING_SECRETS,
	HEADER_SLOT_SHIFT = 3,
	HEADER_EPOCH_SHIFT = 4,
};

static inline unsigned header_slot(uint8_t header)
{
	return header >> HEADER_SLOT_SHIFT;
}

// NULL: that epoch is retired, or that secret is not held.
struct siv_key *keyring_find(struct keyring *keys, unsigned slot);
// The slot that mints now; it always has a key.
unsigned keyring_minting_slot(const struct keyring *keys);
