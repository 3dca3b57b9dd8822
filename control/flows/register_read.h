// register_read.h: what a REGISTER asks for and what its 2xx grants (RFC 3261 section 10, RFC 5626 sections 4.2 and 6).

#pragma once

#include <weir/identity.h>

enum {
	REGISTER_CONTACTS_MAX = 16, // of one REGISTER: more is refused
	REGISTER_ID_MAX = 0x7fffffff, // reg-id (RFC 5626 section 10)
	REGISTER_EXPIRES_DEFAULT_S = 3600, // malformed or absent (RFC 3261 section 10.2.1.1)
};

struct register_contact {
	struct slice uri; // of the message
	uint64_t uak;
	uint64_t instance; // 0: none
	uint64_t contact;
	uint64_t place; // hash of host and port alone
	uint32_t reg_id; // 0: none, or ignored since there is no instance-id (RFC 5626 section 6)
	uint32_t expires_s;
};

struct register_request {
	uint64_t aor;
	bool first_hop; // one Via: it comes straight from its user agent
	bool star; // Contact: *
	unsigned count;
	struct register_contact contacts[REGISTER_CONTACTS_MAX];
};

// False: to be answered with 400. *request is then unspecified.
[[nodiscard]] bool register_read(const struct hash_keys *keys, const struct message *message,
	struct register_request *request);
// True if it asks for a binding: a query or a removal needs no flow.
[[nodiscard]] bool register_is_binding(const struct register_request *request);
// One Contact of a message. False: not one that RFC 5626 lets stand.
[[nodiscard]] bool register_read_contact(const struct hash_keys *keys,
	const struct message *message, struct slice value, uint64_t aor,
	struct register_contact *contact);
