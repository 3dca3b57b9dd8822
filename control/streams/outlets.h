// outlets.h: connections to the targets of the core: one each, opened, and kept open for as long as somebody asks for it.
//
// Opened at once, and after a failure or a loss at a random time between 0 and a bound that doubles, so that edges that lose a core
// together do not come back to it together ("full jitter"). A connection that has carried anything begins with the least bound again.
// Main loop. No clock and no sockets: who calls brings the time, and the stream threads open what they are told to (streams.h).

#pragma once

#include "mail.h"

enum {
	OUTLETS_MAX = 128,
	OUTLET_BACKOFF_MIN_MS = 500,
	OUTLET_BACKOFF_MAX_MS = 30000,
	// What nobody has asked for any more is closed when no transaction can be waiting for it (RFC 3261 section 17.1: 64*T1).
	OUTLET_UNASKED_MS = 32000,
};

struct outlets;

// A target. Two of them that are the same are one connection.
struct outlet_target {
	uint8_t listener; // whose address it is opened from
	struct endpoint endpoint;
	struct span host; // TLS: whom the certificate must name, without brackets; TCP: length 0
};

struct outlet_state {
	uint32_t slot; // its flow; generation 0: it is not open
	uint32_t generation;
	bool mutual; // both sides have shown certificates: it may be used both ways (RFC 5923)
	uint64_t since_ms; // open again since then; 0: it was never lost
};

struct outlets_options {
	uint32_t silent_ms; // a connection is closed when nothing has come for so long
	// Draws a number; NULL: OpenSSL does.
	uint32_t (*draw)(void *context);
	// Begin. What becomes of it is told by outlets_opened() and outlets_closed(). 0 or a negative errno: nothing will.
	int (*dial)(void *context, const struct stream_dial *dial);
	void (*hang_up)(void *context, uint8_t thread, uint32_t slot, uint32_t generation);
	// Some outlet is open now, or is not any more.
	void (*changed)(void *context);
	void *context;
};

// NULL: out of memory.
[[nodiscard]] struct outlets *outlets_new(const struct outlets_options *options);
void outlets_free(struct outlets *outlets);
// From now on.
void outlets_set_silence(struct outlets *outlets, uint32_t silent_ms);

// Have it open from now on, and say how it stands.
struct outlet_state outlets_ask(
	struct outlets *outlets, const struct outlet_target *target, uint64_t now_ms);
// Several times a second: what is due is opened, what nobody asks for ends.
void outlets_run(struct outlets *outlets, uint64_t now_ms);

// It stands. False: nobody wants it any more.
[[nodiscard]] bool outlets_is_wanted(const struct outlets *outlets, uint32_t outlet);
// It has a flow, which is in the tables.
void outlets_opened(struct outlets *outlets, const struct stream_mail *mail, uint64_t now_ms);
// It has closed, or never stood. One that is not wanted any more is no fault. True: it was open, or has failed in another way
// than the last time.
bool outlets_closed(struct outlets *outlets, const struct stream_mail *mail, uint64_t now_ms);
// A connection that came by a listener, and has its flow: where it bears the certificate of a target that can be reached by no connection of ours,
// it stands for that (RFC 5923).
void outlets_lend(struct outlets *outlets, const struct stream_mail *mail, uint64_t now_ms);
// It has closed.
void outlets_take_back(struct outlets *outlets, const struct stream_mail *mail, uint64_t now_ms);

// Until it is tried again after so many failures in a row, 1 and more.
uint32_t outlet_backoff_ms(unsigned failures, uint32_t drawn);
