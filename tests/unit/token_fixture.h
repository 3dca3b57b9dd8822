// token_fixture.h: rings of a test cluster, and tokens to seal with them.

#pragma once

#include "random.h"

#include <weir/side.h>
#include <weir/token.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum {
	WEEK_S = 7 * 24 * 3600,
	EPOCH = 7,
};

static const uint8_t secrets[KEYRING_SECRETS][TOKEN_SECRET_OCTETS] = {
	"the first secret of the cluster.",
	"the second secret of the cluster",
};

static const struct span clusters[] = {SPAN("edge.example.net"), SPAN("edge.example.com")};

static inline struct key_material material_of(
	struct span cluster, uint8_t held, uint8_t minting, uint64_t epoch)
{
	struct key_material material = {.minting = minting};

	for (unsigned i = 0; i < KEYRING_SECRETS; i++)
		if (held >> i & 1)
			cr_assert(eq(int,
				key_material_derive(
					&material, i, secrets[i], cluster, WEEK_S, epoch),
				0));
	return material;
}

static inline struct keyring *ring_of(
	struct span cluster, uint8_t held, uint8_t minting, uint64_t epoch)
{
	struct key_material material = material_of(cluster, held, minting, epoch);
	struct keyring *ring = keyring_new(&material, epoch);

	cr_assert(ne(ptr, ring, NULL));
	return ring;
}

static inline struct token example(unsigned kind, unsigned family)
{
	struct token token = {
		.flow = {.edge = 2, .slot = 0x01020304, .generation = 0x66000001},
		.kind = (uint8_t)kind,
		.role = TOKEN_RECEIVER,
		.listener = LISTENERS_MAX,
		.uak = 0x1122334455667788,
		.bind = 0xaabbccdd,
	};

	if (kind == TOKEN_RELAY)
		return token;
	token.peer =
		(struct endpoint){.address = {192, 0, 2, 33}, .port = 49153, .family = ENDPOINT_V4};
	if (family == ENDPOINT_V6)
		token.peer = (struct endpoint){
			.address = {0x20, 0x01, 0x0d, 0xb8, [14] = 0xab, 0xcd},
			.port = 5060,
			.family = ENDPOINT_V6,
		};
	return token;
}

static inline bool tokens_equal(const struct token *a, const struct token *b)
{
	return flow_id_equal(a->flow, b->flow) && a->kind == b->kind && a->role == b->role
		&& a->listener == b->listener && endpoint_equal(&a->peer, &b->peer)
		&& a->uak == b->uak && a->bind == b->bind;
}

static inline struct token random_token(struct random *random)
{
	struct token token = {
		.flow = {.edge = (uint8_t)random_next(random),
			.slot = (uint32_t)random_next(random),
			.generation = (uint32_t)random_next(random)},
		.kind = (uint8_t)random_below(random, TOKEN_BEAT),
		.role = (uint8_t)random_below(random, 2),
		.listener = (uint8_t)random_below(random, 128),
		.uak = random_next(random),
		.bind = (uint32_t)random_next(random),
	};

	if (token.kind == TOKEN_RELAY)
		return token;
	token.peer.family = random_below(random, 2) ? ENDPOINT_V6 : ENDPOINT_V4;
	token.peer.port = (uint16_t)random_next(random);
	random_fill(random, token.peer.address, token.peer.family == ENDPOINT_V6 ? 16 : 4);
	return token;
}

// Redeems, and checks that what comes out is as it was minted, and that nothing does unless the verdict is TOKEN_OK.
static inline enum token_verdict redeem_as(
	struct keyring *ring, struct span tried, const struct token *minted)
{
	struct token untouched;
	struct token token;

	memset(&untouched, 0x5a, sizeof(untouched));
	token = untouched;
	enum token_verdict verdict = token_redeem(ring, tried, &token);

	if (verdict == TOKEN_OK)
		cr_assert(tokens_equal(&token, minted));
	else
		cr_assert(eq(int, memcmp(&token, &untouched, sizeof(token)), 0));
	return verdict;
}
