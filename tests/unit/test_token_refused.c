#include "guard.h"
#include "keyring.h"
#include "token_fixture.h"

#include <weir/base64url.h>
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

TestSuite(token_refused, .init = setup, .fini = teardown);

static enum token_verdict redeem_text(struct keyring *ring, struct span tried)
{
	return redeem_as(ring, tried, &minted);
}

static enum token_verdict redeem(void)
{
	return redeem_text(keys, span_of(text, text_length));
}

static void each_flip_is_refused(void)
{
	uint8_t octets[TOKEN_OCTETS_V6];
	size_t length = base64url_decode(octets, sizeof(octets), span_of(text, text_length));

	for (size_t bit = 0; bit < 8 * length; bit++) {
		uint8_t flipped[TOKEN_LENGTH_V6];

		octets[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		base64url_encode(flipped, octets, length);
		octets[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		// Epoch bits lead to other keys or none, the secret's bit to none, the family's to another length.
		enum token_verdict verdict = redeem_text(keys, span_of(flipped, text_length));

		if (bit < 4)
			cr_assert(verdict == TOKEN_FORGED || verdict == TOKEN_RETIRED);
		else
			cr_assert(eq(int, verdict,
				bit == 4           ? TOKEN_RETIRED
					: bit == 7 ? TOKEN_MALFORMED
						   : TOKEN_FORGED));
	}
}

Test(token_refused, is_refused_with_any_one_bit_flipped)
{
	for (unsigned kind = TOKEN_PATH; kind <= TOKEN_RELAY; kind++) {
		minted = example(kind, ENDPOINT_V4);
		text_length = token_mint(keys, &minted, text);
		each_flip_is_refused();
		minted = example(kind, ENDPOINT_V6);
		text_length = token_mint(keys, &minted, text);
		each_flip_is_refused();
	}
}

Test(token_refused, is_refused_with_any_two_bits_flipped_that_were_tried)
{
	struct random random = {11};
	uint8_t octets[TOKEN_OCTETS_V4];
	uint8_t flipped[TOKEN_LENGTH_V4];

	cr_assert(eq(sz, base64url_decode(octets, sizeof(octets), span_of(text, text_length)),
		sizeof(octets)));
	for (unsigned i = 0; i < 1 << 20; i++) {
		unsigned a = random_below(&random, 8 * TOKEN_OCTETS_V4);
		unsigned b = (a + 1 + random_below(&random, 8 * TOKEN_OCTETS_V4 - 1))
			% (8 * TOKEN_OCTETS_V4);

		octets[a / 8] ^= (uint8_t)(1 << a % 8);
		octets[b / 8] ^= (uint8_t)(1 << b % 8);
		base64url_encode(flipped, octets, sizeof(octets));
		octets[a / 8] ^= (uint8_t)(1 << a % 8);
		octets[b / 8] ^= (uint8_t)(1 << b % 8);
		cr_assert(ne(int, redeem_text(keys, span_of(flipped, sizeof(flipped))), TOKEN_OK));
	}
}

Test(token_refused, is_malformed_at_every_other_length)
{
	uint8_t tried[256];

	for (size_t length = 0; length <= 255; length++) {
		for (size_t i = 0; i < length; i++)
			tried[i] = text[i % text_length];
		enum token_verdict verdict = redeem_text(keys, span_of(tried, length));

		cr_assert(eq(int, verdict, length == TOKEN_LENGTH_V4 ? TOKEN_OK : TOKEN_MALFORMED));
	}
}

// Every single character replaced by every other octet: of all texts near a token only the token itself is one.
Test(token_refused, has_one_text)
{
	for (size_t place = 0; place < text_length; place++) {
		uint8_t right = text[place];

		for (int octet = 0; octet < 256; octet++) {
			text[place] = (uint8_t)octet;
			cr_assert(eq(int, redeem() == TOKEN_OK, octet == right));
		}
		text[place] = right;
	}
}

static void is_malformed(struct span tried)
{
	cr_assert(eq(int, redeem_text(keys, tried), TOKEN_MALFORMED));
}

// Another token until one with both characters that the standard alphabet writes otherwise.
static void mint_with_both_special_characters(void)
{
	while (memchr(text, '-', text_length) == NULL || memchr(text, '_', text_length) == NULL) {
		minted.bind++;
		token_mint(keys, &minted, text);
	}
}

Test(token_refused, is_malformed_in_every_other_encoding)
{
	uint8_t other[2 * TOKEN_LENGTH_V4];

	mint_with_both_special_characters();
	memcpy(other, text, text_length);
	memcpy(other + text_length, "====", 4);
	for (size_t padding = 1; padding <= 4; padding++)
		is_malformed(span_of(other, text_length + padding));

	for (size_t i = 0; i < text_length; i++)
		other[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	is_malformed(span_of(other, text_length));

	size_t escape = (size_t)((uint8_t *)memchr(text, '-', text_length) - text);

	memcpy(other, text, escape);
	memcpy(other + escape, "%2D", 3);
	memcpy(other + escape + 3, text + escape + 1, text_length - escape - 1);
	is_malformed(span_of(other, text_length + 2));

	memcpy(other, text, text_length);
	other[text_length] = '\r';
	other[text_length + 1] = '\n';
	is_malformed(span_of(other, text_length + 1));
	is_malformed(span_of(other, text_length + 2));
	other[text_length] = 0;
	is_malformed(span_of(other, text_length + 1));
}

Test(token_refused, is_refused_with_the_case_of_a_letter_changed)
{
	for (size_t i = 0; i < text_length; i++)
		if ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z') {
			text[i] ^= 0x20;
			cr_assert(ne(int, redeem(), TOKEN_OK));
			text[i] ^= 0x20;
		}
	cr_assert(eq(int, redeem(), TOKEN_OK));
}

// A token of one length with the other family's bit: sealed so by somebody who holds the key.
Test(token_refused, is_malformed_if_its_family_has_another_length)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint8_t octets[TOKEN_OCTETS_V6] = {(uint8_t)(EPOCH << 4 | TOKEN_ROUTE << 1 | !v6)};
		size_t length = v6 ? TOKEN_OCTETS_V6 : TOKEN_OCTETS_V4;
		struct siv_message message = {octets, length - 17};

		siv_seal_burst(keyring_find(keys, header_slot(octets[0])), &message, 1);
		text_length = base64url_encode(text, octets, length);
		cr_assert(eq(int, redeem(), TOKEN_MALFORMED));
	}
}

// One text a page end: whatever the length, nothing before or behind it is read.
Test(token_refused, is_read_inside_its_text_alone)
{
	struct guard guard = guard_new(256);

	minted = example(TOKEN_ROUTE, ENDPOINT_V6);
	text_length = token_mint(keys, &minted, text);
	for (size_t length = 0; length <= 255; length++) {
		uint8_t *places[] = {guard_begin(&guard), guard_end(&guard, length)};

		for (unsigned i = 0; i < 2; i++) {
			struct span tried = span_of(places[i], length);

			for (size_t at = 0; at < length; at++)
				places[i][at] = text[at % text_length];
			cr_assert(eq(int, redeem_text(keys, tried),
				length == text_length ? TOKEN_OK : TOKEN_MALFORMED));
			cr_assert(eq(int, token_is_recent(keys, tried), length >= 4));
		}
	}
	guard_free(&guard);
}
