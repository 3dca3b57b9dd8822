#include "gruu.h"

#include "location.h"

#include <weir/base64url.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <errno.h>

enum {
	IV_OCTETS = 12,
	TAG_OCTETS = 16,
	FIELDS = 3,
	PLAIN_MAX = FIELDS * (GRUU_TEXT_MAX + 2),
	SEALED_MAX = IV_OCTETS + PLAIN_MAX + TAG_OCTETS,
	SEALED_TEXT_MAX = (SEALED_MAX * 4 + 2) / 3,
};

#define TEMPORARY SPAN("tgruu.")

int gruu_key_draw(struct gruu_key *key)
{
	return RAND_bytes(key->octets, sizeof(key->octets)) == 1 ? 0 : -EIO;
}

// AES-256-GCM: iv, sealed text, tag. Returns the length, 0 on failure.
static size_t seal(const struct gruu_key *key, const uint8_t *plain, size_t length, uint8_t *out)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int written = 0;
	int last = 0;
	bool fine = context != NULL && RAND_bytes(out, IV_OCTETS) == 1
		&& EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->octets, out) == 1
		&& EVP_EncryptUpdate(context, out + IV_OCTETS, &written, plain, (int)length) == 1
		&& EVP_EncryptFinal_ex(context, out + IV_OCTETS + written, &last) == 1
		&& EVP_CIPHER_CTX_ctrl(
			   context, EVP_CTRL_GCM_GET_TAG, TAG_OCTETS, out + IV_OCTETS + length)
			== 1;

	EVP_CIPHER_CTX_free(context);
	return fine ? IV_OCTETS + length + TAG_OCTETS : 0;
}

static size_t unseal(const struct gruu_key *key, uint8_t *sealed, size_t length, uint8_t *out)
{
	if (length <= IV_OCTETS + TAG_OCTETS)
		return 0;
	size_t plain = length - IV_OCTETS - TAG_OCTETS;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int written = 0;
	int last = 0;
	bool fine = context != NULL
		&& EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->octets, sealed) == 1
		&& EVP_DecryptUpdate(context, out, &written, sealed + IV_OCTETS, (int)plain) == 1
		&& EVP_CIPHER_CTX_ctrl(
			   context, EVP_CTRL_GCM_SET_TAG, TAG_OCTETS, sealed + IV_OCTETS + plain)
			== 1
		&& EVP_DecryptFinal_ex(context, out + written, &last) == 1;

	EVP_CIPHER_CTX_free(context);
	return fine ? plain : 0;
}

static void add_field(struct text *out, struct span field)
{
	const uint8_t length[2] = {(uint8_t)(field.length >> 8), (uint8_t)field.length};

	text_add(out, span_of(length, sizeof(length)));
	text_add(out, field);
}

static bool read_field(struct span *rest, uint8_t *out, size_t *out_length)
{
	if (rest->length < 2)
		return false;
	size_t length = (size_t)rest->octets[0] << 8 | rest->octets[1];
	if (length > GRUU_TEXT_MAX || length > rest->length - 2)
		return false;
	memcpy(out, rest->octets + 2, length);
	*out_length = length;
	*rest = span_of(rest->octets + 2 + length, rest->length - 2 - length);
	return true;
}

// "<urn>" without quotes and brackets; length 0: another form.
static struct span instance_urn(struct span instance)
{
	if (instance.length < 5 || memcmp(instance.octets, "\"<", 2) != 0
		|| memcmp(instance.octets + instance.length - 2, ">\"", 2) != 0)
		return span_of(NULL, 0);
	return span_of(instance.octets + 2, instance.length - 4);
}

// paramchar of RFC 3261 section 25.1; everything else is escaped.
static bool is_plain(uint8_t octet)
{
	uint8_t lower = octet_lower(octet);

	return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9')
		|| (octet != 0 && strchr("-_.!~*'()[]/:&+$", octet) != NULL);
}

static void add_escaped(struct text *out, struct span text)
{
	for (size_t i = 0; i < text.length; i++) {
		if (is_plain(text.octets[i]))
			text_add(out, span_of(text.octets + i, 1));
		else
			text_format(out, "%%%02X", text.octets[i]);
	}
}

static void add_public(struct text *out, const uint8_t *base, const struct uri *to, struct span urn)
{
	text_add(out, SPAN(";pub-gruu=\"sip:"));
	text_add(out, slice_span(base, to->user));
	text_add(out, SPAN("@"));
	text_add(out, slice_span(base, to->host));
	text_add(out, SPAN(";gr="));
	add_escaped(out, urn);
	text_add(out, SPAN("\""));
}

