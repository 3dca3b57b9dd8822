// contact.h: rule R6: a request without a token, to the flow of a registered contact (ROUTING section 6).

#pragma once

#include "rule.h"

struct contact_query {
	uint64_t contact; // hash of the request-URI
	uint64_t aor; // of To
	bool aor_required; // from a phone: only rows of that AOR count
	bool secure_flow; // only such flows (filter.h)
	bool secure_link; // only such links to other edges
};

struct contact_result {
	const struct flow *flow; // here, or NULL
	uint8_t edge; // else relay to it
	uint64_t uak;
};

// False: no user agent, or several.
[[nodiscard]] bool contact_find(const struct world *world, const struct contact_query *query,
	struct contact_result *result);
