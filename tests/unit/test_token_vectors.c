// The vectors of docs/token.md, read from the page itself: page and code cannot drift apart.

#include "page.h"
#include "token_fixture.h"

#include <weir/identity.h>
#include <weir/token.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct page page;
static uint8_t page_secrets[KEYRING_SECRETS][TOKEN_SECRET_OCTETS];
static uint8_t index_secret[INDEX_SECRET_OCTETS];
static struct span cluster;
static uint32_t rotate_every_s;
static struct hash_keys hash_keys;

static void setup(void)
{
	struct table inputs;

	page_open(&page, TOKEN_PAGE);
	inputs = table_find(&page, "## Test vectors");
	cr_assert(eq(uint, inputs.rows, 5));
	cell_hex(&inputs, 0, 1, page_secrets[0], TOKEN_SECRET_OCTETS);
	cell_hex(&inputs, 1, 1, page_secrets[1], TOKEN_SECRET_OCTETS);
	cell_hex(&inputs, 2, 1, index_secret, INDEX_SECRET_OCTETS);
	cluster = cell(&inputs, 3, 1);
	rotate_every_s = (uint32_t)cell_number(&inputs, 4, 1, 10);
	cr_assert(eq(int, hash_keys_derive(&hash_keys, index_secret, cluster), 0));
}

static void teardown(void)
{
	page_close(&page);
}

TestSuite(token_vectors, .init = setup, .fini = teardown);

static struct key_material material_derive(unsigned secret, uint64_t epoch)
{
	struct key_material material = {.minting = (uint8_t)secret};

	cr_assert(eq(int,
		key_material_derive(
			&material, secret, page_secrets[secret], cluster, rotate_every_s, epoch),
		0));
	return material;
}

static struct keyring *ring_derive(const struct table *table, unsigned row)
{
	uint64_t epoch = cell_number(table, row, 1, 10);
	struct key_material material =
		material_derive((unsigned)cell_number(table, row, 0, 10), epoch);
	struct keyring *keys = keyring_new(&material, epoch);

	cr_assert(ne(ptr, keys, NULL));
	return keys;
}

Test(token_vectors, epoch_keys_are_those_of_the_page)
{
	struct table table = table_find(&page, "### Vectors: epoch keys");

	cr_assert(eq(uint, table.rows, 4));
	for (unsigned row = 0; row < table.rows; row++) {
		unsigned secret = (unsigned)cell_number(&table, row, 0, 10);
		struct key_material material =
			material_derive(secret, cell_number(&table, row, 1, 10));
		uint8_t key[EPOCH_KEY_OCTETS];

		cell_hex(&table, row, 2, key, sizeof(key));
		cr_assert(eq(int, memcmp(material.key[secret][KEYRING_PAST], key, sizeof(key)), 0));
	}
}

static unsigned kind_of(struct span name)
{
	static const struct span names[] = {SPAN("path"), SPAN("route"), SPAN("relay")};

	unsigned kind = TOKEN_PATH;

	while (kind < TOKEN_BEAT && !span_equal(name, names[kind]))
		kind++;
	cr_assert(lt(uint, kind, TOKEN_BEAT));
	return kind;
}

static struct token token_of(const struct table *table, unsigned row)
{
	struct token token = {
		.flow = {.edge = (uint8_t)cell_number(table, row, 3, 10),
			.slot = (uint32_t)cell_number(table, row, 4, 10),
			.generation = (uint32_t)cell_number(table, row, 5, 10)},
		.kind = (uint8_t)kind_of(cell(table, row, 2)),
		.listener = (uint8_t)cell_number(table, row, 6, 10),
		.role = (uint8_t)cell_number(table, row, 7, 10),
		.uak = cell_number(table, row, 9, 16),
		.bind = (uint32_t)cell_number(table, row, 10, 16),
	};

	if (token.kind != TOKEN_RELAY)
		cr_assert(endpoint_parse(cell(table, row, 8), &token.peer));
	return token;
}

// Mints what the row says, and redeems the text that stands there.
static void token_check(struct keyring *keys, const struct token *token, struct span text)
{
	uint8_t minted[TOKEN_LENGTH_V6];
	struct token redeemed;

	cr_assert(span_equal(span_of(minted, token_mint(keys, token, minted)), text));
	cr_assert(eq(int, token_redeem(keys, text, &redeemed), TOKEN_OK));
	cr_assert(tokens_equal(&redeemed, token));
}

Test(token_vectors, tokens_are_those_of_the_page)
{
	struct table table = table_find(&page, "### Vectors: tokens");

	cr_assert(eq(uint, table.rows, 8));
	for (unsigned row = 0; row < table.rows; row++) {
		struct keyring *keys = ring_derive(&table, row);
		struct token token = token_of(&table, row);

		token_check(keys, &token, cell(&table, row, 11));
		keyring_free(keys);
	}
}