static void add_temporary(const struct gruu_key *key, struct text *out, const uint8_t *base,
	const struct uri *to, struct span instance, struct span call_id)
{
	uint8_t aor[GRUU_TEXT_MAX];
	uint8_t plain_octets[PLAIN_MAX];
	uint8_t sealed[SEALED_MAX];
	uint8_t token[SEALED_TEXT_MAX];
	struct text plain = text_begin(plain_octets, sizeof(plain_octets));
	size_t length = location_write_aor(base, to, aor, sizeof(aor));

	if (length == 0 || instance.length > GRUU_TEXT_MAX || call_id.length > GRUU_TEXT_MAX)
		return;
	add_field(&plain, span_of(aor, length));
	add_field(&plain, instance);
	add_field(&plain, call_id);
	length = seal(key, plain.octets, plain.length, sealed);
	if (length == 0)
		return;
	text_add(out, SPAN(";temp-gruu=\"sip:"));
	text_add(out, TEMPORARY);
	text_add(out, span_of(token, base64url_encode(token, sealed, length)));
	text_add(out, SPAN("@"));
	text_add(out, slice_span(base, to->host));
	text_add(out, SPAN(";gr\""));
}

void gruu_add(const struct gruu_key *key, struct text *out, const uint8_t *base,
	const struct uri *to, struct span instance, struct span call_id)
{
	struct span urn = instance_urn(instance);

	if (urn.length == 0 || urn.length > GRUU_TEXT_MAX - 4)
		return;
	add_public(out, base, to, urn);
	add_temporary(key, out, base, to, instance, call_id);
}

static int hex_value(uint8_t octet)
{
	uint8_t lower = octet_lower(octet);

	if (octet >= '0' && octet <= '9')
		return octet - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The value of `gr` back into "<urn>" with its quotes. The parser has checked that each '%' has two digits.
static bool instance_write(struct span value, struct gruu *gruu)
{
	struct text out = text_begin(gruu->instance, sizeof(gruu->instance));

	text_add(&out, SPAN("\"<"));
	for (size_t i = 0; i < value.length; i++) {
		uint8_t octet = value.octets[i];
		if (octet == '%' && i + 2 < value.length) {
			octet = (uint8_t)(hex_value(value.octets[i + 1]) << 4
				| hex_value(value.octets[i + 2]));
			i += 2;
		}
		text_add(&out, span_of(&octet, 1));
	}
	text_add(&out, SPAN(">\""));
	gruu->instance_length = out.length;
	return !out.overflow;
}

static enum gruu_kind temporary_read(
	const struct gruu_key *key, const uint8_t *base, const struct uri *uri, struct gruu *gruu)
{
	struct span user = slice_span(base, uri->user);
	uint8_t sealed[SEALED_MAX];
	uint8_t plain[SEALED_MAX];

	if (user.length <= TEMPORARY.length
		|| memcmp(user.octets, TEMPORARY.octets, TEMPORARY.length) != 0)
		return GRUU_INVALID;
	size_t length = base64url_decode(sealed, sizeof(sealed),
		span_of(user.octets + TEMPORARY.length, user.length - TEMPORARY.length));
	struct span rest = span_of(plain, unseal(key, sealed, length, plain));
	if (!read_field(&rest, gruu->aor, &gruu->aor_length)
		|| !read_field(&rest, gruu->instance, &gruu->instance_length)
		|| !read_field(&rest, gruu->call_id, &gruu->call_id_length))
		return GRUU_INVALID;
	return GRUU_TEMPORARY;
}

enum gruu_kind gruu_read(
	const struct gruu_key *key, const uint8_t *base, const struct uri *uri, struct gruu *gruu)
{
	struct slice value;

	if (!uri->has_user || !parameter_find(base, uri->parameters, SPAN("gr"), &value))
		return GRUU_NONE;
	if (value.length == 0)
		return temporary_read(key, base, uri, gruu);
	gruu->call_id_length = 0;
	gruu->aor_length = location_write_aor(base, uri, gruu->aor, sizeof(gruu->aor));
	return gruu->aor_length > 0 && instance_write(slice_span(base, value), gruu) ? GRUU_PUBLIC
										     : GRUU_INVALID;
}
