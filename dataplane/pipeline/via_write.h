// via_write.h: our Via: its branch, its proof `w`, and the received and rport we add to the one below (ROUTING section 8).

#pragma once

#include "stage.h"

enum {
	BRANCH_LENGTH = 7 + 22, // "z9hG4bK" and 128 bits in base64url
	PROOF_OCTETS = 9 + RETURN_HASH_OCTETS, // listener, slot, generation, hash
	PROOF_LENGTH = PROOF_OCTETS / 3 * 4,
};

// What our Via's `w` says. Of an address that moves between edges the Via does not say which one wrote it: the hash does.
struct proof {
	uint8_t edge; // that wrote it, and whose listener and flow these are
	uint8_t listener;
	uint32_t slot;
	uint32_t generation;
};

void branch_write(const uint8_t branch[BRANCH_HASH_OCTETS], uint8_t text[BRANCH_LENGTH]);

// What stands as received and rport in the topmost Via that is not ours, as we leave it.
struct via_return {
	uint16_t rport; // 0: none
	uint8_t length; // 0: no received
	uint8_t received[ENDPOINT_TEXT_MAX];
};
void via_return_decide(const struct message *message, const struct endpoint *source, bool always,
	struct via_return *out);
// Note the edits that make the top Via so.
void via_return_write(
	struct edit_plan *plan, const struct message *message, const struct via_return *back);
// Insert our Via above the top one; `alias` as RFC 5923 section 9.1 has it.
void via_write(const struct world *world, struct edit_plan *plan, const struct message *message,
	const struct directory_listener *out, bool alias, const struct proof *proof,
	const uint8_t branch[BRANCH_HASH_OCTETS], const struct via_return *back);

// Read a response's top Via back, which names this edge and listener: true if we (any edge of ours) wrote it for this very response,
// whose next Via is `next`.
[[nodiscard]] bool proof_read(const struct world *world, const struct message *message,
	const struct via *next, const struct directory_via *named, struct proof *proof);
