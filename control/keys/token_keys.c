#include "token_keys.h"

#include <weir/vault.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct token_keys {
	struct token_secrets secrets;
	struct hash_keys hashes;
	uint32_t rotate_every_s;
	uint8_t cluster_length;
	uint8_t cluster[TOKEN_SECRETS_CLUSTER_MAX];
	uint8_t text[TOKEN_KEYS_FILE_MAX
		+ 1]; // the file, while it is read; one octet tells too large
};

__attribute__((format(printf, 3, 4))) static enum token_keys_fault error_set(
	struct token_keys_error *error, enum token_keys_fault fault, const char *format, ...)
{
	va_list arguments;

	error->fault = fault;
	va_start(arguments, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return fault;
}

static enum token_keys_fault mode_check(
	const struct stat *status, const char *path, struct token_keys_error *error)
{
	unsigned mode = status->st_mode & 07777;

	if (!S_ISREG(status->st_mode))
		return error_set(error, TOKEN_KEYS_FILE,
			"key file %s is not a regular file  [E-KEY-FILE]", path);
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return error_set(error, TOKEN_KEYS_MODE,
			"key file %s belongs to user %u: chown it to root or to the user that runs"
			" weir-control  [E-KEY-MODE]",
			path, status->st_uid);
	if ((mode & (S_IRWXO | S_IWGRP | S_IXGRP)) != 0)
		return error_set(error, TOKEN_KEYS_MODE,
			"key file %s is open to others (mode %04o): chmod 0600 it  [E-KEY-MODE]",
			path, mode);
	return TOKEN_KEYS_OK;
}

// Reads the whole file. The length, or a negative errno.
static ssize_t file_read(int file, uint8_t *out, size_t capacity)
{
	size_t length = 0;

	while (length < capacity) {
		ssize_t got = read(file, out + length, capacity - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

static enum token_keys_fault text_parse(
	struct token_keys *keys, ssize_t length, const char *path, struct token_keys_error *error)
{
	unsigned line = 0;

	if (length < 0)
		return error_set(error, TOKEN_KEYS_FILE, "key file %s: %s  [E-KEY-FILE]", path,
			strerror((int)-length));
	if (length > TOKEN_KEYS_FILE_MAX)
		return error_set(error, TOKEN_KEYS_SYNTAX,
			"key file %s is larger than %d octets  [E-KEY-SYNTAX]", path,
			TOKEN_KEYS_FILE_MAX);
	if (token_secrets_parse(span_of(keys->text, (size_t)length), &keys->secrets, &line))
		return TOKEN_KEYS_OK;
	if (line == 0)
		return error_set(error, TOKEN_KEYS_SYNTAX,
			"key file %s lacks its index secret, its mint line or the token secret"
			" that mints  [E-KEY-SYNTAX]",
			path);
	return error_set(error, TOKEN_KEYS_SYNTAX,
		"key file %s, line %u is no line of a key file, or stands there twice:"
		" weirctl keys init makes one  [E-KEY-SYNTAX]",
		path, line);
}

static enum token_keys_fault file_load(
	struct token_keys *keys, const char *path, struct token_keys_error *error)
{
	struct stat status;
	enum token_keys_fault fault;
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	// The open file is what is judged: a path can be made to name another one in between.
	if (file < 0 || fstat(file, &status) < 0) {
		fault = error_set(error, TOKEN_KEYS_FILE, "key file %s: %s  [E-KEY-FILE]", path,
			strerror(errno));
		goto close_file;
	}
	fault = mode_check(&status, path, error);
	if (fault == TOKEN_KEYS_OK)
		fault = text_parse(
			keys, file_read(file, keys->text, sizeof(keys->text)), path, error);
close_file:
	if (file >= 0)
		(void)close(file);
	OPENSSL_cleanse(keys->text, sizeof(keys->text));
	return fault;
}

static enum token_keys_fault cluster_check(struct token_keys *keys, struct span cluster,
	const char *path, struct token_keys_error *error)
{
	struct span made_for = span_of(keys->secrets.cluster, keys->secrets.cluster_length);

	if (made_for.length > 0 && !span_equal_nocase(made_for, cluster))
		return error_set(error, TOKEN_KEYS_CLUSTER,
			"key file %s was made for cluster %.*s, this edge is of %.*s"
			"  [E-KEY-CLUSTER]",
			path, (int)made_for.length, (const char *)made_for.octets,
			(int)cluster.length, (const char *)cluster.octets);
	keys->cluster_length = (uint8_t)cluster.length;
	memcpy(keys->cluster, cluster.octets, cluster.length);
	return TOKEN_KEYS_OK;
}

static enum token_keys_fault hashes_derive(struct token_keys *keys, struct token_keys_error *error)
{
	struct span cluster = span_of(keys->cluster, keys->cluster_length);
	int status = hash_keys_derive(&keys->hashes, keys->secrets.index, cluster);

	if (status == 0)
		return TOKEN_KEYS_OK;
	return error_set(error, TOKEN_KEYS_SYSTEM, "cannot derive keys: %s  [E-KEY-SYSTEM]",
		strerror(-status));
}

struct token_keys *token_keys_open(const char *path, struct span cluster, uint32_t rotate_every_s,
	struct token_keys_error *error)
{
	struct token_keys *keys = vault_map(sizeof(*keys));

	if (keys == NULL || rotate_every_s == 0 || cluster.length > TOKEN_SECRETS_CLUSTER_MAX) {
		(void)error_set(error, TOKEN_KEYS_SYSTEM,
			"cannot hold the keys: %s  [E-KEY-SYSTEM]",
			strerror(keys == NULL ? errno : EINVAL));
		goto close_keys;
	}
	keys->rotate_every_s = rotate_every_s;
	if (file_load(keys, path, error) == TOKEN_KEYS_OK
		&& cluster_check(keys, cluster, path, error) == TOKEN_KEYS_OK
		&& hashes_derive(keys, error) == TOKEN_KEYS_OK)
		return keys;
close_keys:
	token_keys_close(keys);
	return NULL;
}

enum token_keys_fault token_keys_reload(
	struct token_keys *keys, const char *path, struct token_keys_error *error)
{
	struct span cluster = span_of(keys->cluster, keys->cluster_length);
	struct token_keys *fresh = token_keys_open(path, cluster, keys->rotate_every_s, error);

	if (fresh == NULL)
		return error->fault;
	enum token_keys_fault fault = TOKEN_KEYS_OK;
	if (CRYPTO_memcmp(fresh->secrets.index, keys->secrets.index, INDEX_SECRET_OCTETS) != 0)
		fault = error_set(error, TOKEN_KEYS_INDEX,
			"key file %s has another index secret: flows and registrations are known"
			" by hashes under the one before; put that back, or restart every edge"
			" of the cluster with an empty store  [E-KEY-INDEX]",
			path);
	else
		keys->secrets = fresh->secrets;
	token_keys_close(fresh);
	return fault;
}

void token_keys_close(struct token_keys *keys)
{
	if (keys == NULL)
		return;
	vault_unmap(keys, sizeof(*keys));
}

uint64_t token_keys_epoch(const struct token_keys *keys, uint64_t wall_s)
{
	return wall_s / keys->rotate_every_s;
}

static int secrets_derive(
	const struct token_keys *keys, uint64_t epoch, struct key_material *material)
{
	struct span cluster = span_of(keys->cluster, keys->cluster_length);

	for (unsigned i = 0; i < KEYRING_SECRETS; i++) {
		if ((keys->secrets.held >> i & 1) == 0)
			continue;
		int status = key_material_derive(
			material, i, keys->secrets.token[i], cluster, keys->rotate_every_s, epoch);
		if (status != 0)
			return status;
	}
	return 0;
}

int token_keys_derive(const struct token_keys *keys, uint64_t wall_s, struct key_material *material)
{
	struct key_material made = {0};
	int status = secrets_derive(keys, token_keys_epoch(keys, wall_s), &made);

	if (status == 0) {
		*material = made;
		material->minting = keys->secrets.minting;
	}
	OPENSSL_cleanse(&made, sizeof(made));
	return status;
}

// 8 octets of a hash that only who has the secret can make: no key of anything, and no way back.
static int secret_hash(const struct token_keys *keys, const uint8_t *secret, int length,
	const char *label, uint64_t *hash)
{
	uint8_t octets[EVP_MAX_MD_SIZE];
	uint8_t input[256 + TOKEN_SECRETS_CLUSTER_MAX];
	int used = snprintf((char *)input, sizeof(input), "%s, every %u s, %.*s", label,
		keys->rotate_every_s, keys->cluster_length, (const char *)keys->cluster);

	if (HMAC(EVP_sha256(), secret, length, input, (size_t)used, octets, NULL) == NULL)
		return -EIO;
	memcpy(hash, octets, sizeof(*hash));
	return 0;
}

int token_keys_check(const struct token_keys *keys, struct secret_check *check)
{
	const struct token_secrets *secrets = &keys->secrets;
	struct secret_check made = {.held = secrets->held, .minting = secrets->minting};
	int status =
		secret_hash(keys, secrets->index, INDEX_SECRET_OCTETS, "check index", &made.index);

	for (unsigned i = 0; status == 0 && i < KEYRING_SECRETS; i++)
		if ((secrets->held >> i & 1) != 0)
			status = secret_hash(keys, secrets->token[i], TOKEN_SECRET_OCTETS,
				"check token", &made.token[i]);
	if (status == 0)
		*check = made;
	return status;
}

const struct hash_keys *token_keys_hashes(const struct token_keys *keys)
{
	return &keys->hashes;
}

// Of the index secret, which is never replaced alone; by a label that nothing else is derived by.
int token_keys_derive_tickets(
	const struct token_keys *keys, uint8_t secret[TOKEN_KEYS_TICKET_OCTETS])
{
	static const char label[] = "weir tls tickets ";
	uint8_t info[sizeof(label) - 1 + TOKEN_SECRETS_CLUSTER_MAX];
	uint8_t made[EVP_MAX_MD_SIZE];
	unsigned length;

	memcpy(info, label, sizeof(label) - 1);
	for (unsigned i = 0; i < keys->cluster_length; i++)
		info[sizeof(label) - 1 + i] = octet_lower(keys->cluster[i]);
	if (HMAC(EVP_sha256(), keys->secrets.index, sizeof(keys->secrets.index), info,
		    sizeof(label) - 1 + keys->cluster_length, made, &length)
		== NULL)
		return -EIO;
	memcpy(secret, made, TOKEN_KEYS_TICKET_OCTETS);
	OPENSSL_cleanse(made, sizeof(made));
	return 0;
}

bool token_keys_are_due(const struct token_keys *keys, uint64_t derived_wall_s, uint64_t wall_s)
{
	return wall_s < derived_wall_s || wall_s - derived_wall_s >= TOKEN_KEYS_RENEW_S
		|| token_keys_epoch(keys, wall_s) != token_keys_epoch(keys, derived_wall_s);
}
