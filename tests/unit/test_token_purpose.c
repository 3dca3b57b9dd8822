#include "token_fixture.h"

#include <weir/token.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

struct purpose {
	unsigned kind;
	unsigned cluster;
	unsigned secret;
	uint64_t epoch;
};

static struct purpose purpose_of(unsigned i)
{
	return (struct purpose){i % 4, i / 4 % 2, i / 8 % 2, 100 + i / 16 % 2};
}

static bool purposes_equal(struct purpose a, struct purpose b)
{
	return a.kind == b.kind && a.cluster == b.cluster && a.secret == b.secret
		&& a.epoch == b.epoch;
}

static void purpose_mint(struct purpose purpose, uint8_t *out)
{
	struct keyring *ring = ring_of(clusters[purpose.cluster], (uint8_t)(1 << purpose.secret),
		(uint8_t)purpose.secret, purpose.epoch);
	struct beat beat = {.edge = 2, .sequence = 1};

	struct token minted = example(purpose.kind, ENDPOINT_V4);
	if (purpose.kind == TOKEN_BEAT)
		beat_mint(ring, &beat, out);
	else
		token_mint(ring, &minted, out);
	keyring_free(ring);
}

// True if this text serves the purpose: it opens under a ring that holds that epoch of that secret alone, as that kind.
static bool purpose_served(struct purpose purpose, const uint8_t *tried)
{
	struct key_material material = material_of(clusters[purpose.cluster],
		(uint8_t)(1 << purpose.secret), (uint8_t)purpose.secret, purpose.epoch);
	struct token token = {.kind = TOKEN_BEAT};
	struct beat beat;

	// No key but the one asked for.
	for (unsigned i = 0; i < KEYRING_EPOCHS; i++)
		if (material.first_epoch + i != purpose.epoch)
			memset(material.key[purpose.secret][i], 0, EPOCH_KEY_OCTETS);
	struct keyring *ring = keyring_new(&material, purpose.epoch);
	enum token_verdict verdict = purpose.kind == TOKEN_BEAT
		? beat_redeem(ring, span_of(tried, TOKEN_LENGTH_V4), &beat)
		: token_redeem(ring, span_of(tried, TOKEN_LENGTH_V4), &token);

	keyring_free(ring);
	return verdict == TOKEN_OK && (purpose.kind == TOKEN_BEAT || token.kind == purpose.kind);
}

Test(token_purpose, serves_its_own_kind_cluster_secret_and_epoch_alone)
{
	for (unsigned i = 0; i < 32; i++) {
		uint8_t out[TOKEN_LENGTH_V6];

		purpose_mint(purpose_of(i), out);
		for (unsigned j = 0; j < 32; j++)
			cr_assert(eq(int, purpose_served(purpose_of(j), out),
				purposes_equal(purpose_of(i), purpose_of(j))));
	}
}
