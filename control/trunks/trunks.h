// trunks.h: the connections of a proxy on its own loop: those that come to its listeners, and those that it opens to next hops.
//
// A message that comes is handed on at once; one that is sent is queued while its connection is being opened, and bounded in what waits.
// A connection has a number, which no other ever gets: it is how a request is answered by the connection that it came by (RFC 3261
// section 18.2.2), and how a flow is known (RFC 5626 section 6). Everything is called on the loop's thread.

#pragma once

#include "../tls/tls_set.h"

#include <weir/endpoint.h>
#include <weir/message.h>
#include <weir/side.h>

#include <event2/event.h>

struct trunks;

// Why one ended.
enum trunk_end {
	TRUNK_END_PEER, // the other side has closed
	TRUNK_END_BROKEN, // an error of the transport
	TRUNK_END_REFUSED, // nobody took it, in time or at all
	TRUNK_END_STRANGER, // TLS: not who it was meant for
	TRUNK_END_SLOW, // the first message, or the rest of one, did not come in time
	TRUNK_END_SILENT, // nothing for longer than it may be idle, or has promised to be
	TRUNK_END_STALLED, // what it was sent was not read
	TRUNK_END_UNREADABLE, // what came is no SIP, too large, or does not say where it ends
	TRUNK_END_STOP, // by us
	TRUNK_ENDS,
};

struct trunk_limits {
	uint32_t connections; // that have come, at once; and as many that were opened
	uint32_t per_source; // likewise
	uint32_t write_octets; // that wait for a reader
	uint32_t connect_ms; // until a connection of ours stands, TLS and all
	uint32_t first_ms; // until the first message is whole
	uint32_t
		header_ms; // from the first octet of a message to its last, and a bit more for long ones
	uint32_t write_ms; // without any progress
	uint32_t idle_ms;
	uint32_t keepalive_ms; // of who shows keep-alives
};

// Of all transports: those of streams are listened on, and connections are opened from the address of one.
struct trunk_listener {
	struct endpoint address;
	uint8_t transport; // enum transport
	struct span tls; // entry of TLS
	const struct prefix *allow; // whom it hears; the caller's
	size_t allow_count; // 0: anybody
};

[[nodiscard]] static inline bool trunk_listener_hears(
	const struct trunk_listener *listener, const struct endpoint *source)
{
	for (size_t i = 0; i < listener->allow_count; i++)
		if (prefix_contains(&listener->allow[i], source))
			return true;
	return listener->allow_count == 0;
}

// A connection as others see it.
struct trunk_party {
	uint64_t id;
	struct endpoint peer;
	struct endpoint listener; // that it came to; of one that we opened: where it comes from
	uint8_t transport; // TCP or TLS
	bool opened; // by us
};

struct trunks_options {
	struct event_base *base;
	const struct trunk_listener *listeners; // the caller's
	unsigned listener_count;
	struct trunk_limits limits;
	struct tls_set *tls; // taken over; NULL: no TLS
	struct span client_tls; // entry that is shown to whom we connect to; length 0: none is
	// A whole message; it need not be one that can be read.
	void (*message)(void *context, const struct trunk_party *from, struct span octets);
	// A request whose end cannot be told, or that is too long: `message` is its headers. The connection ends when the answer is out.
	void (*refuse)(void *context, const struct trunk_party *from, const struct message *message,
		unsigned status);
	// It is gone. Not called from within trunks_send() or trunks_reach().
	void (*closed)(void *context, const struct trunk_party *from, enum trunk_end end);
	void *context;
};

struct trunks_counts {
	uint32_t open; // now
	uint64_t accepted;
	uint64_t opened; // by us
	uint64_t turned_away; // beyond a limit, or not to be heard
	uint64_t pings;
	uint64_t messages;
	uint64_t ended[TRUNK_ENDS];
};

// *failed is the listener that could not be opened, or listener_count. 0 or a negative errno.
[[nodiscard]] int trunks_open(
	const struct trunks_options *options, struct trunks **trunks, unsigned *failed);
// Nobody is told.
void trunks_close(struct trunks *trunks);
// Connections from now on are shown these. Taken over.
void trunks_set_tls(struct trunks *trunks, struct tls_set *set);
const struct trunks_counts *trunks_count(const struct trunks *trunks);

// A connection to that address: one that we opened before, or one whose other side may be reached so, else a new one. TLS: it must prove
// to be `name`. 0: there is none, and none can be opened, or there are too many.
[[nodiscard]] uint64_t trunks_reach(
	struct trunks *trunks, const struct endpoint *peer, uint8_t transport, struct span name);
// False: there is no such connection (any more).
[[nodiscard]] bool trunks_find(const struct trunks *trunks, uint64_t id, struct trunk_party *party);
[[nodiscard]] bool trunks_have(const struct trunks *trunks, uint64_t id);
// False: there is no such connection (any more).
[[nodiscard]] bool trunks_send(struct trunks *trunks, uint64_t id, struct span octets);
// RFC 5923: requests for that address and port may go by a connection that came from there, if both sides have proven who they are.
void trunks_alias(struct trunks *trunks, uint64_t id, uint16_t port);
