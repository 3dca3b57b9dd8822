// target_probe.h: the OPTIONS request that asks an address whether it lives (RFC 3261 section 11.1).

#pragma once

#include <weir/endpoint.h>
#include <weir/message.h>

enum {
	PROBE_OCTETS_MAX = 1024,
};

// The branch is `z9hG4bKc` (control's own, ROUTING section 9) and 16 hex digits that name address and number and cannot be
// guessed. Returns the length, 0 if sent_by is too long.
size_t probe_write(uint8_t *out, uint8_t transport, struct span sent_by, const struct endpoint *to,
	uint64_t id, uint32_t number);
// The id of the probe that a response answers; 0: not a probe's.
uint64_t probe_read(const struct message *response);
