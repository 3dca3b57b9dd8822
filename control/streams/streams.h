// streams.h: connections of phones and proxies (TCP, TLS, WebSocket), on stream threads of their own.
//
// A thread owns its connections from accept to close: it cuts messages out of them, hands those to the workers by its lane of the link
// (link_lane.h), and writes what comes back. It decides nothing about a message; where one goes is the decision engine's alone.
// Flows belong to the main loop: a connection gets one when its first whole message has come, and its messages go down after that
// flow's record. Everything here is called on the main loop unless it says otherwise.

#pragma once

#include "../tls/tls_set.h"
#include "../websocket/handshake.h"
#include "mail.h"

#include <event2/event.h>

struct streams;

// One listener of a stream transport.
struct stream_listener {
	uint8_t id;
	uint8_t side; // enum side
	uint8_t transport; // enum transport
	bool may_be_away; // its address moves between hosts
	struct endpoint address;
	struct span tls; // of TLS and WSS: the entry whose certificate is shown
};

struct stream_limits {
	uint32_t connections; // in all
	uint32_t per_source;
	uint32_t new_per_s; // that begin, in all, on access listeners
	uint32_t new_per_source_per_s; // likewise, of one source
	uint32_t message_octets;
	uint32_t write_octets; // waiting for one reader
	uint32_t first_ms; // from the connection to its first whole message
	uint32_t header_ms; // from a message's first octet to the end of its headers
	uint32_t write_ms; // without progress, for one reader
	uint32_t idle_ms; // nothing came, from who shows no keep-alives
	uint32_t keepalive_ms; // likewise, from who does
	uint32_t flows; // the flow book's slots
};

struct streams_options {
	struct event_base *base;
	const struct stream_listener *listeners; // the caller's, as is the rest
	unsigned listener_count;
	unsigned threads; // 1 to LINK_STREAMS_MAX
	struct stream_limits limits;
	struct handshake_origins origins; // whose web pages may connect
	struct tls_set *tls; // taken over; NULL: no listener needs one
	// A mail of a connection: OPEN wants an answer by streams_reply(), later or at once; CLOSED is the callee's to mail_free().
	void (*mail)(void *context, struct stream_mail *mail);
	void *context;
};

// Listens and starts the threads. 0 or a negative errno; *failed is the listener that could not be opened, or listener_count.
[[nodiscard]] int streams_open(
	const struct streams_options *options, struct streams **streams, unsigned *failed);
// Closes all connections. The mails they had are freed.
void streams_close(struct streams *streams);
// From now on connections begin with these certificates; those that are open keep theirs. Taken over.
void streams_set_tls(struct streams *streams, struct tls_set *tls);
// One a thread; the link client attaches them.
struct link_lane *streams_lanes(struct streams *streams);
// Sessions of the link have begun or ended.
void streams_look(struct streams *streams);
void streams_reply(struct streams *streams, struct stream_mail *mail);
// Open a connection. What becomes of it comes as mails that bear its outlet: OPEN when it stands, and always CLOSED in the end. 0 or -ENOMEM.
[[nodiscard]] int streams_dial(struct streams *streams, const struct stream_dial *dial);
// Close the connection of a flow; its CLOSED comes. 0 or -ENOMEM.
[[nodiscard]] int streams_hang_up(
	struct streams *streams, uint8_t thread, uint32_t slot, uint32_t generation);

// Why a connection was closed. Each value is also a counter.
#define STREAM_ENDS(X) \
	X(PEER, "peer", "the other side closed it") \
	X(BROKEN, "broken", "the network said that it is broken") \
	X(SILENT, "silent", "nothing came for too long") \
	X(SLOW, "slow", "no message within its time, or too few octets a second") \
	X(STALLED, "stalled", "the other side did not read") \
	X(UNREADABLE, "unreadable", "what came is no SIP") \
	X(UNENDED, "unended", "a message that does not say where it ends") \
	X(TOO_LARGE, "too-large", "a message beyond limits.message") \
	X(REFUSED, "refused", "there was no flow for it") \
	X(UNREACHABLE, "unreachable", "of ours: nobody has taken it, or not in time") \
	X(IMPOSTOR, "impostor", "of ours: the certificate is not the target's") \
	X(STRANGER, "stranger", \
		"the listener does not hear it: 'allow', else the upstream targets") \
	X(MEMORY, "memory", "out of memory") \
	X(STOP, "stop", "weir-control ended")

#define STREAM_END(NAME, word, text) STREAM_END_##NAME,
enum stream_end {
	STREAM_ENDS(STREAM_END) STREAM_END_COUNT,
};
#undef STREAM_END
extern const char *const stream_end_words[STREAM_END_COUNT];

struct stream_counts {
	uint64_t accepted;
	uint64_t
		turned_away; // beyond streams.connections, streams.per-source or streams.new-per-source
	uint64_t held_back; // how often new ones had to wait for streams.new-per-second
	uint64_t messages;
	uint64_t pings;
	uint64_t unknown; // messages for connections that are closed
	uint64_t timed_out; // requests answered 503 since the dataplane was not there
	uint64_t repeated; // requests handed down again
	uint64_t ended[STREAM_END_COUNT];
	uint32_t open; // now
};
void streams_count(const struct streams *streams, struct stream_counts *counts);
