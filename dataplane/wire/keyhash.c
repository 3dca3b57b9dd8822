// keyhash.c: SipHash-2-4 over fields, and the keys for it.

#include "hkdf.h"
#include "octet.h"
#include "poison.h"

#include <weir/keyhash.h>

#include <openssl/crypto.h>

#include <assert.h>
#include <errno.h>

enum {
	WORD = sizeof(uint64_t),
	COMPRESSION_ROUNDS = 2,
	FINAL_ROUNDS = 4,
};

static uint64_t word_load(const uint8_t *octets)
{
	uint64_t word;

	static_assert(
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "SipHash reads little-endian words");
	memcpy(&word, octets, sizeof(word));
	return word;
}

static uint64_t rotate_left(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void rounds(uint64_t v[4], unsigned count)
{
	while (count-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate_left(v[1], 13) ^ v[0];
		v[3] = rotate_left(v[3], 16) ^ v[2];
		v[0] = rotate_left(v[0], 32) + v[3];
		v[2] += v[1];
		v[3] = rotate_left(v[3], 21) ^ v[0];
		v[1] = rotate_left(v[1], 17) ^ v[2];
		v[2] = rotate_left(v[2], 32);
	}
}

static void word_absorb(struct keyhash *hash, uint64_t word)
{
	hash->v[3] ^= word;
	rounds(hash->v, COMPRESSION_ROUNDS);
	hash->v[0] ^= word;
}

// Up to eight octets, lowest first, that need not begin where a word does; those of `octets` beyond count are 0.
static inline void octets_absorb_few(struct keyhash *hash, uint64_t octets, unsigned count)
{
	unsigned used = hash->length % WORD;

	hash->tail |= octets << 8 * used;
	hash->length += count;
	if (used + count < WORD)
		return;
	word_absorb(hash, hash->tail);
	hash->tail = used == 0 ? 0 : octets >> 8 * (WORD - used);
}

static void octet_absorb(struct keyhash *hash, uint8_t octet)
{
	octets_absorb_few(hash, octet, 1);
}

// One to seven octets as the low ones of a word, none beyond them read.
static uint64_t octets_load_few(const uint8_t *octets, size_t count)
{
	uint32_t low, high;
	uint16_t pair;

	if (count >= sizeof(low)) {
		memcpy(&low, octets, sizeof(low));
		memcpy(&high, octets + count - sizeof(high), sizeof(high));
		return low | (uint64_t)high << 8 * (count - sizeof(high));
	}
	if (count < sizeof(pair))
		return octets[0];
	memcpy(&pair, octets, sizeof(pair));
	return pair | (uint64_t)octets[count - 1] << 8 * (count - 1);
}

// How eight octets are changed before they are hashed; what is 0 stays 0.
typedef uint64_t octets_map(uint64_t octets);

static uint64_t octets_as_they_are(uint64_t octets)
{
	return octets;
}

// The high bit of every octet that is an ASCII letter from `first` to `last`, which are of one case.
static uint64_t letters_find(uint64_t octets, uint8_t first, uint8_t last)
{
	const uint64_t each = 0x0101010101010101, high = each << 7;
	uint64_t low = octets & ~high;
	uint64_t from_first = low + each * (0x80u - first);
	uint64_t behind_last = low + each * (0x7fu - last);

	return ~octets & (from_first ^ behind_last) & high;
}

static uint64_t octets_lower(uint64_t octets)
{
	return octets | letters_find(octets, 'A', 'Z') >> 2;
}

static uint64_t octets_upper(uint64_t octets)
{
	return octets & ~(letters_find(octets, 'a', 'z') >> 2);
}

static inline void octets_absorb(struct keyhash *hash, struct span octets, octets_map *map)
{
	size_t i = 0;

	for (; i + WORD <= octets.length; i += WORD)
		octets_absorb_few(hash, map(word_load(octets.octets + i)), WORD);
	if (i < octets.length) {
		unsigned left = (unsigned)(octets.length - i);

		octets_absorb_few(hash, map(octets_load_few(octets.octets + i, left)), left);
	}
}

// No field is longer than the message that it comes from.
static void length_absorb(struct keyhash *hash, size_t length)
{
	assert(length <= UINT16_MAX);
	octets_absorb_few(hash, __builtin_bswap16((uint16_t)length), sizeof(uint16_t));
}

void keyhash_begin(struct keyhash *hash, const struct hash_keys *keys, enum hash_label label)
{
	uint64_t k0 = word_load(keys->key[label]);
	uint64_t k1 = word_load(keys->key[label] + WORD);

	*hash = (struct keyhash){
		.v =
			{
				k0 ^ 0x736f6d6570736575, // "somepseudorandomlygeneratedbytes"
				k1 ^ 0x646f72616e646f6d,
				k0 ^ 0x6c7967656e657261,
				k1 ^ 0x7465646279746573,
			},
	};
}

void keyhash_begin_wide(struct keyhash *hash, const struct hash_keys *keys, enum hash_label label)
{
	keyhash_begin(hash, keys, label);
	hash->wide = true;
	hash->v[1] ^= 0xee;
}

void keyhash_field(struct keyhash *hash, struct span field)
{
	length_absorb(hash, field.length);
	octets_absorb(hash, field, octets_as_they_are);
}

void keyhash_field_lower(struct keyhash *hash, struct span field)
{
	length_absorb(hash, field.length);
	octets_absorb(hash, field, octets_lower);
}

void keyhash_field_upper(struct keyhash *hash, struct span field)
{
	length_absorb(hash, field.length);
	octets_absorb(hash, field, octets_upper);
}

// Takes one octet, or the one that "%61" stands for, off the front of text.
static uint8_t unescaped_take(struct span *text)
{
	int high = text->length < 3 ? -1 : octet_hex_value(text->octets[1]);
	int low = text->length < 3 ? -1 : octet_hex_value(text->octets[2]);
	uint8_t octet = text->octets[0];
	size_t taken = 1;

	if (octet == '%' && high >= 0 && low >= 0) {
		octet = (uint8_t)(high << 4 | low);
		taken = 3;
	}
	*text = span_of(text->octets + taken, text->length - taken);
	return octet;
}

void keyhash_field_unescaped(struct keyhash *hash, struct span field)
{
	size_t length = 0;

	for (struct span left = field; left.length > 0; length++)
		unescaped_take(&left);
	length_absorb(hash, length);
	while (field.length > 0)
		octet_absorb(hash, unescaped_take(&field));
}

void keyhash_field_number(struct keyhash *hash, uint64_t number, unsigned octets)
{
	assert(octets >= 1 && octets <= WORD);
	length_absorb(hash, octets);
	octets_absorb_few(hash, __builtin_bswap64(number) >> 8 * (WORD - octets), octets);
}

static uint64_t hash_fold(const struct keyhash *hash)
{
	return hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
}

static void hash_finish(struct keyhash *hash)
{
	word_absorb(hash, hash->tail | hash->length << 56);
	hash->v[2] ^= hash->wide ? 0xee : 0xff;
	rounds(hash->v, FINAL_ROUNDS);
}

uint64_t keyhash_end(struct keyhash *hash)
{
	assert(!hash->wide);
	hash_finish(hash);
	return hash_fold(hash);
}

void keyhash_end_wide(struct keyhash *hash, uint8_t out[16])
{
	uint64_t half;

	assert(hash->wide);
	hash_finish(hash);
	half = hash_fold(hash);
	memcpy(out, &half, WORD);
	hash->v[1] ^= 0xdd;
	rounds(hash->v, FINAL_ROUNDS);
	half = hash_fold(hash);
	memcpy(out + WORD, &half, WORD);
}

// No name is the beginning of another, so that name and cluster in a row have one reading.
static const struct span label_names[HASH_LABELS] = {
	[HASH_UAK] = SPAN("uak"),
	[HASH_AOR] = SPAN("aor"),
	[HASH_INSTANCE] = SPAN("instance"),
	[HASH_CONTACT] = SPAN("contact"),
	[HASH_BIND] = SPAN("bind"),
	[HASH_RELAY] = SPAN("relay"),
	[HASH_BRANCH] = SPAN("branch"),
	[HASH_RETURN] = SPAN("return"),
	[HASH_TAG] = SPAN("tag"),
};

int hash_keys_derive(
	struct hash_keys *keys, const uint8_t secret[INDEX_SECRET_OCTETS], struct span cluster)
{
	struct hash_keys derived;
	int error = cluster.length > CLUSTER_NAME_MAX ? -EINVAL : 0;

	for (unsigned label = 0; label < HASH_LABELS && error == 0; label++) {
		struct hkdf_info info = {.length = 0};

		hkdf_info_add(&info, label_names[label]);
		hkdf_info_add(&info, cluster);
		error = hkdf_derive(derived.key[label], HASH_KEY_OCTETS,
			span_of(secret, INDEX_SECRET_OCTETS), &info);
	}
	if (error == 0)
		*keys = derived;
	OPENSSL_cleanse(&derived, sizeof(derived));
	return error;
}
