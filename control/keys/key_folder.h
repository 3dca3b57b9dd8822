// key_folder.h: the folder of a cluster's secrets: what `weirctl keys init` writes and an edge reads.
//
//     token-keys         token secrets and index secret (token_keys.h); the same file on every edge
//     cluster-ca.pem     the cluster's CA; on every edge
//     cluster-ca.key     its key: needed to admit further edges only; keep it off the edges
//     edge-N.pem .key    certificate and key of edge N; on that edge

#pragma once

#include <weir/span.h>

#include <stdint.h>

enum {
	KEY_PATH_MAX = 512,
	KEY_EDGES_MAX = 255,
};

struct key_edge {
	uint8_t id;
	const char *name; // host name
};

// Paths in the folder. out holds KEY_PATH_MAX octets; false: too long.
[[nodiscard]] bool key_folder_tokens(const char *folder, char *out);
[[nodiscard]] bool key_folder_authority(const char *folder, char *certificate, char *key);
[[nodiscard]] bool key_folder_edge(const char *folder, uint8_t edge, char *certificate, char *key);

// Make what is missing, keep what is there, and say each file by `made`. 0 or a negative errno; *failed is then the file.
[[nodiscard]] int key_folder_init(const char *folder, const char *cluster,
	const struct key_edge *edges, unsigned edge_count,
	void (*made)(void *context, const char *path, bool kept), void *context, char *failed);
