// transaction_key.h: which transaction a message belongs to (RFC 3261 sections 17.1.3 and 17.2.3), as 128 bits of keyed hash.

#pragma once

#include <weir/keyhash.h>
#include <weir/message.h>

enum {
	TRANSACTION_KEY_OCTETS = 16,
};

struct transaction_key {
	uint8_t octets[TRANSACTION_KEY_OCTETS];
};

// Of a request for its server transaction, as if its method were `method`: an ACK and a CANCEL are looked up as INVITE.
struct transaction_key transaction_key_of_server(
	const struct hash_keys *hashes, const struct message *request, struct span method);
// Of a response, or of the request that we send: branch and method of its CSeq.
struct transaction_key transaction_key_of_client(
	const struct hash_keys *hashes, const struct message *message);
