#include "digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum {
	HASH_HEX_MAX = 64,
	NONCE_TIME_DIGITS = 16,
	NONCE_MAC_DIGITS = 32,
	NONCE_LENGTH = NONCE_TIME_DIGITS + NONCE_MAC_DIGITS,
	FIELD_MAX = 1024,
};

// The fields of one Authorization value, quotes taken off.
struct credentials {
	struct span username;
	struct span realm;
	struct span nonce;
	struct span uri;
	struct span response;
	struct span algorithm;
	struct span cnonce;
	struct span qop;
	struct span nc;
};

int digest_key_draw(struct digest_key *key)
{
	return RAND_bytes(key->octets, sizeof(key->octets)) == 1 ? 0 : -EIO;
}

static void hex_write(const uint8_t *octets, size_t length, char *out)
{
	static const char DIGITS[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		*out++ = DIGITS[octets[i] >> 4];
		*out++ = DIGITS[octets[i] & 15];
	}
}

static void nonce_write(const struct digest_key *key, uint64_t now_s, char out[NONCE_LENGTH + 1])
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	snprintf(out, NONCE_TIME_DIGITS + 1, "%016" PRIx64, now_s);
	HMAC(EVP_sha256(), key->octets, sizeof(key->octets), (const uint8_t *)out,
		NONCE_TIME_DIGITS, mac, &length);
	hex_write(mac, NONCE_MAC_DIGITS / 2, out + NONCE_TIME_DIGITS);
	out[NONCE_LENGTH] = 0;
}

// The time in a nonce of ours; false if we did not write it.
static bool nonce_read(const struct digest_key *key, struct span nonce, uint64_t *time_s)
{
	char expected[NONCE_LENGTH + 1];
	uint64_t time = 0;

	if (nonce.length != NONCE_LENGTH)
		return false;
	for (unsigned i = 0; i < NONCE_TIME_DIGITS; i++) {
		uint8_t octet = nonce.octets[i];
		int digit = octet >= '0' && octet <= '9' ? octet - '0' : octet - 'a' + 10;
		if (digit < 0 || digit > 15)
			return false;
		time = time << 4 | (unsigned)digit;
	}
	nonce_write(key, time, expected);
	*time_s = time;
	return CRYPTO_memcmp(expected, nonce.octets, NONCE_LENGTH) == 0;
}

static struct span unquote(struct span value)
{
	if (value.length >= 2 && value.octets[0] == '"' && value.octets[value.length - 1] == '"')
		return span_of(value.octets + 1, value.length - 2);
	return value;
}

static void credentials_set(struct credentials *credentials, struct span name, struct span value)
{
	const struct {
		struct span name;
		struct span *field;
	} fields[] = {
		{SPAN("username"), &credentials->username},
		{SPAN("realm"), &credentials->realm},
		{SPAN("nonce"), &credentials->nonce},
		{SPAN("uri"), &credentials->uri},
		{SPAN("response"), &credentials->response},
		{SPAN("algorithm"), &credentials->algorithm},
		{SPAN("cnonce"), &credentials->cnonce},
		{SPAN("qop"), &credentials->qop},
		{SPAN("nc"), &credentials->nc},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (span_equal_nocase(fields[i].name, name))
			*fields[i].field = unquote(value);
}

static bool is_space(uint8_t octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

static struct span trim(struct span text)
{
	while (text.length > 0 && is_space(text.octets[0]))
		text = span_of(text.octets + 1, text.length - 1);
	while (text.length > 0 && is_space(text.octets[text.length - 1]))
		text.length--;
	return text;
}

// Where the next comma outside of quotes stands, or the end.
static size_t field_end(struct span text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.length; i++) {
		if (quoted && text.octets[i] == '\\')
			i++;
		else if (text.octets[i] == '"')
			quoted = !quoted;
		else if (text.octets[i] == ',' && !quoted)
			return i;
	}
	return text.length;
}

// auth-param list after "Digest" (RFC 7616 section 3.4).
static bool credentials_parse(struct span value, struct credentials *credentials)
{
	const size_t scheme = sizeof("Digest") - 1;

	*credentials = (struct credentials){0};
	if (value.length <= scheme
		|| !span_equal_nocase(span_of(value.octets, scheme), SPAN("Digest")))
		return false;
	struct span rest = span_of(value.octets + scheme, value.length - scheme);
	while (rest.length > 0) {
		size_t end = field_end(rest);
		struct span field = trim(span_of(rest.octets, end));
		const uint8_t *equals =
			field.length == 0 ? NULL : memchr(field.octets, '=', field.length);
		if (equals != NULL) {
			size_t name = (size_t)(equals - field.octets);
			credentials_set(credentials, trim(span_of(field.octets, name)),
				trim(span_of(equals + 1, field.length - name - 1)));
		}
		size_t skip = end < rest.length ? end + 1 : end;
		rest = span_of(rest.octets + skip, rest.length - skip);
	}
	return true;
}

// Hex of the hash over the pieces with ':' between them. Returns its length, 0 on failure.
static size_t hash_joined(
	const EVP_MD *algorithm, const struct span *pieces, unsigned count, char out[HASH_HEX_MAX])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool fine = context != NULL && EVP_DigestInit_ex(context, algorithm, NULL) == 1;

	for (unsigned i = 0; fine && i < count; i++) {
		fine = i == 0 || EVP_DigestUpdate(context, ":", 1) == 1;
		fine = fine && EVP_DigestUpdate(context, pieces[i].octets, pieces[i].length) == 1;
	}
	fine = fine && EVP_DigestFinal_ex(context, digest, &length) == 1;
	EVP_MD_CTX_free(context);
	if (!fine || length > HASH_HEX_MAX / 2)
		return 0;
	hex_write(digest, length, out);
	return length * 2;
}

