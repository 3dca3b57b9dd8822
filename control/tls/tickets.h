// tickets.h: the keys of TLS session tickets (RFC 5077 section 4), a new one each hour, derived from one secret: whoever has the secret redeems
// the tickets of all. Any thread may use them.
//
// A key seals for its hour and opens for the hour after, and already in the hour before, for clocks that differ.

#pragma once

#include <weir/span.h>

enum {
	TICKETS_SECRET_OCTETS = 32,
	TICKETS_HOUR_S = 3600,
	TICKET_NAME_OCTETS = 16,
	TICKET_KEY_OCTETS = 32,
};

struct ticket_key {
	uint8_t name[TICKET_NAME_OCTETS]; // which stands in the ticket, in clear
	uint8_t cipher[TICKET_KEY_OCTETS];
	uint8_t mac[TICKET_KEY_OCTETS];
};

struct tickets;

// NULL: no memory, or no random octets.
[[nodiscard]] struct tickets *tickets_new(void); // of a secret that is drawn
void tickets_free(struct tickets *tickets); // wipes; may be NULL
// From now on of this one. No other thread uses them yet.
void tickets_set_secret(struct tickets *tickets, const uint8_t secret[TICKETS_SECRET_OCTETS]);
// The key that seals now. 0 or -EIO; the caller wipes *key.
[[nodiscard]] int tickets_seal(struct tickets *tickets, uint64_t wall_s, struct ticket_key *key);
// The key of that name. *old: the ticket should be replaced. 0, -ENOENT (none that opens now) or -EIO; the caller wipes *key.
[[nodiscard]] int tickets_open(struct tickets *tickets, uint64_t wall_s,
	const uint8_t name[TICKET_NAME_OCTETS], struct ticket_key *key, bool *old);
