// token.c: tokens and beats between their fields, their octets and their text.

#include "keyring.h"
#include "poison.h"

#include <weir/base64url.h>
#include <weir/token.h>

static_assert((int)TOKEN_BURST == (int)SIV_BURST, "a burst of tokens is a burst of SIV messages");
static_assert((int)TOKEN_HEADER_OCTETS == (int)SIV_HEADER_OCTETS
		&& (int)TOKEN_SIV_OCTETS == (int)SIV_OCTETS,
	"a token is a SIV message");

enum {
	TOKEN_PREFIX_OCTETS = TOKEN_HEADER_OCTETS + TOKEN_SIV_OCTETS,
	HEADER_KIND_SHIFT = 1,
	HEADER_KIND = 3,
	HEADER_V6 = 1,
	EPOCH_RESIDUE = KEYRING_RESIDUES - 1,
};

// A token in octets: header, SIV, body.
struct raw_token {
	uint8_t octets[TOKEN_OCTETS_V6];
};

static uint8_t *put_number(uint8_t *out, uint64_t number, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		out[i] = (uint8_t)(number >> 8 * (octets - 1 - i));
	return out + octets;
}

static uint64_t take_number(const uint8_t **in, unsigned octets)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < octets; i++)
		number = number << 8 | *(*in)++;
	return number;
}

static uint8_t *put_octets(uint8_t *out, const uint8_t *octets, size_t length)
{
	memcpy(out, octets, length);
	return out + length;
}

static unsigned header_kind(uint8_t header)
{
	return header >> HEADER_KIND_SHIFT & HEADER_KIND;
}

static bool header_is_v6(uint8_t header)
{
	return (header & HEADER_V6) != 0;
}

static size_t address_octets(uint8_t header)
{
	return header_is_v6(header) ? 16 : 4;
}

static size_t token_octets(uint8_t header)
{
	return header_is_v6(header) ? TOKEN_OCTETS_V6 : TOKEN_OCTETS_V4;
}

static uint8_t header_make(const struct keyring *keys, unsigned kind, bool v6)
{
	return (uint8_t)(keyring_minting_slot(keys) << HEADER_SLOT_SHIFT | kind << HEADER_KIND_SHIFT
		| (v6 ? HEADER_V6 : 0));
}

static struct siv_message raw_message(struct raw_token *raw)
{
	return (struct siv_message){
		raw->octets, token_octets(raw->octets[0]) - TOKEN_PREFIX_OCTETS};
}

static void body_write(const struct token *token, struct raw_token *raw)
{
	uint8_t *out = raw->octets + TOKEN_PREFIX_OCTETS;

	out = put_number(out, token->flow.edge, 1);
	out = put_number(out, token->flow.slot, 4);
	out = put_number(out, token->flow.generation, 4);
	out = put_number(out, (uint8_t)(token->listener << 1 | (token->role & 1)), 1);
	out = put_number(out, token->peer.port, 2);
	out = put_number(out, token->uak, 8);
	out = put_number(out, token->bind, 4);
	put_octets(out, token->peer.address, address_octets(raw->octets[0]));
}

static void body_read(struct token *token, const struct raw_token *raw)
{
	const uint8_t *in = raw->octets + TOKEN_PREFIX_OCTETS;
	uint8_t header = raw->octets[0];
	uint8_t listener_and_role;

	*token = (struct token){.kind = (uint8_t)header_kind(header)};
	token->flow.edge = (uint8_t)take_number(&in, 1);
	token->flow.slot = (uint32_t)take_number(&in, 4);
	token->flow.generation = (uint32_t)take_number(&in, 4);
	listener_and_role = (uint8_t)take_number(&in, 1);
	token->listener = listener_and_role >> 1;
	token->role = listener_and_role & 1;
	token->peer.port = (uint16_t)take_number(&in, 2);
	token->uak = take_number(&in, 8);
	token->bind = (uint32_t)take_number(&in, 4);
	memcpy(token->peer.address, in, address_octets(header));
	// A relay token aims at an edge and names no address: its peer stays "no endpoint".
	if (token->kind != TOKEN_RELAY)
		token->peer.family = header_is_v6(header) ? ENDPOINT_V6 : ENDPOINT_V4;
}

static void beat_write(const struct beat *beat, struct raw_token *raw)
{
	uint8_t *out = raw->octets + TOKEN_PREFIX_OCTETS;

	out = put_number(out, beat->edge, 1);
	out = put_number(out, beat->to, 1);
	out = put_number(out, beat->epoch, 4);
	out = put_number(out, beat->incarnation, 8);
	out = put_number(out, beat->sequence, 8);
	out = put_number(out, beat->echo, 4);
	put_number(out, 0, 2);
}

static void beat_read(struct beat *beat, const struct raw_token *raw)
{
	const uint8_t *in = raw->octets + TOKEN_PREFIX_OCTETS;

	*beat = (struct beat){.edge = in[0], .to = in[1]};
	in += 2;
	beat->epoch = (uint32_t)take_number(&in, 4);
	beat->incarnation = take_number(&in, 8);
	beat->sequence = take_number(&in, 8);
	beat->echo = (uint32_t)take_number(&in, 4);
}

// The verdict as far as it can be had without the cipher: TOKEN_OK says that the SIV is still to be looked at.
static enum token_verdict text_read(struct keyring *keys, struct span text, struct raw_token *raw)
{
	size_t length;

