// records.h: which Record-Routes a request gets, and the tokens in them (ROUTING sections 3 and 8).

#pragma once

#include "request.h"

// Where a request goes, as far as its Record-Route is concerned.
struct delivery {
	const struct flow *flow; // to a phone here, or NULL
	uint64_t uak; // of the flow, for R6
	bool to_core;
};

// Fills the decision's records and adds their tokens to the burst's; notes why a phone got no token.
void records_decide(struct request *request, const struct delivery *delivery);
// Room is made for every token that a burst may want.
[[nodiscard]] uint16_t mint_add(struct burst *burst, const struct token *token);
