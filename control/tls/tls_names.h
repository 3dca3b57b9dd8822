// tls_names.h: for which SIP domains a certificate speaks (RFC 5922 section 7).

#pragma once

#include <weir/span.h>

#include <openssl/ssl.h>

// True if the certificate names this host, or this address without brackets. `sip` URIs without a user, else DNS names, in whole and
// never by a wildcard; an address only by an address. The common name is not looked at.
[[nodiscard]] bool tls_names_cover(X509 *certificate, struct span name);
// The same of the other side's certificate, which was verified. False also if there is none.
[[nodiscard]] bool tls_peer_is(const SSL *ssl, struct span name);
