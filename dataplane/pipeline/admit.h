// admit.h: steps 0 and 1: whom we hear, and what a request must be (RFC 3261 section 16.3).

#pragma once

#include "request.h"

// Before anything is answered: a stranger on a trusted listener hears nothing.
[[nodiscard]] enum verdict admit_source(
	const struct world *world, const struct burst *burst, unsigned index);
// The relay token that a request from another edge must carry.
[[nodiscard]] enum verdict admit_relay(struct request *request);
[[nodiscard]] enum verdict admit_fault(const struct message *message, enum message_fault fault);
[[nodiscard]] enum verdict admit_request(struct request *request);
