// scene.h: an edge with phones and calls, for rows that measure whole stages.
//
// Every phone has a flow and a row of this edge; every call has a route token of its own, of the phone that received it. Calls
// go through the phones in an order that no prefetcher follows.

#pragma once

#include "../dataplane/pipeline/limits.h"
#include "bye.h"
#include "rows.h"

enum {
	SCENE_FEW_FLOWS = 1024,
	SCENE_FEW_CALLS = 1024,
	SCENE_MANY_FLOWS = 1048576,
	SCENE_MANY_CALLS = 262144,
	SCENE_EDGE = 2,
	SCENE_ACCESS = 1, // listeners
	SCENE_CORE = 2,
	SCENE_MESSAGE_MAX = 1024,
	SCENE_BUFFER = 2048,
};

struct scene_token {
	uint8_t text[TOKEN_LENGTH_V4];
};

struct scene {
	unsigned users;
	struct world world;
	struct flow_table *flows;
	struct directory *directory;
	struct peer_board peers;
	struct hash_keys hashes;
	struct rate moved;
	struct limits limits;
	uint32_t flow_count; // a power of two
	uint32_t call_count; // a power of two
	struct scene_token *token; // by call
	uint32_t at; // the next call
	struct burst *burst;
	struct packet packet[BURST];
	uint8_t buffer[BURST][SCENE_BUFFER];
	uint8_t request[BURST][SCENE_MESSAGE_MAX];
	uint16_t request_length[BURST];
	uint8_t response[BURST][SCENE_MESSAGE_MAX];
	uint16_t response_length[BURST];
};

// NULL and errno. The calling thread is registered with urcu_qsbr.
struct scene *scene_new(uint32_t flow_count, uint32_t call_count);
void scene_free(struct scene *scene);
// The same edge for another thread: tables, directory and tokens are the first one's; keys, burst and packets its own. NULL and errno.
struct scene *scene_view_new(const struct scene *scene);
void scene_view_free(struct scene *view);

// A burst of the next calls' BYEs as the core sends them.
void scene_receive_byes(struct scene *scene);
// A burst of OPTIONS as the first phones send them, which scene_write_requests() has written.
void scene_write_requests(struct scene *scene);
void scene_receive_requests(struct scene *scene);
// Its answers as the core sends them; scene_keep_responses() made them of the OPTIONS that left.
void scene_receive_responses(struct scene *scene);
[[nodiscard]] bool scene_keep_responses(struct scene *scene);
