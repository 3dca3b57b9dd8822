#include "hkdf.h"
#include "random.h"

#include <weir/keyhash.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

#include <errno.h>

static const uint8_t secret[INDEX_SECRET_OCTETS] = "an index secret, never rotated..";

static struct hash_keys keys;

static void setup(void)
{
	cr_assert(eq(int, hash_keys_derive(&keys, secret, SPAN("edge.example.net")), 0));
}

TestSuite(keyhash, .init = setup);

static void oracle_hash(const uint8_t key[16], struct span input, uint8_t *out, size_t size)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
		OSSL_PARAM_construct_end(),
	};
	size_t length;

	cr_assert(ne(ptr, context, NULL));
	cr_assert(eq(int, EVP_MAC_init(context, key, 16, parameters), 1));
	cr_assert(eq(int, EVP_MAC_update(context, input.octets, input.length), 1));
	cr_assert(eq(int, EVP_MAC_final(context, out, &length, size), 1));
	cr_assert(eq(sz, length, size));
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
}

// Aumasson and Bernstein, appendix A. Our input begins with a length that the vector does not have: it proves the oracle, and
// the oracle proves us.
Test(keyhash, oracle_gives_the_vector_of_the_siphash_paper)
{
	static const uint8_t expected[8] = {0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1};
	uint8_t octets[16];
	uint8_t out[8];

	for (unsigned i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)i;
	oracle_hash(octets, span_of(octets, 15), out, sizeof(out));
	cr_assert(eq(int, memcmp(out, expected, sizeof(out)), 0));
}

struct fields {
	uint8_t octets[8 * 602];
	size_t length;
};

static void fields_add(struct fields *fields, struct span field)
{
	fields->octets[fields->length++] = (uint8_t)(field.length >> 8);
	fields->octets[fields->length++] = (uint8_t)field.length;
	memcpy(fields->octets + fields->length, field.octets, field.length);
	fields->length += field.length;
}

static void expect_narrow(struct keyhash *hash, enum hash_label label, const struct fields *fields)
{
	uint64_t result = keyhash_end(hash);
	uint64_t expected;

	oracle_hash(keys.key[label], span_of(fields->octets, fields->length), (uint8_t *)&expected,
		sizeof(expected));
	cr_assert(eq(u64, result, expected));
}

static void expect_wide(struct keyhash *hash, enum hash_label label, const struct fields *fields)
{
	uint8_t result[16];
	uint8_t expected[16];

	keyhash_end_wide(hash, result);
	oracle_hash(keys.key[label], span_of(fields->octets, fields->length), expected,
		sizeof(expected));
	cr_assert(eq(int, memcmp(result, expected, sizeof(result)), 0));
}

Test(keyhash, of_any_fields_is_what_openssl_says_of_their_lengths_and_octets)
{
	struct random random = {20};

	for (unsigned round = 0; round < 3000; round++) {
		enum hash_label label = random_below(&random, HASH_LABELS);
		struct fields fields = {.length = 0};
		struct keyhash narrow;
		struct keyhash wide;

		keyhash_begin(&narrow, &keys, label);
		keyhash_begin_wide(&wide, &keys, label);
		for (unsigned count = random_below(&random, 8); count > 0; count--) {
			uint8_t octets[600];
			unsigned bound = count % 3 == 0 ? 600 : 40;
			struct span field = span_of(octets, random_below(&random, bound));

			random_fill(&random, octets, sizeof(octets));
			fields_add(&fields, field);
			keyhash_field(&narrow, field);
			keyhash_field(&wide, field);
		}
		expect_narrow(&narrow, label, &fields);
		expect_wide(&wide, label, &fields);
	}
}

Test(keyhash, takes_fields_in_lower_and_upper_case_unescaped_and_as_numbers)
{
	struct fields fields = {.length = 0};
	struct keyhash hash;

	fields_add(&fields,
		SPAN("a[`{z\xc3\x84"
		     "09"));
	fields_add(&fields,
		SPAN("A[`{Z\xc3\x84"
		     "09"));
	fields_add(&fields, SPAN("a b%2%zz%"));
	fields_add(&fields, SPAN("\x12\x34"));
	fields_add(&fields, SPAN("\x01\x02\x03\x04\x05\x06\x07\x08"));
	keyhash_begin(&hash, &keys, HASH_AOR);
	keyhash_field_lower(&hash,
		SPAN("A[`{Z\xc3\x84"
		     "09"));
	keyhash_field_upper(&hash,
		SPAN("a[`{z\xc3\x84"
		     "09"));
	keyhash_field_unescaped(&hash, SPAN("%61%20%62%252%zz%"));
	keyhash_field_number(&hash, 0x1234, 2);
	keyhash_field_number(&hash, 0x0102030405060708, 8);
	expect_narrow(&hash, HASH_AOR, &fields);
}