// RFC 7616 section 3.4.1, qop=auth or, as RFC 2069 had it, none.
static bool response_matches(const EVP_MD *algorithm, const struct credentials *credentials,
	const struct digest_user *user, struct span method)
{
	char a1[HASH_HEX_MAX];
	char a2[HASH_HEX_MAX];
	char expected[HASH_HEX_MAX];
	const struct span first[] = {user->name, credentials->realm, user->password};
	const struct span second[] = {method, credentials->uri};
	size_t length = hash_joined(algorithm, first, 3, a1);

	if (length == 0 || hash_joined(algorithm, second, 2, a2) == 0)
		return false;
	const struct span with_qop[] = {span_of(a1, length), credentials->nonce, credentials->nc,
		credentials->cnonce, credentials->qop, span_of(a2, length)};
	const struct span without[] = {
		span_of(a1, length), credentials->nonce, span_of(a2, length)};
	bool qop = credentials->qop.length > 0;
	if (hash_joined(algorithm, qop ? with_qop : without, qop ? 6 : 3, expected) == 0)
		return false;
	return credentials->response.length == length
		&& CRYPTO_memcmp(expected, credentials->response.octets, length) == 0;
}

static const EVP_MD *algorithm_find(struct span name)
{
	if (name.length == 0 || span_equal_nocase(name, SPAN("MD5")))
		return EVP_md5();
	return span_equal_nocase(name, SPAN("SHA-256")) ? EVP_sha256() : NULL;
}

static enum digest_verdict credentials_check(const struct digest_key *key,
	const struct credentials *credentials, const struct message *request, uint64_t now_s,
	uint32_t nonce_life_s, const struct digest_user *user)
{
	const EVP_MD *algorithm = algorithm_find(credentials->algorithm);
	bool qop_known =
		credentials->qop.length == 0 || span_equal_nocase(credentials->qop, SPAN("auth"));
	uint64_t nonce_s;

	if (user == NULL || algorithm == NULL || !qop_known)
		return DIGEST_WRONG;
	// RFC 3261 section 22.4: the digest-uri is the request-URI, as far as proxies left it alone; its host must be named at least.
	if (credentials->uri.length == 0 || credentials->uri.length > FIELD_MAX)
		return DIGEST_WRONG;
	if (!nonce_read(key, credentials->nonce, &nonce_s))
		return DIGEST_WRONG;
	if (!response_matches(
		    algorithm, credentials, user, message_span(request, request->method_name)))
		return DIGEST_WRONG;
	return nonce_s + nonce_life_s < now_s ? DIGEST_STALE : DIGEST_OK;
}

enum digest_verdict digest_check(const struct digest_key *key, const struct message *request,
	struct span realm, uint64_t now_s, uint32_t nonce_life_s, digest_find_user *find,
	void *context, const struct digest_user **user)
{
	enum digest_verdict verdict = DIGEST_ABSENT;

	for (uint8_t line = request->first[HEADER_AUTHORIZATION]; line != MESSAGE_LINE_NONE;
		line = request->lines[line].next) {
		struct credentials credentials;
		struct span value = span_of(request->octets + request->lines[line].value_offset,
			request->lines[line].value_length);
		if (!credentials_parse(value, &credentials)
			|| !span_equal(credentials.realm, realm))
			continue;
		const struct digest_user *known = find(context, credentials.username);
		verdict = credentials_check(key, &credentials, request, now_s, nonce_life_s, known);
		if (verdict == DIGEST_OK) {
			*user = known;
			return verdict;
		}
	}
	return verdict;
}

void digest_add_challenge(const struct digest_key *key, struct text *out, struct span realm,
	uint64_t now_s, bool stale)
{
	static const char *const ALGORITHMS[] = {"SHA-256", "MD5"};
	char nonce[NONCE_LENGTH + 1];

	nonce_write(key, now_s, nonce);
	for (unsigned i = 0; i < 2; i++)
		text_format(out,
			"WWW-Authenticate: Digest realm=\"%.*s\", nonce=\"%s\", algorithm=%s, "
			"qop=\"auth\"%s\r\n",
			(int)realm.length, (const char *)realm.octets, nonce, ALGORITHMS[i],
			stale ? ", stale=true" : "");
}
