#include "token_fixture.h"

#include <weir/token.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct keyring *keys;
static uint8_t text[TOKEN_LENGTH_V6];
static size_t text_length;
static struct token minted;

static void setup(void)
{
	keys = ring_of(SPAN("edge.example.net"), 1, 0, EPOCH);
	minted = example(TOKEN_ROUTE, ENDPOINT_V4);
	text_length = token_mint(keys, &minted, text);
}

static void teardown(void)
{
	keyring_free(keys);
}

TestSuite(token, .init = setup, .fini = teardown);

static enum token_verdict redeem_text(struct keyring *ring, struct span tried)
{
	return redeem_as(ring, tried, &minted);
}

static enum token_verdict redeem(void)
{
	return redeem_text(keys, span_of(text, text_length));
}

Test(token, comes_back_as_it_was_minted_whatever_its_kind_and_family)
{
	static const unsigned families[] = {ENDPOINT_V4, ENDPOINT_V6};

	for (unsigned kind = TOKEN_PATH; kind <= TOKEN_RELAY; kind++)
		for (unsigned i = 0; i < 2; i++) {
			minted = example(kind, families[i]);
			text_length = token_mint(keys, &minted, text);
			cr_assert(eq(sz, text_length,
				minted.peer.family == ENDPOINT_V6 ? TOKEN_LENGTH_V6
								  : TOKEN_LENGTH_V4));
			cr_assert(eq(int, redeem(), TOKEN_OK));
		}
}

Test(token, comes_back_as_it_was_minted_whatever_its_fields)
{
	struct random random = {10};

	for (unsigned i = 0; i < 5000; i++) {
		minted = random_token(&random);
		text_length = token_mint(keys, &minted, text);
		cr_assert(eq(int, redeem(), TOKEN_OK));
	}
}

Test(token, is_the_same_for_the_same_flow_and_dialog_and_another_for_any_other)
{
	uint8_t again[TOKEN_LENGTH_V6];
	struct keyring *other = ring_of(SPAN("edge.example.net"), 1, 0, EPOCH);

	token_mint(other, &minted, again);
	cr_assert(eq(int, memcmp(text, again, text_length), 0));
	minted.bind ^= 1;
	token_mint(keys, &minted, again);
	cr_assert(ne(int, memcmp(text, again, text_length), 0));
	keyring_free(other);
}

Test(token, outlives_key_rotation_until_its_epoch_is_retired)
{
	for (uint64_t epoch = EPOCH + 1; epoch <= EPOCH + KEYRING_PAST; epoch++) {
		cr_assert(eq(int, keyring_advance(keys, epoch), 0));
		cr_assert(eq(int, redeem(), TOKEN_OK));
	}
	cr_assert(eq(int, keyring_advance(keys, EPOCH + 1 + KEYRING_PAST), 0));
	cr_assert(eq(int, redeem(), TOKEN_RETIRED));
}

// One epoch later the residue belongs to the epoch ahead, whose key never sealed it.
Test(token, is_forged_once_its_residue_is_used_again)
{
	cr_assert(eq(int, keyring_advance(keys, EPOCH + 2 + KEYRING_PAST), 0));
	cr_assert(eq(int, redeem(), TOKEN_FORGED));
}

Test(token, of_an_edge_whose_clock_is_one_epoch_ahead_is_redeemed)
{
	struct keyring *ahead = ring_of(SPAN("edge.example.net"), 1, 0, EPOCH + 1);
	struct keyring *further = ring_of(SPAN("edge.example.net"), 1, 0, EPOCH + 2);

	token_mint(ahead, &minted, text);
	cr_assert(eq(int, redeem(), TOKEN_OK));
	token_mint(further, &minted, text);
	cr_assert(eq(int, redeem(), TOKEN_RETIRED));
	keyring_free(ahead);
	keyring_free(further);
}

