// identity.h: mutual TLS between the edges of a cluster: who is who is what the certificate says.
//
// The cluster's own CA signs one certificate an edge, with the subject alternative name `urn:weir:edge:N`. Only TLS 1.3; no
// resumption, no early data.

#pragma once

#include <openssl/ssl.h>

#include <stdint.h>

// NULL and *why (for people, static or OpenSSL's text in `buffer`) on failure.
[[nodiscard]] SSL_CTX *identity_open(
	const char *certificate, const char *key, const char *ca, char *why, size_t why_size);
// The edge id in the peer's verified certificate; 0: none, or more than one.
[[nodiscard]] uint8_t identity_read(SSL *ssl);
