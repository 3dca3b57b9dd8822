// hkdf.c: see hkdf.h.

#include "hkdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <assert.h>
#include <errno.h>

void hkdf_info_add(struct hkdf_info *info, struct span part)
{
	assert(part.length <= HKDF_INFO_MAX - info->length);
	memcpy(info->octets + info->length, part.octets, part.length);
	info->length += part.length;
}

void hkdf_info_add_number(struct hkdf_info *info, uint64_t number, unsigned octets)
{
	uint8_t text[sizeof(number)];

	for (unsigned i = 0; i < octets; i++)
		text[i] = (uint8_t)(number >> 8 * (octets - 1 - i));
	hkdf_info_add(info, span_of(text, octets));
}

static int context_derive(EVP_KDF_CTX *context, uint8_t *key, size_t length, struct span secret,
	const struct hkdf_info *info)
{
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_KEY, (void *)secret.octets, secret.length),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, (void *)info->octets, info->length),
		OSSL_PARAM_construct_end(),
	};

	return EVP_KDF_derive(context, key, length, parameters) == 1 ? 0 : -EIO;
}

int hkdf_derive(uint8_t *key, size_t length, struct span secret, const struct hkdf_info *info)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	int error = -ENOMEM;

	EVP_KDF_free(kdf);
	if (context == NULL)
		return error;
	error = context_derive(context, key, length, secret, info);
	EVP_KDF_CTX_free(context);
	return error;
}
