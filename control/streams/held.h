// held.h: requests that came by a connection and left by UDP, or wait, as client transactions (RFC 3261 section 17.1).
//
// Whoever sends by a reliable transport repeats nothing, so what the next hop may lose is for us to repeat. A request goes down with a tag;
// if it left so, or waits for its user agent, a worker says so with the tag (LINK_UP_HELD), and from then on it is handed down
// again at T1, 2*T1 ... until an answer to it passes back, or for 64*T1. Each time it takes the way that is right by then. Belongs to
// the stream thread, like the connection.

#pragma once

#include "stream.h"

enum {
	HELD_T1_MS = 500,
	HELD_T2_MS = 4000,
	HELD_LIFE_MS = 64 * HELD_T1_MS, // Timers B and F
	HELD_MAX = 64, // of one connection
	HELD_OCTETS_MAX = 32 << 20, // of one thread
	// A source of phones holds no more than this part of the room that is free, one connection half of that: however many take all they can
	// get, there is room for the next one, and who is alone has a fifth of it all.
	HELD_SOURCE_PART = 4,
	HELD_SOURCES = 1 << 12, // counters, shared by a seeded hash
};

struct held;

// The message that the thread has read last, about to go down. NULL: it is nothing to be held, or there is no room: it goes without.
struct held *held_new(struct stream *connection, struct span octets);
// It could not go down after all, or is done with; NULL is nothing.
void held_free(struct held *held);
void held_free_all(struct stream *connection);
uint32_t held_tag(const struct held *held); // 0 for NULL
// A worker says that it left by UDP, or waits.
void held_confirm(struct stream *connection, uint32_t tag);
// A message passes back by the connection: an answer ends what it answers.
void held_hear(struct stream *connection, struct span message);
