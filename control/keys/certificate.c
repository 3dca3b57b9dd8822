#include "certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	NAMES_MAX = 512,
	SUBJECT_MAX = 64, // RFC 5280 appendix A.1: ub-common-name, ub-organization-name
	VERSION_3 = 2, // as X.509 counts
	BACKDATED_S = 3600, // clocks of other edges may be behind
	SECONDS_A_DAY = 86400,
};

// A file that did not exist before, or NULL and errno.
static FILE *file_create(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	return fd < 0 ? NULL : fdopen(fd, "w");
}

// 0, or what went wrong with a file that was begun: it is taken away again.
static int file_finish(FILE *file, bool written, const char *path)
{
	if (fclose(file) == 0 && written)
		return 0;
	unlink(path);
	return -EIO;
}

static int certificate_write(X509 *certificate, const char *path)
{
	FILE *file = file_create(path, 0644);

	if (file == NULL)
		return -errno;
	return file_finish(file, PEM_write_X509(file, certificate) == 1, path);
}

static int key_write(EVP_PKEY *key, const char *path)
{
	FILE *file = file_create(path, 0600);

	if (file == NULL)
		return -errno;
	return file_finish(
		file, PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1, path);
}

static int pair_write(
	X509 *certificate, EVP_PKEY *key, const char *certificate_path, const char *key_path)
{
	int status = key_write(key, key_path);

	if (status != 0)
		return status;
	status = certificate_write(certificate, certificate_path);
	if (status != 0)
		unlink(key_path);
	return status;
}

static bool extension_add(X509 *certificate, X509 *issuer, int id, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &context, id, value);
	bool fine = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return fine;
}

static bool serial_draw(X509 *certificate)
{
	uint64_t serial;

	return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1
		&& ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1;
}

// For people: who is meant the alternative names say, whole.
static bool subject_add(X509_NAME *subject, const char *type, const char *text)
{
	return X509_NAME_add_entry_by_txt(subject, type, MBSTRING_UTF8, (const uint8_t *)text,
		       (int)strnlen(text, SUBJECT_MAX), -1, 0)
		== 1;
}

// An unsigned certificate; NULL: OpenSSL failed.
static X509 *certificate_begin(EVP_PKEY *key, const char *organization, const char *name)
{
	X509 *certificate = X509_new();

	if (certificate == NULL)
		return NULL;
	X509_NAME *subject = X509_get_subject_name(certificate);
	if (X509_set_version(certificate, VERSION_3) == 1 && serial_draw(certificate)
		&& X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATED_S) != NULL
		&& X509_gmtime_adj(
			   X509_getm_notAfter(certificate), (long)CERTIFICATE_DAYS * SECONDS_A_DAY)
			!= NULL
		&& X509_set_pubkey(certificate, key) == 1 && subject_add(subject, "O", organization)
		&& subject_add(subject, "CN", name))
		return certificate;
	X509_free(certificate);
	return NULL;
}

int authority_make(struct authority *authority, const char *cluster)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key == NULL ? NULL : certificate_begin(key, cluster, "Weir cluster CA");

	if (certificate != NULL
		&& X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1
		&& extension_add(certificate, certificate, NID_basic_constraints,
			"critical,CA:TRUE,pathlen:0")
		&& extension_add(
			certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign")
		&& extension_add(certificate, certificate, NID_subject_key_identifier, "hash")
		&& X509_sign(certificate, key, EVP_sha256()) > 0) {
		*authority = (struct authority){certificate, key};
		return 0;
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
	return -EIO;
}

int authority_read(struct authority *authority, const char *certificate_path, const char *key_path)
{
	FILE *file = fopen(certificate_path, "re");

	if (file == NULL)
		return -errno;
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	file = fopen(key_path, "re");
	int status = file == NULL ? -errno : 0;
	EVP_PKEY *key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);
	if (file != NULL)
		fclose(file);
	if (certificate != NULL && key != NULL && X509_check_private_key(certificate, key) == 1) {
		*authority = (struct authority){certificate, key};
		return 0;
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
	return status != 0 ? status : -EBADMSG;
}

int authority_write(
	const struct authority *authority, const char *certificate_path, const char *key_path)
{
	return pair_write(authority->certificate, authority->key, certificate_path, key_path);
}

void authority_free(struct authority *authority)
{
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
	*authority = (struct authority){0};
}

int certificate_write_edge(const struct authority *authority, uint8_t edge, const char *name,
	const char *certificate_path, const char *key_path)
{
	char names[NAMES_MAX];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key == NULL ? NULL : certificate_begin(key, "Weir edge", name);
	X509 *issuer = authority->certificate;
	int length = snprintf(names, sizeof(names), "URI:urn:weir:edge:%u,DNS:%s", edge, name);
	int status = -EIO;

	if (certificate != NULL && length > 0 && length < NAMES_MAX
		&& X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1
		&& extension_add(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE")
		&& extension_add(certificate, issuer, NID_key_usage, "critical,digitalSignature")
		&& extension_add(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth")
		&& extension_add(certificate, issuer, NID_subject_alt_name, names)
		&& X509_sign(certificate, authority->key, EVP_sha256()) > 0)
		status = pair_write(certificate, key, certificate_path, key_path);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return status;
}
