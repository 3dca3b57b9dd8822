// filter.h: which flows and links may carry a request that asks for security (ROUTING section 6, "Filter first").

#pragma once

#include "stage.h"

[[nodiscard]] bool filter_is_secure(enum transport transport);
// The transport of a token's listener, TRANSPORT_NONE if the owner's listener is not known.
enum transport filter_token_transport(const struct directory *directory, const struct token *token);
// Whether a token was born on TLS or WSS.
[[nodiscard]] bool filter_token_is_secure(
	const struct directory *directory, const struct token *token);
[[nodiscard]] bool filter_passes_flow(bool secure, const struct flow *flow);
[[nodiscard]] bool filter_passes_peer(const struct directory *directory, bool secure, uint8_t edge);
