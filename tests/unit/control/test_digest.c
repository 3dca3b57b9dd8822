// Digest credentials: who is let in, by which algorithm, and for how long a nonce is good.

#include "core/digest.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/evp.h>

#include <stdio.h>
#include <string.h>

static const struct digest_user ALICE = {
	{(const uint8_t *)"alice", 5}, {(const uint8_t *)"secret", 6}};
static struct digest_key key;
static struct message message;
static char datagram[4096];

static const struct digest_user *find(void *context, struct span name)
{
	return span_equal(name, ALICE.name) ? &ALICE : NULL;
}

static void setup(void)
{
	cr_assert(eq(int, digest_key_draw(&key), 0));
}

// The nonce in the first challenge that is offered at a time.
static void nonce_at(uint64_t now_s, char *nonce)
{
	uint8_t octets[2048];
	struct text out = text_begin(octets, sizeof(octets) - 1);

	digest_add_challenge(&key, &out, SPAN("example.test"), now_s, false);
	octets[out.length] = 0;
	cr_assert(eq(int, sscanf(strstr((char *)octets, "nonce=\"") + 7, "%63[^\"]", nonce), 1));
}

static void hash(const char *algorithm, const char *text, char *hex)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length;

	EVP_Digest(text, strlen(text), digest, &length, EVP_get_digestbyname(algorithm), NULL);
	for (unsigned i = 0; i < length; i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
}

// What an honest phone with this password would send.
static enum digest_verdict present(
	const char *algorithm, const char *password, const char *nonce, uint64_t now_s)
{
	char a1[65], a2[65], response[65], text[512];
	const struct digest_user *user = NULL;

	snprintf(text, sizeof(text), "alice:example.test:%s", password);
	hash(algorithm, text, a1);
	hash(algorithm, "REGISTER:sip:example.test", a2);
	snprintf(text, sizeof(text), "%s:%s:00000001:0a4f:auth:%s", a1, nonce, a2);
	hash(algorithm, text, response);
	int length = snprintf(datagram, sizeof(datagram),
		"REGISTER sip:example.test SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
		"From: <sip:alice@example.test>;tag=1\r\nTo: <sip:alice@example.test>\r\n"
		"Call-ID: 1\r\nCSeq: 1 REGISTER\r\n"
		"Authorization: Digest username=\"alice\", realm=\"example.test\",\r\n "
		"nonce=\"%s\", "
		"uri=\"sip:example.test\", response=\"%s\", algorithm=%s, cnonce=\"0a4f\", "
		"qop=auth, "
		"nc=00000001\r\nContent-Length: 0\r\n\r\n",
		nonce, response, algorithm);
	cr_assert(
		eq(int, message_parse(&message, (uint8_t *)datagram, (size_t)length), MESSAGE_OK));
	enum digest_verdict verdict =
		digest_check(&key, &message, SPAN("example.test"), now_s, 60, find, NULL, &user);
	cr_assert(eq(int, verdict == DIGEST_OK, user == &ALICE));
	return verdict;
}

Test(digest, admits_the_right_password_by_either_algorithm, .init = setup)
{
	char nonce[64];

	nonce_at(1000, nonce);
	cr_assert(eq(int, present("SHA-256", "secret", nonce, 1001), DIGEST_OK));
	cr_assert(eq(int, present("MD5", "secret", nonce, 1001), DIGEST_OK));
}

Test(digest, refuses_the_wrong_password, .init = setup)
{
	char nonce[64];

	nonce_at(1000, nonce);
	cr_assert(eq(int, present("SHA-256", "Secret", nonce, 1001), DIGEST_WRONG));
	cr_assert(eq(int, present("MD5", "", nonce, 1001), DIGEST_WRONG));
}

Test(digest, calls_an_old_nonce_stale_only_with_the_right_password, .init = setup)
{
	char nonce[64];

	nonce_at(1000, nonce);
	cr_assert(eq(int, present("SHA-256", "secret", nonce, 1060), DIGEST_OK));
	cr_assert(eq(int, present("SHA-256", "secret", nonce, 1061), DIGEST_STALE));
	cr_assert(eq(int, present("SHA-256", "guess", nonce, 1061), DIGEST_WRONG));
}

Test(digest, refuses_a_nonce_that_it_did_not_write, .init = setup)
{
	char nonce[64];

	nonce_at(1000, nonce);
	for (size_t i = 0; i < strlen(nonce); i++) {
		char changed[64];
		strcpy(changed, nonce);
		changed[i] = changed[i] == '0' ? '1' : '0';
		cr_assert(eq(int, present("SHA-256", "secret", changed, 1001), DIGEST_WRONG));
	}
}
