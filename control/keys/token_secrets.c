#include "token_secrets.h"

#include <openssl/crypto.h>

#include <assert.h>
#include <stdio.h>

enum {
	HEX_SECRET = 2 * TOKEN_SECRET_OCTETS,
};
static_assert((int)TOKEN_SECRET_OCTETS == (int)INDEX_SECRET_OCTETS, "one length of hex");

static size_t hex_write(char *out, const uint8_t *octets)
{
	for (unsigned i = 0; i < TOKEN_SECRET_OCTETS; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", octets[i]);
	return HEX_SECRET;
}

static int hex_digit(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	uint8_t letter = octet_lower(digit);
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static bool hex_read(struct span text, uint8_t *out)
{
	if (text.length != HEX_SECRET)
		return false;
	for (unsigned i = 0; i < TOKEN_SECRET_OCTETS; i++) {
		int high = hex_digit(text.octets[2 * i]);
		int low = hex_digit(text.octets[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

size_t token_secrets_format(const struct token_secrets *secrets, uint8_t *out)
{
	char hex[HEX_SECRET + 1];
	char *text = (char *)out;
	int at = snprintf(text, TOKEN_SECRETS_TEXT_MAX, "weir-keys 1\n");

	if (secrets->cluster_length > 0)
		at += snprintf(text + at, TOKEN_SECRETS_TEXT_MAX - at, "cluster %.*s\n",
			(int)secrets->cluster_length, (const char *)secrets->cluster);
	for (unsigned i = 0; i < KEYRING_SECRETS; i++) {
		if ((secrets->held >> i & 1) == 0)
			continue;
		(void)hex_write(hex, secrets->token[i]);
		at += snprintf(text + at, TOKEN_SECRETS_TEXT_MAX - at, "token %u %s\n", i, hex);
	}
	(void)hex_write(hex, secrets->index);
	at += snprintf(text + at, TOKEN_SECRETS_TEXT_MAX - at, "mint %u\nindex %s\n",
		secrets->minting, hex);
	OPENSSL_cleanse(hex, sizeof(hex));
	return (size_t)at;
}

// What has been read so far.
struct reader {
	struct token_secrets secrets;
	bool has_mint;
	bool has_index;
};

// Cuts "word " off the line. False: it does not start so.
static bool word_take(struct span *line, struct span word)
{
	if (line->length < word.length || !span_equal(span_of(line->octets, word.length), word))
		return false;
	line->octets += word.length;
	line->length -= word.length;
	return true;
}

static bool cluster_read(struct reader *reader, struct span name)
{
	struct token_secrets *secrets = &reader->secrets;

	if (secrets->cluster_length > 0 || name.length == 0
		|| name.length > TOKEN_SECRETS_CLUSTER_MAX)
		return false;
	secrets->cluster_length = (uint8_t)name.length;
	memcpy(secrets->cluster, name.octets, name.length);
	return true;
}

static bool token_read(struct reader *reader, unsigned index, struct span hex)
{
	struct token_secrets *secrets = &reader->secrets;

	if ((secrets->held >> index & 1) != 0)
		return false;
	secrets->held |= (uint8_t)(1 << index);
	return hex_read(hex, secrets->token[index]);
}

static bool mint_read(struct reader *reader, unsigned index)
{
	bool first = !reader->has_mint;

	reader->has_mint = true;
	reader->secrets.minting = (uint8_t)index;
	return first;
}

static bool index_read(struct reader *reader, struct span hex)
{
	bool first = !reader->has_index;

	reader->has_index = true;
	return first && hex_read(hex, reader->secrets.index);
}

static bool line_read(struct reader *reader, struct span line)
{
	if (line.length == 0 || line.octets[0] == '#')
		return true;
	if (word_take(&line, SPAN("cluster ")))
		return cluster_read(reader, line);
	if (word_take(&line, SPAN("token 0 ")))
		return token_read(reader, 0, line);
	if (word_take(&line, SPAN("token 1 ")))
		return token_read(reader, 1, line);
	if (word_take(&line, SPAN("index ")))
		return index_read(reader, line);
	if (span_equal(line, SPAN("mint 0")))
		return mint_read(reader, 0);
	if (span_equal(line, SPAN("mint 1")))
		return mint_read(reader, 1);
	return false;
}

// Cuts the next line off the text, without its LF.
static struct span line_take(struct span *text)
{
	const uint8_t *end = memchr(text->octets, '\n', text->length);
	size_t length = end == NULL ? text->length : (size_t)(end - text->octets);
	size_t taken = end == NULL ? length : length + 1;
	struct span line = span_of(text->octets, length);

	*text = span_of(text->octets + taken, text->length - taken);
	return line;
}

static bool lines_read(struct reader *reader, struct span text, unsigned *line)
{
	*line = 1;
	if (!span_equal(line_take(&text), SPAN("weir-keys 1")))
		return false;
	while (text.length > 0) {
		++*line;
		if (!line_read(reader, line_take(&text)))
			return false;
	}
	*line = 0;
	return reader->has_mint && reader->has_index
		&& (reader->secrets.held >> reader->secrets.minting & 1) != 0;
}

bool token_secrets_parse(struct span text, struct token_secrets *secrets, unsigned *line)
{
	struct reader reader = {0};
	bool good = lines_read(&reader, text, line);

	if (good)
		*secrets = reader.secrets;
	OPENSSL_cleanse(&reader, sizeof(reader));
	return good;
}