	if (text.length != TOKEN_LENGTH_V4 && text.length != TOKEN_LENGTH_V6)
		return TOKEN_MALFORMED;
	length = base64url_decode(raw->octets, sizeof(raw->octets), text);
	if (length == 0 || length != token_octets(raw->octets[0]))
		return TOKEN_MALFORMED;
	if (keyring_find(keys, header_slot(raw->octets[0])) == NULL)
		return TOKEN_RETIRED;
	return TOKEN_OK;
}

// Open all tokens of a burst that share one key.
static void slot_open(struct keyring *keys, unsigned slot, struct raw_token *raws, unsigned count,
	enum token_verdict *verdicts)
{
	struct siv_message messages[TOKEN_BURST];
	bool genuine[TOKEN_BURST];
	uint8_t from[TOKEN_BURST];
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++)
		if (verdicts[i] == TOKEN_OK && header_slot(raws[i].octets[0]) == slot) {
			messages[found] = raw_message(&raws[i]);
			from[found++] = (uint8_t)i;
		}
	siv_open_burst(keyring_find(keys, slot), messages, found, genuine);
	for (unsigned i = 0; i < found; i++)
		if (!genuine[i])
			verdicts[from[i]] = TOKEN_FORGED;
}

static void burst_open(struct keyring *keys, const struct span *texts, unsigned count,
	struct raw_token *raws, enum token_verdict *verdicts)
{
	uint32_t slots = 0;

	static_assert(KEYRING_SLOTS <= 32, "a bit a slot");
	assert(count <= TOKEN_BURST);
	for (unsigned i = 0; i < count; i++) {
		verdicts[i] = text_read(keys, texts[i], &raws[i]);
		if (verdicts[i] == TOKEN_OK)
			slots |= 1u << header_slot(raws[i].octets[0]);
	}
	for (; slots != 0; slots &= slots - 1)
		slot_open(keys, (unsigned)__builtin_ctz(slots), raws, count, verdicts);
}

// A beat under a token's place, or a token in a beat's: nobody who holds the secret sealed it as what it stands for.
static void beats_refuse(const struct raw_token *raws, unsigned count, enum token_verdict *verdicts)
{
	for (unsigned i = 0; i < count; i++)
		if (verdicts[i] == TOKEN_OK && header_kind(raws[i].octets[0]) == TOKEN_BEAT)
			verdicts[i] = TOKEN_FORGED;
}

void token_redeem_burst(struct keyring *keys, const struct span *texts, unsigned count,
	struct token *tokens, enum token_verdict *verdicts)
{
	struct raw_token raws[TOKEN_BURST];

	burst_open(keys, texts, count, raws, verdicts);
	beats_refuse(raws, count, verdicts);
	for (unsigned i = 0; i < count; i++)
		if (verdicts[i] == TOKEN_OK)
			body_read(&tokens[i], &raws[i]);
}

enum token_verdict token_redeem(struct keyring *keys, struct span text, struct token *token)
{
	enum token_verdict verdict;

	token_redeem_burst(keys, &text, 1, token, &verdict);
	return verdict;
}

enum token_verdict beat_redeem(struct keyring *keys, struct span text, struct beat *beat)
{
	struct raw_token raw;
	enum token_verdict verdict;

	burst_open(keys, &text, 1, &raw, &verdict);
	if (verdict != TOKEN_OK)
		return verdict;
	if (header_kind(raw.octets[0]) != TOKEN_BEAT)
		return TOKEN_FORGED;
	beat_read(beat, &raw);
	return TOKEN_OK;
}

static size_t raw_encode(const struct raw_token *raw, uint8_t *text)
{
	return base64url_encode(text, raw->octets, token_octets(raw->octets[0]));
}

void token_mint_burst(struct keyring *keys, const struct token *tokens, unsigned count,
	uint8_t (*texts)[TOKEN_LENGTH_V6])
{
	struct raw_token raws[TOKEN_BURST];
	struct siv_message messages[TOKEN_BURST];

	assert(count <= TOKEN_BURST);
	for (unsigned i = 0; i < count; i++) {
		raws[i].octets[0] =
			header_make(keys, tokens[i].kind, tokens[i].peer.family == ENDPOINT_V6);
		body_write(&tokens[i], &raws[i]);
		messages[i] = raw_message(&raws[i]);
	}
	siv_seal_burst(keyring_find(keys, keyring_minting_slot(keys)), messages, count);
	for (unsigned i = 0; i < count; i++)
		raw_encode(&raws[i], texts[i]);
}

size_t token_mint(struct keyring *keys, const struct token *token, uint8_t *text)
{
	token_mint_burst(keys, token, 1, (uint8_t(*)[TOKEN_LENGTH_V6])text);
	return token->peer.family == ENDPOINT_V6 ? TOKEN_LENGTH_V6 : TOKEN_LENGTH_V4;
}

size_t beat_mint(struct keyring *keys, const struct beat *beat, uint8_t *text)
{
	struct raw_token raw = {.octets = {header_make(keys, TOKEN_BEAT, false)}};
	struct siv_message message = raw_message(&raw);

	beat_write(beat, &raw);
	siv_seal_burst(keyring_find(keys, keyring_minting_slot(keys)), &message, 1);
	return raw_encode(&raw, text);
}

bool token_is_recent(const struct keyring *keys, struct span text)
{
	uint8_t group[3];
	unsigned ahead;

	// The header is in the first four characters.
	if (text.length < 4 || base64url_decode(group, sizeof(group), span_of(text.octets, 4)) == 0)
		return false;
	ahead = ((group[0] >> HEADER_EPOCH_SHIFT) - (unsigned)keyring_epoch(keys)) & EPOCH_RESIDUE;
	return ahead == 0 || ahead == 1 || ahead == EPOCH_RESIDUE;
}
