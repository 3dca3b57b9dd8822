// digest.h: HTTP Digest for SIP (RFC 3261 section 22, RFC 7616, RFC 8760): MD5 and SHA-256 with qop=auth.
//
// Nonces hold their own time under an HMAC, so nothing is remembered between challenge and answer; a nonce that is too old
// brings a new challenge with stale=true.

#pragma once

#include "../base/text.h"

#include <weir/message.h>

enum {
	DIGEST_KEY_OCTETS = 32,
};

// Keep one a process; drawn at start.
struct digest_key {
	uint8_t octets[DIGEST_KEY_OCTETS];
};

enum digest_verdict {
	DIGEST_OK,
	DIGEST_ABSENT, // no credentials for this realm
	DIGEST_STALE, // right password, old nonce
	DIGEST_WRONG, // unknown user, wrong password, nonce not ours, other method or URI, or malformed
};

// What is known of a user: the password, for which both algorithms can be computed.
struct digest_user {
	struct span name;
	struct span password;
};

typedef const struct digest_user *digest_find_user(void *context, struct span name);

// 0 or -EIO: no randomness.
[[nodiscard]] int digest_key_draw(struct digest_key *key);
// Check the Authorization headers of a request. *user is set for DIGEST_OK.
[[nodiscard]] enum digest_verdict digest_check(const struct digest_key *key,
	const struct message *request, struct span realm, uint64_t now_s, uint32_t nonce_life_s,
	digest_find_user *find, void *context, const struct digest_user **user);
// Add WWW-Authenticate lines, the strongest algorithm first (RFC 8760 section 2.3).
void digest_add_challenge(const struct digest_key *key, struct text *out, struct span realm,
	uint64_t now_s, bool stale);
