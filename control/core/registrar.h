// registrar.h: RFC 3261 section 10.3 steps 1 to 8, with Path (RFC 3327) and the rules of RFC 5626 section 6.

#pragma once

#include "digest.h"
#include "gruu.h"
#include "location.h"

#include <weir/endpoint.h>

struct registrar_options {
	struct span realm;
	const struct span *domains; // that AORs may belong to
	unsigned domain_count;
	uint32_t min_expires_s;
	uint32_t max_expires_s;
	uint32_t default_expires_s;
	uint32_t nonce_life_s;
	uint32_t flow_timer_s; // told to phones whose connection is their flow; 0: none is
	struct span service_route; // value of the header (RFC 3608); length 0: none
	// None: every REGISTER is believed (for labs; config check warns).
	const struct digest_user *users;
	unsigned user_count;
};

struct registrar {
	struct registrar_options options; // its texts belong to the configuration
	struct location *location; // owned by the core
	const struct gruu_key *gruu_key; // owned by the core
	struct digest_key key;
};

// Decide on a REGISTER that came from `source` and write the response's own header lines to `headers`. Returns the status. Bindings change only for
// 200, all of them or none (RFC 3261 section 10.3 step 7).
[[nodiscard]] unsigned registrar_answer(struct registrar *registrar, const struct message *request,
	const struct hop *source, uint64_t now_s, struct text *headers);
// True if a host (as it stands in a URI) is one of the domains.
[[nodiscard]] bool registrar_owns(const struct registrar *registrar, struct span host);