static void case_change(
	uint8_t *out, const uint8_t *octets, size_t length, uint8_t from, uint8_t to)
{
	for (size_t i = 0; i < length; i++)
		out[i] = octets[i] >= from && octets[i] <= to ? (uint8_t)(octets[i] ^ 0x20)
							      : octets[i];
}

// Cases are changed eight octets at a time: every octet at every place in a word, fields of every length, at every place of a hash.
Test(keyhash, changes_the_case_of_ascii_letters_alone_wherever_they_stand)
{
	struct random random = {21};

	for (unsigned round = 0; round < 256 * 40; round++) {
		struct fields fields = {.length = 0};
		struct keyhash hash;
		uint8_t octets[40], changed[40];
		struct span field = span_of(octets, round % 40);

		random_fill(&random, octets, sizeof(octets));
		octets[round / 40 % sizeof(octets)] = (uint8_t)(round / 40);
		keyhash_begin(&hash, &keys, HASH_CONTACT);
		keyhash_field(&hash, span_of(octets, round % 8));
		fields_add(&fields, span_of(octets, round % 8));
		keyhash_field_lower(&hash, field);
		case_change(changed, octets, field.length, 'A', 'Z');
		fields_add(&fields, span_of(changed, field.length));
		keyhash_field_upper(&hash, field);
		case_change(changed, octets, field.length, 'a', 'z');
		fields_add(&fields, span_of(changed, field.length));
		expect_narrow(&hash, HASH_CONTACT, &fields);
	}
}

static uint64_t hash_two(enum hash_label label, struct span a, struct span b)
{
	struct keyhash hash;

	keyhash_begin(&hash, &keys, label);
	keyhash_field(&hash, a);
	keyhash_field(&hash, b);
	return keyhash_end(&hash);
}

Test(keyhash, tells_where_one_field_ends_and_the_next_begins)
{
	uint64_t hash = hash_two(HASH_BIND, SPAN("ab"), SPAN("c"));

	cr_assert(ne(u64, hash, hash_two(HASH_BIND, SPAN("a"), SPAN("bc"))));
	cr_assert(ne(u64, hash, hash_two(HASH_BIND, SPAN("abc"), SPAN(""))));
	cr_assert(eq(u64, hash, hash_two(HASH_BIND, SPAN("ab"), SPAN("c"))));
}

static const struct span names[HASH_LABELS] = {
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

// RFC 5869 by hand: extract under a zero salt, then one round of expand.
static void hkdf_by_hand(uint8_t key[32], struct span label)
{
	static const uint8_t salt[32];
	uint8_t extracted[32];
	uint8_t message[64];
	struct span cluster = SPAN("edge.example.net");

	memcpy(message, label.octets, label.length);
	memcpy(message + label.length, cluster.octets, cluster.length);
	message[label.length + cluster.length] = 1;
	HMAC(EVP_sha256(), salt, sizeof(salt), secret, sizeof(secret), extracted, NULL);
	HMAC(EVP_sha256(), extracted, sizeof(extracted), message, label.length + cluster.length + 1,
		key, NULL);
}

Test(keyhash, has_a_key_a_label_by_hkdf_of_the_index_secret)
{
	for (unsigned label = 0; label < HASH_LABELS; label++) {
		uint8_t key[32];

		hkdf_by_hand(key, names[label]);
		cr_assert(eq(int, memcmp(keys.key[label], key, HASH_KEY_OCTETS), 0));
	}
}

// Else "uak" of cluster "x" and "uakx" of cluster "" were one key.
Test(keyhash, has_no_label_that_begins_another)
{
	for (unsigned a = 0; a < HASH_LABELS; a++)
		for (unsigned b = 0; b < HASH_LABELS; b++)
			cr_assert(a == b || names[a].length > names[b].length
				|| memcmp(names[a].octets, names[b].octets, names[a].length) != 0);
}

Test(keyhash, has_other_keys_in_another_cluster)
{
	struct hash_keys other;

	cr_assert(eq(int, hash_keys_derive(&other, secret, SPAN("edge.example.com")), 0));
	for (unsigned label = 0; label < HASH_LABELS; label++)
		cr_assert(ne(int, memcmp(keys.key[label], other.key[label], HASH_KEY_OCTETS), 0));
}

Test(keyhash, has_no_keys_for_a_cluster_whose_name_is_no_host_name)
{
	uint8_t name[CLUSTER_NAME_MAX + 1] = {'a'};
	struct hash_keys untouched = keys;

	cr_assert(eq(int, hash_keys_derive(&keys, secret, span_of(name, sizeof(name))), -EINVAL));
	cr_assert(eq(int, memcmp(&keys, &untouched, sizeof(keys)), 0));
}
