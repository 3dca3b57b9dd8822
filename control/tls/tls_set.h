// tls_set.h: the certificates of a configuration as TLS contexts, for phones that connect and for proxies that we connect to.
//
// A set is made of all `tls` entries at once and never changes: a reload makes another one, and connections go on with the one they began
// with. TLS 1.2 and 1.3 with forward secrecy; no renegotiation, no compression, no early data (RFC 9325). Sessions are resumed by tickets, under
// keys of an hour each (tickets.h). Any thread may use a set.

#pragma once

#include "../config/config.h"
#include "tickets.h"

#include <openssl/ssl.h>

struct tls_set;

// Why a set could not be made.
struct tls_fault {
	const struct config_tls *entry;
	const void *member; // of the entry: which file it is about
	char what[192];
};

// *set has one reference. 0; -ENOMEM; or -EINVAL: *fault says which entry.
[[nodiscard]] int tls_set_new(
	const struct config *config, struct tls_set **set, struct tls_fault *fault);
// Before connections are made by it: its tickets are good for all sets that have this secret, and those of theirs here. Without it they are good
// for this set alone.
void tls_set_share_tickets(struct tls_set *set, const uint8_t secret[TICKETS_SECRET_OCTETS]);
struct tls_set *tls_set_hold(struct tls_set *set);
void tls_set_release(struct tls_set *set); // may be NULL

// One connection, in the state to accept or to connect; the caller gives it a BIO and frees it before it releases the set. NULL: out of
// memory, or no such entry.
//
// Of a phone: with the listener's entry, or with the first one whose certificate names the server that the phone asks for (RFC 6066
// section 3). Whether it must show a certificate is the listener's entry's to say, whichever answers.
[[nodiscard]] SSL *tls_set_accept(struct tls_set *set, struct span entry);
// To a proxy: shows the entry's certificate, believes its `ca`. Whom it has reached is tls_peer_is()'s to say once it is connected.
[[nodiscard]] SSL *tls_set_connect(struct tls_set *set, struct span entry, struct span host);

// To a proxy, once connected: it has asked for our certificate, and was shown it.
[[nodiscard]] bool tls_set_has_shown(const SSL *ssl);

// The certificate of an entry, the set's; NULL: no such entry.
[[nodiscard]] X509 *tls_set_certificate(const struct tls_set *set, struct span entry);