Test(token_vectors, tokens_of_every_epoch_and_secret_are_those_of_the_page)
{
	struct table first = table_find(&page, "### Vectors: tokens");
	struct table table =
		table_find(&page, "### Vectors: one flow under every epoch and secret");
	struct token token = token_of(&first, 1);
	uint32_t headers = 0;

	for (unsigned row = 0; row < table.rows; row++) {
		struct keyring *keys = ring_derive(&table, row);

		token_check(keys, &token, cell(&table, row, 2));
		headers |= 1u << (cell_number(&table, row, 1, 10) % 16 * 2
				   + cell_number(&table, row, 0, 10));
		keyring_free(keys);
	}
	cr_assert(eq(u32, headers, UINT32_MAX));
}

Test(token_vectors, beats_are_those_of_the_page)
{
	struct table table = table_find(&page, "### Vectors: beats");

	cr_assert(eq(uint, table.rows, 2));
	for (unsigned row = 0; row < table.rows; row++) {
		struct keyring *keys = ring_derive(&table, row);
		struct span text = cell(&table, row, 8);
		struct beat beat = {
			.edge = (uint8_t)cell_number(&table, row, 2, 10),
			.to = (uint8_t)cell_number(&table, row, 3, 10),
			.epoch = (uint32_t)cell_number(&table, row, 4, 10),
			.incarnation = cell_number(&table, row, 5, 16),
			.sequence = cell_number(&table, row, 6, 10),
			.echo = (uint32_t)cell_number(&table, row, 7, 10),
		};
		struct beat redeemed;
		uint8_t minted[TOKEN_LENGTH_V4];

		cr_assert(span_equal(span_of(minted, beat_mint(keys, &beat, minted)), text));
		cr_assert(eq(int, beat_redeem(keys, text, &redeemed), TOKEN_OK));
		cr_assert(eq(u64, redeemed.sequence, beat.sequence));
		cr_assert(eq(u64, redeemed.incarnation, beat.incarnation));
		cr_assert(eq(u32, redeemed.echo, beat.echo));
		keyring_free(keys);
	}
}

Test(token_vectors, hash_keys_are_those_of_the_page)
{
	struct table table = table_find(&page, "### Vectors: hash keys");

	cr_assert(eq(uint, table.rows, HASH_LABELS));
	for (unsigned row = 0; row < table.rows; row++) {
		uint8_t key[HASH_KEY_OCTETS];

		cell_hex(&table, row, 1, key, sizeof(key));
		cr_assert(eq(int, memcmp(hash_keys.key[row], key, sizeof(key)), 0));
	}
}

static uint64_t identity_of(const struct table *table, unsigned row)
{
	struct span label = cell(table, row, 0);
	struct span of = cell(table, row, 1);
	struct uri uri;

	if (span_equal(label, SPAN("instance")))
		return identity_hash_instance(&hash_keys, of);
	if (span_equal(label, SPAN("uak")))
		return identity_hash_uak(
			&hash_keys, cell_number(table, row, 1, 16), cell_number(table, row, 2, 16));
	cr_assert(uri_parse(of.octets, (struct slice){0, (uint16_t)of.length}, &uri));
	if (span_equal(label, SPAN("aor")))
		return identity_hash_aor(&hash_keys, of.octets, &uri);
	cr_assert(span_equal(label, SPAN("contact")));
	return identity_hash_contact(&hash_keys, of.octets, &uri);
}

Test(token_vectors, identities_are_those_of_the_page)
{
	struct table table = table_find(&page, "### Vectors: identities");

	cr_assert(eq(uint, table.rows, 7));
	for (unsigned row = 0; row < table.rows; row++)
		cr_assert(eq(u64, identity_of(&table, row), cell_number(&table, row, 3, 16)));
}

Test(token_vectors, hashes_of_a_message_are_those_of_the_page)
{
	struct table table = table_find(&page, "### Vectors: a message");
	uint8_t text[2048];
	size_t length = fenced_read(&page, "### Vectors: a message", text, sizeof(text));
	struct message message;
	uint8_t branch[BRANCH_HASH_OCTETS], branch_expected[BRANCH_HASH_OCTETS];
	uint8_t proof[RETURN_HASH_OCTETS], proof_expected[RETURN_HASH_OCTETS];

	cr_assert(eq(uint, table.rows, 5));
	cr_assert(eq(int, message_parse(&message, text, length), MESSAGE_OK));
	cr_assert(eq(u32,
		identity_hash_bind(&hash_keys, message_span(&message, message.call_id),
			message_span(&message, message.from_tag)),
		(uint32_t)cell_number(&table, 0, 1, 16)));
	cr_assert(eq(u32,
		identity_hash_relay(
			&hash_keys, &message, message_span(&message, message.via.branch)),
		(uint32_t)cell_number(&table, 1, 1, 16)));
	identity_hash_branch(&hash_keys, &message, &message.via, branch);
	cell_hex(&table, 2, 1, branch_expected, sizeof(branch_expected));
	cr_assert(eq(int, memcmp(branch, branch_expected, sizeof(branch)), 0));
	cr_assert(eq(
		u64, identity_hash_tag(&hash_keys, &message, 430), cell_number(&table, 3, 1, 16)));
	identity_hash_return(
		&hash_keys, 0, 3, 16909060, 1711276034, branch, SPAN("192.0.2.1"), 4711, proof);
	cell_hex(&table, 4, 1, proof_expected, sizeof(proof_expected));
	cr_assert(eq(int, memcmp(proof, proof_expected, sizeof(proof)), 0));
}
