#include "token_fixture.h"

#include <weir/token.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct keyring *keys;
static uint8_t text[TOKEN_LENGTH_V6];
static size_t text_length;

static void setup(void)
{
	keys = ring_of(SPAN("edge.example.net"), 1, 0, EPOCH);
}

static void teardown(void)
{
	keyring_free(keys);
}

TestSuite(token_burst, .init = setup, .fini = teardown);

// Good, flipped, cut, of other epochs and secrets, of both families, in any order.
static size_t random_text(
	struct random *random, struct keyring **rings, unsigned count, uint8_t *out)
{
	struct token token = random_token(random);
	size_t length = token_mint(rings[random_below(random, count)], &token, out);

	switch (random_below(random, 6)) {
	case 0:
		out[random_below(random, (unsigned)length)] = 'A';
		return length;
	case 1:
		return random_below(random, (unsigned)length);
	case 2:
		out[random_below(random, (unsigned)length)] = (uint8_t)random_next(random);
		return length;
	default:
		return length;
	}
}

static void burst_equals_one_by_one(
	struct random *random, struct keyring **rings, unsigned count, unsigned *seen)
{
	uint8_t texts[TOKEN_BURST][TOKEN_LENGTH_V6];
	struct span spans[TOKEN_BURST] = {{NULL, 0}};
	struct token tokens[TOKEN_BURST];
	enum token_verdict verdicts[TOKEN_BURST];
	unsigned burst = random_below(random, TOKEN_BURST + 1);

	for (unsigned i = 0; i < burst; i++)
		spans[i] = span_of(texts[i], random_text(random, rings, count, texts[i]));
	token_redeem_burst(keys, spans, burst, tokens, verdicts);
	for (unsigned i = 0; i < burst; i++) {
		struct token alone;

		cr_assert(eq(int, token_redeem(keys, spans[i], &alone), verdicts[i]));
		if (verdicts[i] == TOKEN_OK)
			cr_assert(tokens_equal(&alone, &tokens[i]));
		seen[verdicts[i]]++;
	}
}

Test(token_burst, redeemed_in_a_burst_is_as_redeemed_alone)
{
	struct random random = {12};
	struct keyring *rings[12];
	unsigned seen[TOKEN_FORGED + 1] = {0};

	cr_assert(eq(int, keyring_advance(keys, 14), 0));
	for (unsigned i = 0; i < 12; i++)
		rings[i] = ring_of(
			clusters[i % 6 == 5], (uint8_t)(1 + (i % 5 == 4)), i % 5 == 4, 4 + i);
	for (unsigned round = 0; round < 200; round++)
		burst_equals_one_by_one(&random, rings, 12, seen);
	for (unsigned verdict = TOKEN_OK; verdict <= TOKEN_FORGED; verdict++)
		cr_assert(gt(uint, seen[verdict], 100));
	for (unsigned i = 0; i < 12; i++)
		keyring_free(rings[i]);
}

Test(token_burst, minted_in_a_burst_is_as_minted_alone)
{
	struct random random = {13};

	for (unsigned round = 0; round < 100; round++) {
		struct token tokens[TOKEN_BURST];
		uint8_t texts[TOKEN_BURST][TOKEN_LENGTH_V6];
		unsigned count = random_below(&random, TOKEN_BURST + 1);

		for (unsigned i = 0; i < count; i++)
			tokens[i] = random_token(&random);
		token_mint_burst(keys, tokens, count, texts);
		for (unsigned i = 0; i < count; i++) {
			text_length = token_mint(keys, &tokens[i], text);
			cr_assert(eq(int, memcmp(text, texts[i], text_length), 0));
		}
	}
}