Test(token, survives_the_replacement_of_the_secret_until_the_old_one_is_dropped)
{
	struct keyring *accepting = ring_of(SPAN("edge.example.net"), 3, 0, EPOCH);
	struct keyring *minting = ring_of(SPAN("edge.example.net"), 3, 1, EPOCH);
	struct keyring *dropped = ring_of(SPAN("edge.example.net"), 2, 1, EPOCH);

	cr_assert(eq(int, redeem_text(accepting, span_of(text, text_length)), TOKEN_OK));
	cr_assert(eq(int, redeem_text(minting, span_of(text, text_length)), TOKEN_OK));
	cr_assert(eq(int, redeem_text(dropped, span_of(text, text_length)), TOKEN_RETIRED));
	token_mint(minting, &minted, text);
	cr_assert(eq(int, redeem_text(accepting, span_of(text, text_length)), TOKEN_OK));
	cr_assert(eq(int, redeem_text(dropped, span_of(text, text_length)), TOKEN_OK));
	cr_assert(eq(int, redeem(), TOKEN_RETIRED));
	keyring_free(accepting);
	keyring_free(minting);
	keyring_free(dropped);
}

Test(token, of_a_beat_is_forged_as_a_token_and_a_token_is_forged_as_a_beat)
{
	struct beat beat = {
		.edge = 9, .to = 3, .epoch = 7, .incarnation = 1, .sequence = 2, .echo = 4};
	struct beat untouched = beat;

	cr_assert(eq(int, beat_redeem(keys, span_of(text, text_length), &beat), TOKEN_FORGED));
	cr_assert(eq(int, memcmp(&beat, &untouched, sizeof(beat)), 0));
	text_length = beat_mint(keys, &beat, text);
	cr_assert(eq(int, redeem(), TOKEN_FORGED));
}

Test(token, beat_comes_back_as_it_was_minted)
{
	struct beat beat = {
		.edge = 255,
		.to = 0x81,
		.epoch = 0xdeadbeef,
		.incarnation = 0x0102030405060708,
		.sequence = 0xfffefdfcfbfaf9f8,
		.echo = 0x01234567,
	};
	struct beat back;

	memset(&back, 0, sizeof(back));
	cr_assert(eq(sz, beat_mint(keys, &beat, text), TOKEN_LENGTH_V4));
	cr_assert(eq(int, beat_redeem(keys, span_of(text, TOKEN_LENGTH_V4), &back), TOKEN_OK));
	cr_assert(eq(u64, back.incarnation, beat.incarnation));
	cr_assert(eq(u64, back.sequence, beat.sequence));
	cr_assert(eq(u32, back.epoch, beat.epoch));
	cr_assert(eq(u32, back.echo, beat.echo));
	cr_assert(eq(u8, back.edge, beat.edge));
	cr_assert(eq(u8, back.to, beat.to));
}

Test(token, beat_is_refused_like_a_token)
{
	struct beat beat = {.edge = 1};
	struct beat back;

	beat_mint(keys, &beat, text);
	cr_assert(eq(int, beat_redeem(keys, span_of(text, 59), &back), TOKEN_MALFORMED));
	text[30] = text[30] == 'A' ? 'B' : 'A';
	cr_assert(eq(int, beat_redeem(keys, span_of(text, 60), &back), TOKEN_FORGED));
}

Test(token, is_recent_in_the_previous_the_current_and_the_next_epoch)
{
	for (uint64_t now = EPOCH; now <= EPOCH + KEYRING_AHEAD; now++) {
		for (uint64_t epoch = 0; epoch < 16; epoch++) {
			struct keyring *minting =
				ring_of(SPAN("edge.example.net"), 1, 0, now - 7 + epoch);
			uint8_t tried[TOKEN_LENGTH_V6];

			token_mint(minting, &minted, tried);
			cr_assert(eq(int, token_is_recent(keys, span_of(tried, TOKEN_LENGTH_V4)),
				epoch >= 6 && epoch <= 8));
			keyring_free(minting);
		}
		if (now < EPOCH + KEYRING_AHEAD)
			cr_assert(eq(int, keyring_advance(keys, now + 1), 0));
	}
	cr_assert(not(token_is_recent(keys, SPAN(""))));
	cr_assert(not(token_is_recent(keys, SPAN("AAA"))));
	cr_assert(not(token_is_recent(keys, SPAN("%%%%%%%%"))));
}
