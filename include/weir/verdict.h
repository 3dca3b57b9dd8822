// verdict.h: what became of a message. Every message gets exactly one verdict; the sum of all counters equals the messages
// received, an invariant for tests and operators alike.
//
// The one list from which the enum, the counters, the words in `weirctl drops show`, the trace and the manual come.
//
// X(NAME, word, class, what it means). Classes: forwarded, answered, control, absorbed, dropped.

#pragma once

enum verdict_class {
	VERDICT_FORWARDED, // left as the same message
	VERDICT_ANSWERED, // we answered it ourselves
	VERDICT_CONTROL, // went up to control
	VERDICT_ABSORBED, // rightly ends here
	VERDICT_DROPPED,
};

// clang-format off
#define VERDICTS(X) \
	X(R1_OWN, "r1-own", FORWARDED, "request sent on the flow its token names") \
	X(R2_OWNER, "r2-owner", FORWARDED, "request relayed to the edge that owns the flow") \
	X(R3_HERE, "r3-here", FORWARDED, "request sent on another flow of the same user agent, here") \
	X(R4_ADDRESS, "r4-address", FORWARDED, "request sent from the dead owner's address, which is ours now") \
	X(R5_THERE, "r5-there", FORWARDED, "request relayed to an edge with another flow of the same user agent") \
	X(R1B_DOUBTFUL, "r1b-doubtful", FORWARDED, "request sent on the flow its token names, though it may be dead") \
	X(R6_CONTACT, "r6-contact", FORWARDED, "request without a token sent to the flow of the registered contact") \
	X(UPSTREAM, "upstream", FORWARDED, "request sent to the core") \
	X(MOVED, "moved", FORWARDED, "outgoing request of a phone whose address changed, sent to the core") \
	X(RESPONSE, "response", FORWARDED, "response sent back along its Via") \
	X(RESPONSE_RELAYED, "response-relayed", FORWARDED, "response for another edge handed to it") \
	X(SENT_FOR_CONTROL, "sent-for-control", FORWARDED, "message that control wrote") \
	X(OPTIONS, "options", ANSWERED, "OPTIONS to this edge: 200, or 503 while draining") \
	X(STUN_BINDING, "stun-binding", ANSWERED, "STUN Binding Request: the source's address, or 420") \
	X(BAD_REQUEST, "bad-request", ANSWERED, "400: does not parse, or can be read in two ways") \
	X(BAD_VERSION, "bad-version", ANSWERED, "505: not SIP/2.0") \
	X(BAD_SCHEME, "bad-scheme", ANSWERED, "416: request-URI scheme that is not sip or sips") \
	X(SIPS_IN_CLEAR, "sips-in-clear", ANSWERED, "416: sips request-URI from a phone that is not on TLS or WSS") \
	X(AIM_FORBIDDEN, "aim-forbidden", ANSWERED, "403: Route or request-URI of an address that no phone may have us send to") \
	X(TOO_MANY_HOPS, "too-many-hops", ANSWERED, "483: Max-Forwards was 0") \
	X(BAD_EXTENSION, "bad-extension", ANSWERED, "420: Proxy-Require of something we do not do") \
	X(PATH_REQUIRED, "path-required", ANSWERED, "421: REGISTER without Supported: path, and require-path is set") \
	X(TOKEN_MALFORMED, "token-malformed", ANSWERED, "403: user part on our Route is no token") \
	X(TOKEN_FORGED, "token-forged", ANSWERED, "403: token that nobody with our secret made") \
	X(TOKEN_MISPLACED, "token-misplaced", ANSWERED, "403: a good token of a kind that may not stand here") \
	X(TOKEN_BIND, "token-bind", ANSWERED, "403: route token of another dialog, or without a dialog") \
	X(TOKEN_RETIRED, "token-retired", ANSWERED, "430: token of an epoch whose key is gone") \
	X(R9_GONE, "r9-gone", ANSWERED, "430: no living way to the user agent") \
	X(NOT_FOUND, "not-found", ANSWERED, "404: request from the core that names no flow of ours") \
	X(OVERLOAD, "overload", ANSWERED, "503: control's ring is full, or the edge drains") \
	X(MOVED_LIMIT, "moved-limit", ANSWERED, "503: more requests of moved phones a second than settings allow") \
	X(LIMITED, "limited", ANSWERED, "503: over a limit, or the worker is behind; so many a second, the rest under the verdicts of the limits") \
	X(NO_UPSTREAM, "no-upstream", ANSWERED, "503: no core target is known") \
	X(TOO_LARGE, "too-large", ANSWERED, "513: would not fit after our headers are added") \
	X(CONTROL_ANSWER, "control-answer", ANSWERED, "REGISTER that control refused") \
	X(NOT_READY_STREAM, "not-ready-stream", ANSWERED, "503: the tables are not complete, and what came by a stream is not repeated") \
	X(REGISTER, "register", CONTROL, "REGISTER handed to control") \
	X(REGISTERED, "registered", CONTROL, "answer to a REGISTER handed to control") \
	X(CONTROL_RESPONSE, "control-response", CONTROL, "answer to a request of control's own") \
	X(R8_PARKED, "r8-parked", ABSORBED, "no answer yet: the user agent has just lost its flow, the retransmission is decided anew") \
	X(NOT_READY, "not-ready", ABSORBED, "no answer yet: the tables are not complete, the retransmission is decided anew") \
	X(KEEPALIVE, "keepalive", ABSORBED, "keep-alive datagram") \
	X(BEAT, "beat", ABSORBED, "heartbeat of another edge") \
	X(ACK_ABSORBED, "ack-absorbed", ABSORBED, "ACK to an answer of our own") \
	X(UNSENDABLE, "unsendable", DROPPED, "response or ACK that would not fit after our headers are changed") \
	X(STUN, "stun", DROPPED, "STUN message that is no good Binding Request") \
	X(UNREADABLE, "unreadable", DROPPED, "does not parse far enough to be answered") \
	X(BAD_RESPONSE, "bad-response", DROPPED, "response that does not parse") \
	X(ACK_DROPPED, "ack-dropped", DROPPED, "ACK that leads nowhere: an ACK is never answered") \
	X(PHONE_LIMIT, "phone-limit", DROPPED, "more messages of one registered phone than limits.per-phone allows") \
	X(SOURCE_LIMIT, "source-limit", DROPPED, "more messages of one address with no registered phone than limits.per-source allows") \
	X(STRANGER_LIMIT, "stranger-limit", DROPPED, "more messages of all who are no registered phones than limits.strangers allows") \
	X(SHED, "shed", DROPPED, "the worker is behind: what opens a dialog goes first, then REGISTER") \
	X(TOKEN_LIMIT, "token-limit", DROPPED, "bad token of a source that limits.refusals has been told so this second") \
	X(CORE_SOURCE, "core-source", DROPPED, "came to a core listener from outside its allow list") \
	X(PEER_SOURCE, "peer-source", DROPPED, "came to a peer listener without a valid relay token") \
	X(VIA_PROOF, "via-proof", DROPPED, "response whose Via we did not write so") \
	X(VIA_FOREIGN, "via-foreign", DROPPED, "response whose top Via is nobody's here") \
	X(RELAY_DOWN, "relay-down", DROPPED, "response for another edge, which is down") \
	X(ADDRESS_AWAY, "address-away", DROPPED, "came to, or would leave from, an address that has moved to another host") \
	X(EGRESS_GUARD, "egress-guard", DROPPED, "would have been sent where its listener may not send") \
	X(RING_FULL, "ring-full", DROPPED, "control's ring is full and the message cannot be answered") \
	X(STREAM_GONE, "stream-gone", DROPPED, "for a connection that is closed") \
	X(SEND_FAILED, "send-failed", DROPPED, "the backend could not take it")
// clang-format on

#define VERDICT_ENUM(NAME, word, class, text) VERDICT_##NAME,
enum verdict {
	VERDICTS(VERDICT_ENUM) VERDICT_COUNT,
	VERDICT_NONE = VERDICT_COUNT, // while a message is still being decided on
};
#undef VERDICT_ENUM
