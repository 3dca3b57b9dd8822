// certificate_maker.h: certificates for tests, with whatever names they want, as files.

#pragma once

#include <weir/span.h>

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct made_certificate {
	X509 *certificate;
	EVP_PKEY *key;
	char certificate_path[64];
	char key_path[64];
};

// An entry of subjectAltName. type: GEN_DNS, GEN_URI or GEN_IPADD.
static inline void name_push(GENERAL_NAMES *names, int type, struct span octets)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *string = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	cr_assert(name != NULL && string != NULL);
	cr_assert(ASN1_STRING_set(string, octets.octets, (int)octets.length) == 1);
	GENERAL_NAME_set0_value(name, type, string);
	cr_assert(sk_GENERAL_NAME_push(names, name) > 0);
}

// "dns:a.test, uri:sip:b.test" by name_push(); a NUL in a name is written as "\0" by the caller's span.
struct made_name {
	int type;
	struct span octets;
};

static inline X509 *certificate_sign(EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
	const struct made_name *names, size_t count)
{
	X509 *certificate = X509_new();
	GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
	X509_NAME *subject = X509_NAME_new();

	cr_assert(certificate != NULL && list != NULL && subject != NULL);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), rand());
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		(const unsigned char *)(issuer == NULL ? "authority.test" : "common.test"), -1, -1,
		0);
	X509_set_subject_name(certificate, subject);
	X509_set_issuer_name(certificate, issuer == NULL ? subject : X509_get_subject_name(issuer));
	for (size_t i = 0; i < count; i++)
		name_push(list, names[i].type, names[i].octets);
	if (count > 0)
		cr_assert(X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, 0) == 1);
	if (issuer == NULL) {
		BASIC_CONSTRAINTS constraints = {.ca = 1};

		cr_assert(X509_add1_ext_i2d(certificate, NID_basic_constraints, &constraints, 1, 0)
			== 1);
	}
	cr_assert(X509_sign(certificate, issuer == NULL ? key : issuer_key, EVP_sha256()) > 0);
	X509_NAME_free(subject);
	GENERAL_NAMES_free(list);
	return certificate;
}

static inline void file_make(char path[64])
{
	strcpy(path, "/tmp/weir-test-XXXXXX");
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	close(fd);
}

// issuer NULL: it signs itself. certificate_drop() it.
static inline void certificate_make(struct made_certificate *made,
	const struct made_certificate *issuer, const struct made_name *names, size_t count)
{
	made->key = EVP_EC_gen("P-256");
	cr_assert(made->key != NULL);
	made->certificate = certificate_sign(made->key, issuer == NULL ? NULL : issuer->certificate,
		issuer == NULL ? NULL : issuer->key, names, count);
	file_make(made->certificate_path);
	file_make(made->key_path);
	FILE *file = fopen(made->certificate_path, "w");

	cr_assert(file != NULL && PEM_write_X509(file, made->certificate) == 1);
	fclose(file);
	file = fopen(made->key_path, "w");
	cr_assert(file != NULL
		&& PEM_write_PrivateKey(file, made->key, NULL, NULL, 0, NULL, NULL) == 1);
	fclose(file);
}

static inline void certificate_drop(struct made_certificate *made)
{
	unlink(made->certificate_path);
	unlink(made->key_path);
	X509_free(made->certificate);
	EVP_PKEY_free(made->key);
}
