#include "rows.h"

#include <weir/base64url.h>
#include <weir/token.h>

#include <stdlib.h>

enum {
	TOKENS = 4096, // distinct ones: no branch is learnt by heart
	EPOCH = 2900,
	WEEK_S = 604800,
};

struct tokens {
	struct keyring *keys;
	unsigned at;
	struct token token[TOKENS];
	struct span span[TOKENS];
	uint8_t text[TOKENS][TOKEN_LENGTH_V6];
};

static struct keyring *ring_new(void)
{
	static const uint8_t secret[TOKEN_SECRET_OCTETS] = {1};
	struct key_material material = {.minting = 0};

	if (key_material_derive(&material, 0, secret, SPAN("edge.example.net"), WEEK_S, EPOCH) != 0)
		return NULL;
	return keyring_new(&material, EPOCH);
}

static struct token token_make(unsigned index, unsigned family)
{
	return (struct token){
		.flow = {.edge = 2, .slot = index * 7919, .generation = 0x66000000 + index},
		.kind = TOKEN_ROUTE,
		.role = TOKEN_RECEIVER,
		.listener = 1,
		.peer = {.address = {192, 0, (uint8_t)(index >> 8), (uint8_t)index},
			.port = 5060,
			.family = (uint8_t)family},
		.uak = 0x9e3779b97f4a7c15 * (index + 1),
		.bind = index,
	};
}

static void *tokens_new(unsigned family)
{
	struct tokens *tokens = calloc(1, sizeof(*tokens));

	if (tokens == NULL)
		return NULL;
	tokens->keys = ring_new();
	if (tokens->keys == NULL) {
		free(tokens);
		return NULL;
	}
	for (unsigned i = 0; i < TOKENS; i++) {
		tokens->token[i] = token_make(i, family);
		tokens->span[i] = span_of(tokens->text[i],
			token_mint(tokens->keys, &tokens->token[i], tokens->text[i]));
	}
	return tokens;
}

void *tokens_setup(void)
{
	return tokens_new(ENDPOINT_V4);
}

void *tokens_v6_setup(void)
{
	return tokens_new(ENDPOINT_V6);
}

void *tokens_forged_setup(void)
{
	struct tokens *tokens = tokens_new(ENDPOINT_V4);

	for (unsigned i = 0; tokens != NULL && i < TOKENS; i++)
		tokens->text[i][30] = tokens->text[i][30] == 'A' ? 'B' : 'A';
	return tokens;
}

void tokens_teardown(void *state)
{
	struct tokens *tokens = state;

	keyring_free(tokens->keys);
	free(tokens);
}

// Where the next `count` tokens are.
static unsigned tokens_take(struct tokens *tokens, unsigned count)
{
	unsigned at = tokens->at;

	tokens->at = (at + count) % TOKENS;
	return at;
}

void redeem_run(void *state, uint64_t rounds)
{
	struct tokens *tokens = state;

	for (; rounds > 0; rounds--) {
		struct token token = {.uak = 0};

		measure_keep(
			token_redeem(tokens->keys, tokens->span[tokens_take(tokens, 1)], &token));
		measure_keep(token.uak);
	}
}

void redeem_burst_run(void *state, uint64_t rounds)
{
	struct tokens *tokens = state;
	static struct token redeemed[BURST];
	enum token_verdict verdicts[BURST];

	for (; rounds > 0; rounds--) {
		token_redeem_burst(tokens->keys, &tokens->span[tokens_take(tokens, BURST)], BURST,
			redeemed, verdicts);
		measure_keep(verdicts[0]);
	}
}

void mint_run(void *state, uint64_t rounds)
{
	struct tokens *tokens = state;
	uint8_t text[TOKEN_LENGTH_V6];

	for (; rounds > 0; rounds--)
		measure_keep(
			token_mint(tokens->keys, &tokens->token[tokens_take(tokens, 1)], text));
}

void mint_burst_run(void *state, uint64_t rounds)
{
	struct tokens *tokens = state;
	uint8_t texts[BURST][TOKEN_LENGTH_V6];

	for (; rounds > 0; rounds--) {
		token_mint_burst(
			tokens->keys, &tokens->token[tokens_take(tokens, BURST)], BURST, texts);
		measure_keep(texts[0][0]);
	}
}

void base64url_decode_run(void *state, uint64_t rounds)
{
	struct tokens *tokens = state;
	uint8_t octets[TOKEN_OCTETS_V6];

	for (; rounds > 0; rounds--)
		measure_keep(base64url_decode(
			octets, sizeof(octets), tokens->span[tokens_take(tokens, 1)]));
}

void base64url_encode_run(void *state, uint64_t rounds)
{
	struct tokens *tokens = state;
	uint8_t text[TOKEN_LENGTH_V6];

	for (; rounds > 0; rounds--)
		measure_keep(base64url_encode(
			text, tokens->text[tokens_take(tokens, 1)], TOKEN_OCTETS_V4));
}
