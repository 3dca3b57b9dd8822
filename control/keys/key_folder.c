#include "key_folder.h"

#include "certificate.h"
#include "token_secrets.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool path_write(char *out, const char *folder, const char *file)
{
	return snprintf(out, KEY_PATH_MAX, "%s/%s", folder, file) < KEY_PATH_MAX;
}

bool key_folder_tokens(const char *folder, char *out)
{
	return path_write(out, folder, "token-keys");
}

bool key_folder_authority(const char *folder, char *certificate, char *key)
{
	return path_write(certificate, folder, "cluster-ca.pem")
		&& path_write(key, folder, "cluster-ca.key");
}

bool key_folder_edge(const char *folder, uint8_t edge, char *certificate, char *key)
{
	return snprintf(certificate, KEY_PATH_MAX, "%s/edge-%u.pem", folder, edge) < KEY_PATH_MAX
		&& snprintf(key, KEY_PATH_MAX, "%s/edge-%u.key", folder, edge) < KEY_PATH_MAX;
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static int octets_write(const char *path, const uint8_t *octets, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, octets, length);
	int status = written < 0 ? -errno : (size_t)written == length ? 0 : -ENOSPC;
	if (close(fd) != 0 && status == 0)
		status = -errno;
	if (status != 0)
		unlink(path);
	return status;
}

static int tokens_make(const char *path, const char *cluster)
{
	uint8_t text[TOKEN_SECRETS_TEXT_MAX];
	struct token_secrets secrets = {.held = 1};
	size_t cluster_length = strlen(cluster);
	int status = -EIO;

	if (cluster_length > sizeof(secrets.cluster))
		return -ENAMETOOLONG;
	secrets.cluster_length = (uint8_t)cluster_length;
	memcpy(secrets.cluster, cluster, cluster_length);
	if (RAND_priv_bytes(secrets.token[0], TOKEN_SECRET_OCTETS) == 1
		&& RAND_priv_bytes(secrets.index, INDEX_SECRET_OCTETS) == 1) {
		size_t length = token_secrets_format(&secrets, text);
		status = length == 0 ? -EMSGSIZE : octets_write(path, text, length);
	}
	OPENSSL_cleanse(&secrets, sizeof(secrets));
	OPENSSL_cleanse(text, sizeof(text));
	return status;
}

// Of a certificate and its key one alone is no use, and neither is made over what is there: names the one that is in the way or away.
static int pair_check(
	const char *certificate, const char *key, bool key_may_miss, char *failed, bool *kept)
{
	bool has_key = is_there(key);

	*kept = is_there(certificate);
	if (*kept == has_key || (*kept && key_may_miss))
		return 0;
	snprintf(failed, KEY_PATH_MAX, "%s", key);
	return *kept ? -ENOENT : -EEXIST;
}

static int authority_prepare(const char *certificate, const char *key, const char *cluster,
	struct authority *authority, bool kept)
{
	if (kept)
		return authority_read(authority, certificate, key);
	int status = authority_make(authority, cluster);
	if (status == 0) {
		status = authority_write(authority, certificate, key);
		if (status != 0)
			authority_free(authority);
	}
	return status;
}

struct work {
	const char *folder;
	void (*made)(void *context, const char *path, bool kept);
	void *context;
	char *failed;
};

static int tokens_prepare(const struct work *work, const char *cluster)
{
	if (!key_folder_tokens(work->folder, work->failed))
		return -ENAMETOOLONG;
	bool kept = is_there(work->failed);
	int status = kept ? 0 : tokens_make(work->failed, cluster);
	if (status == 0)
		work->made(work->context, work->failed, kept);
	return status;
}

static int edge_prepare(
	const struct work *work, const struct authority *authority, const struct key_edge *edge)
{
	char key[KEY_PATH_MAX];

	if (!key_folder_edge(work->folder, edge->id, work->failed, key))
		return -ENAMETOOLONG;
	bool kept;
	// The key of an edge lives there alone once it has been copied.
	int status = pair_check(work->failed, key, true, work->failed, &kept);
	if (status == 0 && !kept)
		status = certificate_write_edge(authority, edge->id, edge->name, work->failed, key);
	if (status == 0)
		work->made(work->context, work->failed, kept);
	return status;
}

int key_folder_init(const char *folder, const char *cluster, const struct key_edge *edges,
	unsigned edge_count, void (*made)(void *context, const char *path, bool kept),
	void *context, char *failed)
{
	const struct work work = {folder, made, context, failed};
	struct authority authority;
	char key[KEY_PATH_MAX];
	bool kept;

	snprintf(failed, KEY_PATH_MAX, "%s", folder);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return -errno;
	int status = tokens_prepare(&work, cluster);
	if (status != 0)
		return status;
	if (!key_folder_authority(folder, failed, key))
		return -ENAMETOOLONG;
	status = pair_check(failed, key, false, failed, &kept);
	if (status == 0)
		status = authority_prepare(failed, key, cluster, &authority, kept);
	if (status != 0)
		return status;
	made(context, failed, kept);
	for (unsigned i = 0; status == 0 && i < edge_count; i++)
		status = edge_prepare(&work, &authority, &edges[i]);
	authority_free(&authority);
	return status;
}
