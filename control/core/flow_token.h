// flow_token.h: the user part of our Record-Route by which a connection is found again (RFC 5626 section 5.2).
//
// Keyed: who has not been given one cannot make one, and so cannot have requests sent down other people's connections.

#pragma once

#include <weir/keyhash.h>

enum {
	FLOW_TOKEN_TEXT = 22, // 128 bits: the connection's number, and the proof of it
};

void flow_token_write(
	const struct hash_keys *hashes, uint64_t connection, uint8_t out[FLOW_TOKEN_TEXT]);
// False: it is none of ours.
[[nodiscard]] bool flow_token_read(
	const struct hash_keys *hashes, struct span user, uint64_t *connection);
