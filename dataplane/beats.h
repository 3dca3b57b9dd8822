// beats.h: heartbeats to and from all peers: the keeper's, on top of the pure heartbeat.h.

#pragma once

#include "channel.h"
#include "heartbeat.h"

#include <weir/link.h>

#include <stdbool.h>

struct directory;
struct keeper;
struct session;

enum {
	BEATS_EDGES = 256, // by edge id
};

struct beat_peer {
	bool known; // the directory names it
	bool reported; // to this session's control, as the three below say
	uint8_t reported_liveness;
	uint8_t listener; // of ours, that beats leave by; valid if has_listener
	bool has_listener;
	uint64_t reported_incarnation;
	uint64_t heard_us; // when a beat with a good seal last came, of any epoch
	struct endpoint relay;
	struct heartbeat state;
};

// All of it is the keeper's.
struct beats {
	struct heartbeat_clock clock;
	struct heartbeat_limits limits;
	uint64_t interval_us; // 0: there is no directory yet
	uint64_t beat_due_us;
	uint64_t tick_due_us;
	uint64_t bursts[LINK_WORKERS_MAX]; // of every worker when the last beat was due
	uint64_t incarnation;
	uint8_t edge;
	bool epoch_reported; // to this session's control, as the next says
	uint8_t reported_standing; // enum link_epoch
	struct beat_peer peer[BEATS_EDGES];
};

void beats_init(struct beats *beats, uint64_t wall_ms);
// The directory has changed.
void beats_configure(struct keeper *keeper, const struct directory *directory);
// A datagram of a peer listener that looks like a beat.
void beats_hear(struct keeper *keeper, const struct channel_record *record);
// ICMP says that nobody hears at this address. True: it is a peer's.
bool beats_mark_unreachable(struct keeper *keeper, const struct endpoint *peer);
// Time has passed: liveness, and beats that are due.
void beats_tick(struct keeper *keeper);
// Tell control what has changed since it was told.
void beats_report(struct keeper *keeper, struct session *session);
// Control is another one: it has been told nothing.
void beats_forget_reports(struct beats *beats);
// When beats_tick() is due again.
[[nodiscard]] uint64_t beats_due_us(const struct beats *beats);
