// breadth.h: what keeps forking from getting out of hand: Max-Breadth and loop detection (RFC 5393).

#pragma once

#include "own_names.h"

#include <weir/keyhash.h>
#include <weir/message.h>

enum {
	BREADTH_DEFAULT = 60, // RFC 5393 section 5.3
	LOOP_TEXT = 11, // characters
};

// How many branches may carry the request at once. False: it is no number.
[[nodiscard]] bool breadth_read(const struct message *request, uint32_t *breadth);
// The share of branch `index` of `count`: they add up to `breadth`, which is no less than count.
uint32_t breadth_share(uint32_t breadth, unsigned index, unsigned count);

// The second part of our branches (RFC 5393 section 4.2): over all that decides where the request goes.
void loop_write(
	const struct hash_keys *hashes, const struct message *request, uint8_t out[LOOP_TEXT]);
// True if a Via of ours has that text: the request came this way before, and nothing has changed since.
[[nodiscard]] bool loop_is_closed(
	const struct message *request, const struct own_names *own, const uint8_t text[LOOP_TEXT]);
