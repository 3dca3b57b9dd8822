// keyhash.h: keyed hashes: SipHash-2-4 (Aumasson and Bernstein, 2012) with a key per purpose.
//
// They hide nothing from edges (the index secret is common to the cluster); they stop outsiders from choosing collisions and
// from forging what only an edge may write. The input is a list of fields, each u16 length (network order) and octets of the
// *parsed* value: spelling, order and white space of a message never enter.

#pragma once

#include <weir/message.h>
#include <weir/span.h>
#include <weir/uri.h>

enum hash_label {
	HASH_UAK, // AOR and instance-id, or AOR and contact: the user agent key
	HASH_AOR,
	HASH_INSTANCE,
	HASH_CONTACT,
	HASH_BIND,
	HASH_RELAY,
	HASH_BRANCH,
	HASH_RETURN,
	HASH_TAG,
	HASH_LABELS,
};

enum {
	HASH_KEY_OCTETS = 16,
	INDEX_SECRET_OCTETS = 32,
	BRANCH_HASH_OCTETS = 16, // 22 base64url characters
	RETURN_HASH_OCTETS = 6,
};

struct hash_keys {
	uint8_t key[HASH_LABELS][HASH_KEY_OCTETS];
};

// HKDF-SHA256 of the index secret, a label each. 0 or a negative errno.
[[nodiscard]] int hash_keys_derive(
	struct hash_keys *keys, const uint8_t secret[INDEX_SECRET_OCTETS], struct span cluster);

struct keyhash {
	uint64_t v[4];
	uint64_t tail;
	uint64_t length;
	bool wide;
};
void keyhash_begin(struct keyhash *hash, const struct hash_keys *keys, enum hash_label label);
void keyhash_begin_wide(
	struct keyhash *hash, const struct hash_keys *keys, enum hash_label label); // 128 bits
void keyhash_field(struct keyhash *hash, struct span field);
void keyhash_field_lower(struct keyhash *hash, struct span field);
void keyhash_field_upper(struct keyhash *hash, struct span field);
void keyhash_field_unescaped(struct keyhash *hash, struct span field); // "%61" as "a"
void keyhash_field_number(struct keyhash *hash, uint64_t number, unsigned octets); // network order
uint64_t keyhash_end(struct keyhash *hash);
void keyhash_end_wide(struct keyhash *hash, uint8_t out[16]);
