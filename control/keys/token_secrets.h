// token_secrets.h: the text in which a cluster's secrets are kept.
//
// The file is the same on all edges of a cluster; `weirctl keys init` writes it. Lines end in LF; the order is free but for the
// first; each line stands at most once:
//
//     weir-keys 1                 format and version
//     cluster NAME                the cluster it was made for (optional; must then equal the configuration's)
//     token 0 HEX                 64 hex digits: a token secret; at least one of 0 and 1
//     token 1 HEX
//     mint 0                      which of them seals new tokens
//     index HEX                   64 hex digits: the index secret
//     # ...                       comment

#pragma once

#include <weir/keyhash.h>
#include <weir/keyring.h>
#include <weir/span.h>

enum {
	TOKEN_SECRETS_TEXT_MAX = 1024,
	TOKEN_SECRETS_CLUSTER_MAX = 255,
};

// As in the file. Wipe after use.
struct token_secrets {
	uint8_t held; // bit n: token[n] is there
	uint8_t minting;
	uint8_t cluster_length; // 0: the file names none
	uint8_t cluster[TOKEN_SECRETS_CLUSTER_MAX];
	uint8_t token[KEYRING_SECRETS][TOKEN_SECRET_OCTETS];
	uint8_t index[INDEX_SECRET_OCTETS];
};

// Write the file's text; returns its length. out holds TOKEN_SECRETS_TEXT_MAX octets.
size_t token_secrets_format(const struct token_secrets *secrets, uint8_t *out);
// False: not a key file, or *line is wrong (0: a line is missing). *secrets is written only if true is returned.
[[nodiscard]] bool token_secrets_parse(
	struct span text, struct token_secrets *secrets, unsigned *line);
