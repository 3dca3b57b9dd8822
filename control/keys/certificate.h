// certificate.h: the cluster's own CA and one certificate an edge, for the mesh between controls.
//
// ECDSA on P-256. An edge's certificate carries `urn:weir:edge:N` and the edge's name as subject alternative names; the mesh looks
// at the first alone. Files are written whole or not at all, keys readable by their owner only, and never over an existing file.

#pragma once

#include <openssl/x509.h>

#include <stdint.h>

enum {
	CERTIFICATE_DAYS = 3650,
};

// A certificate with its private key. Owned by whoever made or read it: authority_free().
struct authority {
	X509 *certificate;
	EVP_PKEY *key;
};

// 0 or a negative errno (-EIO: OpenSSL failed).
[[nodiscard]] int authority_make(struct authority *authority, const char *cluster);
[[nodiscard]] int authority_read(
	struct authority *authority, const char *certificate_path, const char *key_path);
[[nodiscard]] int authority_write(
	const struct authority *authority, const char *certificate_path, const char *key_path);
void authority_free(struct authority *authority);
// Make and write the certificate and key of one edge. -EEXIST: one of the files is there already.
[[nodiscard]] int certificate_write_edge(const struct authority *authority, uint8_t edge,
	const char *name, const char *certificate_path, const char *key_path);
