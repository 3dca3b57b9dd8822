// secret_check.h: whether two edges hold the same secrets, without either of them telling its own.
//
// A check is a keyed hash of a secret. Two edges agree if each can open what the other mints, by the same bit of the header, and if
// their hashes of names are the same: so they agree at every step of a secret's replacement (docs/token.md).

#pragma once

#include <weir/keyring.h>

#include <stdbool.h>
#include <stdint.h>

struct secret_check {
	uint8_t held; // bit n: token secret n
	uint8_t minting;
	uint64_t token[KEYRING_SECRETS]; // 0 where none is held
	uint64_t index;
};

enum secret_standing {
	SECRET_AGREES, // with all that are heard
	SECRET_SPLIT, // somebody differs, and no majority says who is wrong
	SECRET_MINORITY, // most of the edges agree with each other and not with us
};

[[nodiscard]] bool secret_checks_agree(const struct secret_check *a, const struct secret_check *b);
// Among ourselves and the others that are heard.
enum secret_standing secret_checks_judge(
	const struct secret_check *ours, const struct secret_check *const *others, unsigned count);
