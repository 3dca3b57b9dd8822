// token_keys.h: the cluster's secrets in a running edge, and what is derived from them for the dataplane.
//
// The secrets lie in pages of their own that are locked in memory, left out of core dumps and kept from children (vault.h). Their file must
// be a regular one, of root or of the user control runs as, that nobody else may read: the group may read it, never write.

#pragma once

#include "secret_check.h"
#include "token_secrets.h"

struct token_keys;

enum {
	TOKEN_KEYS_TICKET_OCTETS = 32,
	TOKEN_KEYS_FILE_MAX = 8192, // a larger file is refused unread
	TOKEN_KEYS_RENEW_S = 86400, // how old the dataplane's keys become
};

enum token_keys_fault {
	TOKEN_KEYS_OK,
	TOKEN_KEYS_MODE, // [E-KEY-MODE] others may read or write it, or it is somebody else's
	TOKEN_KEYS_FILE, // [E-KEY-FILE] cannot be read
	TOKEN_KEYS_SYNTAX, // [E-KEY-SYNTAX] a line is wrong, repeated or missing
	TOKEN_KEYS_CLUSTER, // [E-KEY-CLUSTER] made for another cluster
	TOKEN_KEYS_INDEX, // [E-KEY-INDEX] has another index secret than the running edge
	TOKEN_KEYS_SYSTEM, // [E-KEY-SYSTEM] no memory, or OpenSSL failed
};

// What went wrong, for people: one line with the id of its fault at the end.
struct token_keys_error {
	enum token_keys_fault fault;
	char text[1024];
};

// Reads and checks the file. NULL: *error is set.
[[nodiscard]] struct token_keys *token_keys_open(const char *path, struct span cluster,
	uint32_t rotate_every_s, struct token_keys_error *error);
void token_keys_close(struct token_keys *keys); // wipes
// Reads the file again: other token secrets, or another one that mints. The index secret stays what it is, for names are known by its
// hashes. On a fault nothing has changed.
[[nodiscard]] enum token_keys_fault token_keys_reload(
	struct token_keys *keys, const char *path, struct token_keys_error *error);

// The epoch at a wall clock.
uint64_t token_keys_epoch(const struct token_keys *keys, uint64_t wall_s);
// What the dataplane holds from now on: KEYRING_PAST epochs back, KEYRING_AHEAD ahead. 0 or a negative errno. The caller wipes
// *material.
[[nodiscard]] int token_keys_derive(
	const struct token_keys *keys, uint64_t wall_s, struct key_material *material);
// What another edge may know of the secrets. 0 or a negative errno.
[[nodiscard]] int token_keys_check(const struct token_keys *keys, struct secret_check *check);
// Derived once, valid until token_keys_close().
const struct hash_keys *token_keys_hashes(const struct token_keys *keys);
// The secret of the cluster's TLS session tickets: the same at every edge. 0 or -EIO; the caller wipes it.
[[nodiscard]] int token_keys_derive_tickets(
	const struct token_keys *keys, uint8_t secret[TOKEN_KEYS_TICKET_OCTETS]);
// True if material derived at derived_wall_s should be derived and sent anew: a day or an epoch has passed, or the clock has
// stepped back.
[[nodiscard]] bool token_keys_are_due(
	const struct token_keys *keys, uint64_t derived_wall_s, uint64_t wall_s);
