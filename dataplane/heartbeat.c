// heartbeat.c: whether another edge lives.

#include "heartbeat.h"

// Later in the circle of 32-bit sequences.
static bool sequence_is_later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

void heartbeat_clock_begin(struct heartbeat_clock *clock, uint64_t wall_ms)
{
	*clock = (struct heartbeat_clock){.sequence = wall_ms};
}

uint64_t heartbeat_clock_send(struct heartbeat_clock *clock, uint64_t now_us)
{
	uint64_t sequence = ++clock->sequence;

	clock->sent_us[sequence % HEARTBEAT_SENT_MEMORY] = now_us;
	return sequence;
}

void heartbeat_begin(struct heartbeat *peer, const struct heartbeat_clock *clock)
{
	*peer = (struct heartbeat){
		.liveness = PEER_DEAD,
		.echoed = (uint32_t)clock->sequence,
	};
}

static void round_trip_note(
	struct heartbeat *peer, const struct heartbeat_clock *clock, uint32_t echo, uint64_t now_us)
{
	uint32_t age = (uint32_t)clock->sequence - echo;
	uint64_t sequence = clock->sequence - age;

	if (age >= HEARTBEAT_SENT_MEMORY)
		return;
	uint64_t trip = now_us - clock->sent_us[sequence % HEARTBEAT_SENT_MEMORY];

	if (trip < UINT32_MAX && (peer->round_trip_us == 0 || trip < peer->round_trip_us))
		peer->round_trip_us = trip == 0 ? 1 : (uint32_t)trip;
}

// An echo of a beat that we have sent, newer than the newest echo so far.
static bool echo_is_proof(
	const struct heartbeat *peer, const struct heartbeat_clock *clock, uint32_t echo)
{
	return sequence_is_later(echo, peer->echoed)
		&& !sequence_is_later(echo, (uint32_t)clock->sequence);
}

// Another life of the peer: what it echoed before proves nothing for this one.
static void incarnation_begin(
	struct heartbeat *peer, const struct heartbeat_clock *clock, uint64_t incarnation)
{
	if (peer->incarnation != 0)
		peer->echoed = (uint32_t)clock->sequence;
	peer->incarnation = incarnation;
	peer->heard = 0;
	peer->round_trip_us = 0;
}

bool heartbeat_hear(struct heartbeat *peer, const struct heartbeat_clock *clock,
	const struct beat *beat, uint64_t now_us)
{
	// Of two edges with one id the newer is heard; once it has long been silent, whoever is left.
	if (beat->incarnation < peer->incarnation
		&& now_us - peer->heard_us < HEARTBEAT_NEWER_SILENT_US)
		return false;
	if (beat->incarnation != peer->incarnation)
		incarnation_begin(peer, clock, beat->incarnation);
	peer->heard_us = now_us;
	bool proof = echo_is_proof(peer, clock, beat->echo);

	// A lower sequence is an old beat, unless the peer began anew under a clock that was set back.
	if (beat->sequence > peer->heard || proof || peer->liveness == PEER_DEAD)
		peer->heard = beat->sequence;
	peer->epoch = beat->epoch;
	if (!proof)
		return true;
	if (peer->liveness != PEER_UP)
		peer->round_trip_us = 0;
	round_trip_note(peer, clock, beat->echo, now_us);
	peer->liveness = PEER_UP;
	peer->echoed = beat->echo;
	peer->proved_us = now_us;
	return true;
}

void heartbeat_tick(struct heartbeat *peer, const struct heartbeat_limits *limits, uint64_t now_us)
{
	// Suspicion begins now, not when it was due: after a pause of our own all peers look silent, and they get their time.
	if (peer->liveness == PEER_UP && now_us - peer->proved_us >= limits->suspect_after_us) {
		peer->liveness = PEER_SUSPECT;
		peer->suspect_us = now_us;
		peer->lost_us = now_us;
	} else if (peer->liveness == PEER_SUSPECT
		&& now_us - peer->suspect_us >= limits->dead_after_us) {
		peer->liveness = PEER_DEAD;
	}
}

void heartbeat_mark_unreachable(struct heartbeat *peer)
{
	if (peer->liveness == PEER_SUSPECT)
		peer->liveness = PEER_DEAD;
}
