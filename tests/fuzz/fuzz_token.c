// fuzz_token.c: what must hold of tokens, beats and base64url whatever the octets are.

#include "fuzz.h"
#include "keyring.h"

#include <weir/base64url.h>
#include <weir/token.h>

enum {
	EPOCH = 2900, // of the vectors in docs/token.md, which are among the seeds
	ROTATE_EVERY_S = 604800,
	RESIDUES = KEYRING_RESIDUES,
};

static struct keyring *keys; // holds both secrets
static struct keyring *minting[KEYRING_SLOTS]; // mints what is sealed under a slot; NULL: retired

static struct keyring *ring_make(unsigned secret, uint64_t epoch)
{
	struct key_material material = {.minting = (uint8_t)secret};
	uint8_t octets[TOKEN_SECRET_OCTETS];

	for (unsigned index = 0; index < KEYRING_SECRETS; index++) {
		for (unsigned i = 0; i < TOKEN_SECRET_OCTETS; i++)
			octets[i] = (uint8_t)(index * TOKEN_SECRET_OCTETS + i);
		CHECK(key_material_derive(&material, index, octets, SPAN("edge.example.net"),
			      ROTATE_EVERY_S, epoch)
			== 0);
	}
	struct keyring *ring = keyring_new(&material, epoch);

	CHECK(ring != NULL);
	return ring;
}

static void rings_make(void)
{
	if (keys != NULL)
		return;
	keys = ring_make(0, EPOCH);
	for (uint64_t epoch = EPOCH - KEYRING_PAST; epoch <= EPOCH + KEYRING_FUTURE; epoch++)
		for (unsigned secret = 0; secret < KEYRING_SECRETS; secret++)
			minting[epoch % RESIDUES * KEYRING_SECRETS + secret] =
				ring_make(secret, epoch);
}

static bool tokens_equal(const struct token *a, const struct token *b)
{
	return flow_id_equal(a->flow, b->flow) && a->kind == b->kind && a->role == b->role
		&& a->listener == b->listener && endpoint_equal(&a->peer, &b->peer)
		&& a->uak == b->uak && a->bind == b->bind;
}

// The slot that a text's first characters name.
static unsigned text_slot(struct span text)
{
	uint8_t group[3];

	CHECK(base64url_decode(group, sizeof(group), span_of(text.octets, 4)) == sizeof(group));
	return header_slot(group[0]);
}

// A text that opens is what minting gives: a token has one text.
static void text_check(struct span text)
{
	struct token token;
	struct beat beat;
	uint8_t minted[TOKEN_LENGTH_V6];
	enum token_verdict verdict = token_redeem(keys, text, &token);
	enum token_verdict beat_verdict = beat_redeem(keys, text, &beat);
	bool length_fits = text.length == TOKEN_LENGTH_V4 || text.length == TOKEN_LENGTH_V6;

	CHECK(verdict == beat_verdict || verdict == TOKEN_FORGED || beat_verdict == TOKEN_FORGED);
	CHECK(verdict != TOKEN_OK || beat_verdict == TOKEN_FORGED);
	CHECK(length_fits || verdict == TOKEN_MALFORMED);
	if (verdict == TOKEN_OK) {
		size_t length = token_mint(minting[text_slot(text)], &token, minted);

		CHECK(span_equal(span_of(minted, length), text));
	}
	if (beat_verdict == TOKEN_OK) {
		size_t length = beat_mint(minting[text_slot(text)], &beat, minted);

		CHECK(span_equal(span_of(minted, length), text));
	}
	CHECK(!token_is_recent(keys, text) || text.length >= 4);
}

static void base64url_check(struct span text)
{
	static uint8_t octets[UINT16_MAX];
	static uint8_t again[2 * UINT16_MAX];
	size_t length = base64url_decode(octets, sizeof(octets), text);

	if (length == 0)
		return;
	CHECK(base64url_length(length) == text.length);
	CHECK(span_equal(span_of(again, base64url_encode(again, octets, length)), text));
	CHECK(base64url_decode(octets, length - 1, text) == 0);
}

// Lines as a burst: each comes out as alone.
static void burst_check(struct span input)
{
	struct span texts[TOKEN_BURST] = {{NULL, 0}};
	struct token tokens[TOKEN_BURST];
	enum token_verdict verdicts[TOKEN_BURST];
	unsigned count = 0;
	size_t begin = 0;

	for (size_t at = 0; at <= input.length && count < TOKEN_BURST; at++)
		if (at == input.length || input.octets[at] == '\n') {
			texts[count++] = span_of(input.octets + begin, at - begin);
			begin = at + 1;
		}
	token_redeem_burst(keys, texts, count, tokens, verdicts);
	for (unsigned i = 0; i < count; i++) {
		struct token alone;

		CHECK(token_redeem(keys, texts[i], &alone) == verdicts[i]);
		CHECK(verdicts[i] != TOKEN_OK || tokens_equal(&alone, &tokens[i]));
	}
}

// The octets as the fields of a token: what is minted is redeemed, and with another octet in its text it is not.
static void fields_check(const uint8_t *octets, size_t length)
{
	struct token token = {.kind = TOKEN_ROUTE, .peer.family = ENDPOINT_V4};
	struct token back;
	uint8_t text[TOKEN_LENGTH_V6];

	if (length < 42)
		return;
	token.kind = octets[0] % TOKEN_BEAT;
	token.role = octets[1] % 2;
	token.listener = octets[2] % 128;
	memcpy(&token.flow, octets + 3, sizeof(token.flow));
	memcpy(&token.uak, octets + 15, sizeof(token.uak));
	memcpy(&token.bind, octets + 23, sizeof(token.bind));
	token.peer = (struct endpoint){.family = ENDPOINT_NONE};
	if (token.kind != TOKEN_RELAY) {
		token.peer.family = octets[1] & 2 ? ENDPOINT_V6 : ENDPOINT_V4;
		token.peer.port = (uint16_t)(octets[27] << 8 | octets[28]);
		memcpy(token.peer.address, octets + 24, octets[1] & 2 ? 16 : 4);
	}
	size_t written = token_mint(keys, &token, text);

	CHECK(token_redeem(keys, span_of(text, written), &back) == TOKEN_OK);
	CHECK(tokens_equal(&token, &back));
	uint8_t *changed = &text[octets[40] % written];

	if (*changed == octets[41])
		return;
	*changed = octets[41];
	CHECK(token_redeem(keys, span_of(text, written), &back) != TOKEN_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	struct span input = span_of(octets, length);

	if (length > UINT16_MAX)
		return 0;
	rings_make();
	text_check(input);
	base64url_check(input);
	burst_check(input);
	fields_check(octets, length);
	return 0;
}
