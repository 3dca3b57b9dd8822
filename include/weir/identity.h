// identity.h: who and what a message is about, as keyed hashes of its parsed values.
//
// Never 0, which means "none" in rows and tokens (a hash of 0 becomes 1).

#pragma once

#include <weir/endpoint.h>
#include <weir/flow.h>
#include <weir/keyhash.h>
#include <weir/message.h>
#include <weir/uri.h>

// The canonical AOR: scheme dropped, user unescaped, host in lower case (IP literals as octets), no parameters, port kept.
uint64_t identity_hash_aor(
	const struct hash_keys *keys, const uint8_t *base, const struct uri *aor);
// The +sip.instance value, with or without its quotes and angle brackets.
uint64_t identity_hash_instance(const struct hash_keys *keys, struct span instance);
// User, host, port (0 if absent) and transport of a Contact or request-URI: what rule R6 compares.
uint64_t identity_hash_contact(
	const struct hash_keys *keys, const uint8_t *base, const struct uri *contact);
// The user agent key: AOR and instance-id; without instance-id (length 0) AOR and contact.
uint64_t identity_hash_uak(
	const struct hash_keys *keys, uint64_t aor, uint64_t instance_or_contact);
// Binds a route token to its dialog.
uint32_t identity_hash_bind(const struct hash_keys *keys, struct span call_id, struct span tag);
// Binds a relay token to its message: branch of the top Via, Call-ID, CSeq number and method. The branch is an argument, since
// who mints is still to write that Via.
uint32_t identity_hash_relay(
	const struct hash_keys *keys, const struct message *message, struct span branch);

// The branch we give the request (or, for a response, gave it): 128 bits over the sent-protocol, sent-by and branch of `via`
// (the topmost one that is not ours), Call-ID, CSeq number and From-tag. No method, To-tag, URI, address or time, so that INVITE,
// CANCEL, ACK to a non-2xx and retransmissions agree and a response carries all of it (RFC 3261 section 16.11).
void identity_hash_branch(const struct hash_keys *keys, const struct message *message,
	const struct via *via, uint8_t out[BRANCH_HASH_OCTETS]);
// The proof in our Via's `w`: over listener, slot, generation, our branch, and received and rport of the next Via as we left it; and the
// edge that wrote it, where the sent-by does not say that (another edge's address); else 0.
void identity_hash_return(const struct hash_keys *keys, uint8_t edge, uint8_t listener,
	uint32_t slot, uint32_t generation, const uint8_t branch[BRANCH_HASH_OCTETS],
	struct span received, uint16_t rport, uint8_t out[RETURN_HASH_OCTETS]);
// The To-tag of our own answers (RFC 3261 section 8.2.7): branch inputs and status.
uint64_t identity_hash_tag(
	const struct hash_keys *keys, const struct message *message, uint16_t status);
