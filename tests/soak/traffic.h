// traffic.h: what reaches an edge: phones that register, call and ping, a core that answers, and others who send anything.
//
// One thread plays them all against a dataplane on a network in memory, and is weir-control besides: with its own flow book and
// registration, for which time passes a millisecond a message, so that flows expire, rest and are given out again.

#pragma once

#include "../unit/fake_control.h"
#include "../unit/random.h"
#include "flows/registration.h"
#include "io/io_memory.h"
#include "plane.h"

enum {
	PHONES = 512,
	FLOWS_MAX = 4096,
	ROUTE_MAX = 512,
	SAMPLES_MAX = 256, // messages of the corpus
};

enum traffic_kind {
	TRAFFIC_REGISTER,
	TRAFFIC_INVITE,
	TRAFFIC_BYE,
	TRAFFIC_KEEPALIVE,
	TRAFFIC_STUN,
	TRAFFIC_OPTIONS,
	TRAFFIC_GONE, // not sent: a phone is never heard again, and another takes its place
	TRAFFIC_NOISE,
	TRAFFIC_CORPUS,
	TRAFFIC_SPOILT, // one of the above with octets changed, cut or doubled
	TRAFFIC_KINDS,
};

struct phone {
	struct endpoint peer;
	unsigned life; // how many were in its place before
	size_t route_length; // 0: no call
	unsigned long long call; // its number
	char route[ROUTE_MAX]; // what the core was given to reach it in its call
};

// A message that waits for the records before it.
struct deferred {
	struct deferred *next;
	struct link_down_message head;
	uint8_t octets[];
};

struct octets {
	uint8_t *octets;
	size_t length;
};

struct traffic {
	struct plane *plane;
	struct io_port *port;
	struct session *session;
	struct fake_control control;
	struct hash_keys hashes; // as control has them
	struct random random;
	struct phone phones[PHONES];
	struct flow_book *book;
	struct registration *registration;
	struct flow_time time;
	struct deferred *deferred;
	struct deferred **deferred_end;
	struct octets samples[SAMPLES_MAX];
	unsigned sample_count;
	uint64_t number; // of the next transaction
	uint64_t fed; // datagrams
	uint64_t handed; // messages that control handed down: they count as received, too
	uint64_t answered; // datagrams that came out
	char text[65536]; // of the message being made
};

// samples: a folder of messages. False: it has none, or there is no memory.
[[nodiscard]] bool traffic_open(struct traffic *traffic, const char *samples);
void traffic_close(struct traffic *traffic);
// Feeds one thing of a kind, or of a kind drawn at random.
void traffic_feed(struct traffic *traffic, enum traffic_kind kind);
enum traffic_kind traffic_draw(struct traffic *traffic);
// The core, the phones and control answer all that has come out until nothing does any more. False: the dataplane stands still.
[[nodiscard]] bool traffic_settle(struct traffic *traffic);
uint64_t traffic_received(const struct traffic *traffic);
uint64_t traffic_judged(const struct traffic *traffic);

// --- Between the files of it ---

// The phone that has this address and port; NULL: none has it now.
struct phone *traffic_find_phone(struct traffic *traffic, const struct endpoint *peer);
// traffic_control.c
[[nodiscard]] bool control_open(struct traffic *traffic);
void control_close(struct traffic *traffic);
// A millisecond passes.
void control_tick(struct traffic *traffic);
// Takes what comes up. True: there was something.
bool control_play(struct traffic *traffic);
// traffic_text.c: each writes a message of a phone, or to it, and returns its length.
size_t text_register(char *out, const struct phone *phone, uint64_t number);
size_t text_invite(char *out, const struct phone *phone, uint64_t number);
size_t text_bye(char *out, const struct phone *phone, uint64_t number);
size_t text_options(char *out, const struct phone *phone, uint64_t number);
size_t text_binding(char *out, struct random *random); // STUN
// The answer 200 to a request, with all of its Via and Record-Route; 0: it is none that can be answered.
size_t text_answer(char *out, const char *request, size_t length);
// The number in a message's Call-ID.
bool text_call(unsigned long long *call, const char *request, size_t length);
// All Record-Route of a request as the values of one Route (RFC 3261 section 12.1.1); 0: it has none, or none that fit.
size_t text_route(char out[ROUTE_MAX], const char *request, size_t length);
// Changes octets of a message in place; returns its new length, at most `capacity`.
size_t text_spoil(char *text, size_t length, size_t capacity, struct random *random);
// The host of a phone, in dots, and its port.
int text_peer(char *out, size_t capacity, const struct phone *phone);
