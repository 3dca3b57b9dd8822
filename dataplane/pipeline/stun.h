// stun.h: STUN keep-alives on SIP's own ports (RFC 5626 sections 5.4 and 8, RFC 5389).

#pragma once

#include <weir/packet.h>

enum {
	STUN_HEADER_OCTETS = 20,
	STUN_UNKNOWN_MAX = 8, // attributes that one refusal names
};

struct stun {
	uint8_t transaction[12];
	uint8_t unknown_count; // comprehension-required attributes that nobody here knows
	uint16_t unknown[STUN_UNKNOWN_MAX];
};

// True for a Binding Request in good form, to be answered. Responses, indications and whatever is broken get no answer.
[[nodiscard]] bool stun_read(const struct packet *packet, struct stun *stun);
// Write the answer in place of the request: its source as XOR-MAPPED-ADDRESS, or 420. It fits the head room.
void stun_answer(struct packet *packet, const struct stun *stun);
