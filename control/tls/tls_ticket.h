// tls_ticket.h: session tickets of a TLS context, sealed and opened by tickets.h.

#pragma once

#include "tickets.h"

#include <openssl/ssl.h>

// tickets outlives the context and all that is made by it. False: OpenSSL would not have it.
[[nodiscard]] bool tls_ticket_use(SSL_CTX *context, struct tickets *tickets);
