// rows.h: everything that is measured. A new row is one line in the table of floors.c or stages.c, and its functions.

#pragma once

#include "measure.h"

extern const struct bench_row floors[FLOOR_COUNT]; // by enum floor; FLOOR_NONE is empty
extern const struct bench_row stages[];
extern const unsigned stage_count;

enum {
	BURST = 32, // messages or tokens that a stage takes at once
	FLOOR_AES_BLOCKS = 32,
	LOADS_BATCH = 32,
	MOVE_OCTETS = 512,
};

// For rows that need no state.
void *stateless_setup(void);
void stateless_teardown(void *state);

// floor_scan.c: compiled for AVX2.
void *scan_setup(void);
void scan_run(void *state, uint64_t rounds);

// floor_loads.c: over memory far larger than the caches. loads_octets(): how much; 0 before the first setup.
void *loads_setup(void);
void loads_run(void *state, uint64_t rounds);
void loads_dependent_run(void *state, uint64_t rounds);
void loads_teardown(void *state);
uint64_t loads_octets(void);

// stage_token.c, stage_message.c
void *tokens_setup(void);
void *tokens_v6_setup(void);
void *tokens_forged_setup(void);
void redeem_run(void *state, uint64_t rounds);
void redeem_burst_run(void *state, uint64_t rounds);
void mint_run(void *state, uint64_t rounds);
void mint_burst_run(void *state, uint64_t rounds);
void base64url_decode_run(void *state, uint64_t rounds);
void base64url_encode_run(void *state, uint64_t rounds);
void tokens_teardown(void *state);
void *message_setup(void);
void parse_run(void *state, uint64_t rounds);
void hashes_run(void *state, uint64_t rounds);
void message_teardown(void *state);

// stage_burst.c: bursts of 32 in memory, as received and then through one stage after the other.
void *scene_few_setup(void);
void *scene_many_setup(void);
void bye_received_run(void *state, uint64_t rounds);
void bye_parsed_run(void *state, uint64_t rounds);
void bye_redeemed_run(void *state, uint64_t rounds);
void bye_decided_run(void *state, uint64_t rounds);
void bye_rewritten_run(void *state, uint64_t rounds);
void request_run(void *state, uint64_t rounds);
void response_run(void *state, uint64_t rounds);
void scene_teardown(void *state);

// stage_frame.c: what a backend does that writes frames itself.
void *frame_v4_setup(void);
void *frame_v6_setup(void);
void *frame_card_setup(void);
void frame_read_run(void *state, uint64_t rounds);
void frame_write_run(void *state, uint64_t rounds);
void frame_teardown(void *state);
void *hops_gateway_setup(void);
void *hops_link_setup(void);
void *hops_many_setup(void);
void hops_run(void *state, uint64_t rounds);
void hops_teardown(void *state);
