// token.h: flow tokens, the 60 characters in a Record-Route that bring a dialog home.
//
// A token names a flow without any state about the dialog: whoever holds the cluster's secret reads back which edge minted
// it, which flow of that edge it means, and where that flow goes. Sealed with AES-128-SIV (RFC 5297): the same flow and dialog
// always give the same token, as a stateless proxy must write a retransmission identically (RFC 3261 section 16.11).
//
//     header 1   epoch:4 | secret:1 | kind:2 | family:1      in clear, authenticated (epoch modulo 16 in the top bits)
//     siv   16
//     body  28   edge u8 | slot u32 | generation u32 | listener:7 role:1 | port u16 | uak u64 | bind u32 | address 4 (16)
//
// Integers are in network order. docs/token.md has vectors.

#pragma once

#include <weir/endpoint.h>
#include <weir/flow.h>
#include <weir/keyring.h>
#include <weir/span.h>

#include <assert.h>

enum {
	TOKEN_HEADER_OCTETS = 1,
	TOKEN_SIV_OCTETS = 16,
	TOKEN_BODY_OCTETS_V4 = 28,
	TOKEN_BODY_OCTETS_V6 = 40,
	// 45 octets are 60 base64url characters exactly: no padding, no slack bits, so one text per token.
	TOKEN_OCTETS_V4 = TOKEN_HEADER_OCTETS + TOKEN_SIV_OCTETS + TOKEN_BODY_OCTETS_V4,
	TOKEN_OCTETS_V6 = TOKEN_HEADER_OCTETS + TOKEN_SIV_OCTETS + TOKEN_BODY_OCTETS_V6,
	TOKEN_LENGTH_V4 = TOKEN_OCTETS_V4 / 3 * 4,
	TOKEN_LENGTH_V6 = TOKEN_OCTETS_V6 / 3 * 4,
	TOKEN_BURST = 128, // tokens that one call of the burst functions takes at most
};
static_assert(TOKEN_LENGTH_V4 == 60 && TOKEN_LENGTH_V6 == 76, "tokens are whole base64url groups");

enum token_kind {
	TOKEN_PATH = 0, // in the Path of a REGISTER; always incoming
	TOKEN_ROUTE = 1, // in a Record-Route
	TOKEN_RELAY = 2, // top Route between edges
	TOKEN_BEAT = 3, // heartbeat between keepers
};

enum token_role {
	// Route: the flow's owner sent the request that was record-routed; relay: by R2, may go once more by R5.
	TOKEN_SENDER = 0,
	TOKEN_RECEIVER = 1, // route: it received it; relay: final
};

struct token {
	struct flow_id flow; // relay: flow aimed at (R2), else zero with the edge aimed at
	uint8_t kind;
	uint8_t role;
	uint8_t listener; // of the flow, at flow.edge
	// Where the flow goes; relay: zeroed, and an IPv4 address of zeros in the sealed body.
	struct endpoint peer;
	uint64_t uak; // user agent key: hash of AOR and instance-id; 0: none
	// Hash that binds a route token to its dialog, a relay token to its message; path: 0.
	uint32_t bind;
};

// A heartbeat's 28 octets, in place of the body.
struct beat {
	uint8_t edge;
	uint8_t to; // the edge it is sent to: carried to another, it proves nothing there
	uint32_t epoch; // low 32 bits of the sender's epoch
	uint64_t incarnation; // of the sender
	uint64_t sequence;
	uint32_t echo; // low 32 bits of the last sequence heard from the receiver
};

// Why a token was or was not redeemed. Each value is also a counter: see verdict.h.
enum token_verdict {
	TOKEN_OK,
	TOKEN_MALFORMED, // not one of ours by length or alphabet
	TOKEN_RETIRED, // sealed under an epoch or secret whose key is gone: was ours, long ago
	TOKEN_FORGED, // well-formed, and nobody who holds the secret sealed it
};

// Read one token back. *token is written only when the verdict is TOKEN_OK. Takes the same time whatever the octets of the
// SIV are. Kind and side, and bind, are the caller's to judge; a beat is no token and comes out as TOKEN_FORGED.
[[nodiscard]] enum token_verdict token_redeem(
	struct keyring *keys, struct span text, struct token *token);

// The same for a burst, sharing the cipher calls. count is at most TOKEN_BURST.
void token_redeem_burst(struct keyring *keys, const struct span *texts, unsigned count,
	struct token *tokens, enum token_verdict *verdicts);

// Seal a token under the current epoch of the minting secret. Returns its length, TOKEN_LENGTH_V4 or _V6, by peer.family;
// text holds TOKEN_LENGTH_V6 octets.
size_t token_mint(struct keyring *keys, const struct token *token, uint8_t *text);
void token_mint_burst(struct keyring *keys, const struct token *tokens, unsigned count,
	uint8_t (*texts)[TOKEN_LENGTH_V6]);

// Heartbeats are sealed like tokens and are TOKEN_LENGTH_V4 long.
size_t beat_mint(struct keyring *keys, const struct beat *beat, uint8_t *text);
[[nodiscard]] enum token_verdict beat_redeem(
	struct keyring *keys, struct span text, struct beat *beat);

// Relay and beat tokens are taken from the previous, the current and the next epoch only: true if this one is.
[[nodiscard]] bool token_is_recent(const struct keyring *keys, struct span text);
