// beat_players.h: a whole dataplane of edge 1, and edges 2 and 3 that the test plays by their beats.

#pragma once

#include "plane_lab.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <unistd.h>

enum {
	BEAT_MS = 20, // of these tests
};

// An edge that the test plays.
struct player {
	uint8_t edge;
	uint64_t incarnation;
	uint64_t sequence;
	uint64_t epoch_shift;
	struct keyring *keys;
	struct beat heard; // the last one of edge 1
	unsigned heard_count;
};

static struct player two;
static struct player three;

static inline void setup(void)
{
	plane_lab_start();
	// The keeper waits for every reader: a test that sleeps is none.
	urcu_qsbr_register_thread();
	urcu_qsbr_thread_offline();
	fake_teach_directory(&lab.control, BEAT_MS);
	two = (struct player){
		.edge = 2, .incarnation = 500, .keys = fake_keyring(FAKE_ROTATE_S, 0)};
	three = (struct player){
		.edge = 3, .incarnation = 600, .keys = fake_keyring(FAKE_ROTATE_S, 0)};
}

static inline void teardown(void)
{
	urcu_qsbr_unregister_thread();
	plane_lab_stop();
	keyring_free(two.keys);
	keyring_free(three.keys);
}

static inline void player_hear(struct player *player, const struct io_memory_sent *sent)
{
	struct beat beat;

	if (sent->peer.address[3] != player->edge
		|| beat_redeem(player->keys, span_of(sent->octets, sent->length), &beat)
			!= TOKEN_OK)
		return;
	player->heard = beat;
	player->heard_count++;
}

static inline void players_hear(void)
{
	struct io_memory_sent sent;

	while (io_memory_take(lab.port, &sent)) {
		player_hear(&two, &sent);
		player_hear(&three, &sent);
		free(sent.octets);
	}
}

static inline void player_beat(struct player *player, uint8_t to)
{
	uint8_t text[TOKEN_LENGTH_V6];
	const struct beat beat = {
		.edge = player->edge,
		.to = to,
		.epoch = (uint32_t)(keyring_epoch(player->keys) - player->epoch_shift),
		.incarnation = player->incarnation,
		.sequence = ++player->sequence,
		.echo = (uint32_t)player->heard.sequence,
	};
	size_t length = beat_mint(player->keys, &beat, text);

	plane_lab_feed(FAKE_PEER, "127.0.0.2:7000", span_of(text, length));
}

static inline void beat_for(struct player *player, unsigned beats)
{
	for (unsigned i = 0; i < beats; i++) {
		usleep(BEAT_MS * 1000);
		players_hear();
		player_beat(player, 1);
	}
}

static inline enum peer_liveness liveness(uint8_t edge)
{
	return peer_liveness_read(&lab.plane->peers, edge);
}

static inline bool await_liveness(uint8_t edge, enum peer_liveness wanted)
{
	for (unsigned i = 0; i < 5000 && liveness(edge) != wanted; i++)
		usleep(1000);
	return liveness(edge) == wanted;
}

// Waits for the event that says so of the edge.
static inline bool await_event(
	uint8_t edge, enum peer_liveness wanted, struct link_event_peer *event)
{
	while (fake_await_event(&lab.control, LINK_EVENT_PEER, event, sizeof(*event), 3000))
		if (event->edge == edge && event->liveness == wanted)
			return true;
	return false;
}
